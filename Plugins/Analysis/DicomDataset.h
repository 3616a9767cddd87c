// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the makers of DICOM objects in this plugin share.

#pragma once

#include <json/value.h>

#include <string>

class DcmFileFormat;
class DcmItem;
class OFCondition;

namespace OrthancClinic::Analysis
{
// Throws Unavailable with DCMTK's reason.
void CheckDicom(const OFCondition& condition);

// What every object has in common with its study: PS3.3 C.7.1.1, C.7.2.1. `tags` as of
// "/instances/{id}/tags?short"; the dataset is in UTF-8.
void CopyStudyAttributes(DcmItem& dataset, const Json::Value& tags);

// Part 10, explicit little endian.
std::string WriteDicom(DcmFileFormat& file);
}  // namespace OrthancClinic::Analysis
