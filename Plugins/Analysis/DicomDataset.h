// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the makers of DICOM objects in this plugin share.

#pragma once

#include <json/value.h>

#include <functional>
#include <string>

class DcmFileFormat;
class DcmItem;
class OFCondition;

namespace OrthancClinic::Analysis
{
// Throws Unavailable with DCMTK's reason.
void CheckDicom(const OFCondition& condition);

// What every object has in common with its study: PS3.3 C.7.1.1, C.7.2.1. `tags` as of
// "/instances/{id}/tags?short"; the dataset is in UTF-8. What the study does not say, the object does not
// either.
void CopyStudyAttributes(DcmItem& dataset, const Json::Value& tags);

// As one value of LO: of at most 64 bytes, since the standard counts characters and some readers do not.
std::string ShortText(const std::string& text);

// Throws Unavailable if it cannot be read.
void ReadDicom(const std::string& bytes, DcmFileFormat& file);

// The identifiers of a multi-valued text, each replaced by what `by` gives for it.
std::string ReplaceUids(const std::string& text, const std::function<std::string(const std::string&)>& by);

// Part 10, explicit little endian, unless the pixels were read compressed.
std::string WriteDicom(DcmFileFormat& file);
}  // namespace OrthancClinic::Analysis
