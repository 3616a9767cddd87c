// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which kind of dental X-ray an image is, from what DICOM says of it. Rules and prompts go by it.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
// A line of the table: what is empty (or 0) is not asked. The first line that fits decides.
struct XrayTypeRule
{
  std::string type;
  std::vector<std::string> modalities;
  std::vector<std::string> sopClasses;
  std::vector<std::string>
      words;  // one of them, folded, in what describes the view, the region, the series or the device
  double minimumAspect = 0;  // columns / rows
  double maximumAspect = 0;
};

// "panoramic", "bitewing", "periapical", "cephalometric", "cbct" or "other"; `tags` as of
// "/instances/{id}/tags?short".
ORTHANC_CLINIC_API std::string XrayTypeOf(const std::vector<XrayTypeRule>& table, const Json::Value& tags);

// JSON of the configuration (an array), and the table that it has by default.
ORTHANC_CLINIC_API const Json::Value& DefaultXrayTypes();
ORTHANC_CLINIC_API std::vector<XrayTypeRule> ReadXrayTypes(const Json::Value& json);
}  // namespace OrthancClinic
