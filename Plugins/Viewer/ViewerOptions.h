// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section "Viewer" of the configuration, and what the viewer needs to know of Orthanc's.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "Core/Configuration/Configuration.h"

namespace OrthancClinic::Viewer
{
struct Options
{
  std::string publicUrl;  // without a slash at the end; empty: as the request has it
  std::vector<std::string> frameAncestors;
  std::string ohif;  // folders
  std::string app;
  int linkMinutes = 0;
  std::string dicomWebRoot;  // "/dicom-web/"
  bool secureCookies = false;
};

const Json::Value& OptionsSchema();

// Throws BadInput for what cannot be.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Viewer
