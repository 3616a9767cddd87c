// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an analysis finds, in one JSON model whatever the provider: {findings: [...], summary?}. README.md
// describes it; nothing is stored that does not conform.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "Core/Dicom/Tags.h"

namespace OrthancClinic::Analysis
{
// One frame of the study that is analysed.
struct AnalysedImage
{
  std::string orthancInstanceId;
  std::string orthancSeriesId;
  std::string sopClassUid;
  std::string sopInstanceUid;
  std::string seriesInstanceUid;
  int frame = 1;  // from 1, as DICOM counts
  int numberOfFrames = 1;
  int columns = 0;
  int rows = 0;
  Json::Value tags;  // as of "/instances/{id}/tags?short"
};

const Json::Value& FindingSchema();

// {findings, summary?}
const Json::Value& ResultSchema();

// Throws BadInput that says where, and never what a text says, unless the result conforms to the schema and
// speaks only of these images, with every box and polygon inside of them.
void CheckResult(const Json::Value& result, const std::vector<AnalysedImage>& images);
}  // namespace OrthancClinic::Analysis
