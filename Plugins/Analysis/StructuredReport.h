// SPDX-License-Identifier: GPL-3.0-or-later
//
// A result as a DICOM Comprehensive SR of TID 1500 (PS3.16): a measurement group for each finding, with its
// image, its region, who found it (TID 4019) and how sure. And the note that a person rejected it.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "AnalysisStore.h"
#include "Finding.h"

namespace OrthancClinic::Analysis
{
struct ReportContent
{
  Analysis analysis;
  std::vector<AnalysedImage>
      images;             // with the tags of at least the first: the study's and the patient's attributes
  Json::Value result;     // what the report says; of a verified one, what the person left of it
  std::string algorithm;  // name of what analysed
  std::string algorithmVersion;

  // Of a verified one.
  std::string verifiedBy;  // a person's name; empty: the report is UNVERIFIED
  std::string organization;
  std::string comment;
};

// A DICOM file. Throws Unavailable if it cannot be made.
std::string MakeReport(const ReportContent& content);

// What was made of a result.
struct MadeObject
{
  bool isOverlay = false;  // else the report
  std::string seriesInstanceUid;
  std::string sopInstanceUid;
};

// The Key Object Selection "Rejected for Quality Reasons" of `analysis.reviewedBy` about `rejected`, by which
// archives know what to show nobody (PS3.16 TID 2010; IHE Radiology, Imaging Object Change Management).
// `tags` as of one of the images. A DICOM file; throws Unavailable if it cannot be made.
std::string MakeRejectionNote(const Analysis& analysis, const Json::Value& tags,
                              const std::vector<MadeObject>& rejected);
}  // namespace OrthancClinic::Analysis
