// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is wrong with a DICOM file, in words, and what it says.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "Core/Orthanc.h"

namespace OrthancClinic::Intake
{
struct Validation
{
  std::vector<std::string> problems;     // why it cannot be stored
  std::vector<std::string> warnings;     // what another system may stumble over
  Json::Value tags = Json::objectValue;  // as of IOrthanc::ReadDicom; empty for what cannot be read
  std::string transferSyntax;            // UID
};

Validation Validate(IOrthanc& orthanc, const std::string& file);

// The elements that people look at, by keyword: {PatientID, PatientName, …}; those that are absent are empty.
Json::Value TagsByKeyword(const Validation& file);
}  // namespace OrthancClinic::Intake
