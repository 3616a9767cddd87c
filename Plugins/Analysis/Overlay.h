// SPDX-License-Identifier: GPL-3.0-or-later
//
// The findings drawn into the image in which they were made, as a DICOM Secondary Capture: for viewers that
// do not show structured reports. No text of the patient is drawn, and every image says that software made
// it.

#pragma once

#include <json/value.h>

#include <string>

#include "AnalysisStore.h"
#include "Core/Dicom/Image.h"
#include "Finding.h"
#include "Lettering.h"

namespace OrthancClinic::Analysis
{
// That software made it, in that language; in English if the font lacks letters of it, so that it can be
// read.
std::string LabelIn(const std::string& language, const Lettering& lettering);

// `rendered` is the image as a person sees it, of 8 bits and any size; `language` that of the label. Gives
// RGB.
Image DrawFindings(const Lettering& lettering, const Image& rendered, const AnalysedImage& image,
                   const Json::Value& findings, const std::string& language);

// Whether a finding has a place in this image.
bool HasRegions(const AnalysedImage& image, const Json::Value& findings);

struct OverlayContent
{
  const Analysis& analysis;
  const AnalysedImage& image;  // with its tags
  const Image& drawn;          // RGB
  int number;                  // InstanceNumber
  std::string algorithm;
  std::string algorithmVersion;
};

// A DICOM file, however often it is made one instance. Throws Unavailable if it cannot be made.
std::string MakeOverlay(const OverlayContent& content);
}  // namespace OrthancClinic::Analysis
