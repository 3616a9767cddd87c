// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section "Access" of the configuration.

#pragma once

#include <json/value.h>

#include <string>

#include "Core/Configuration/Configuration.h"

namespace OrthancClinic::Access
{
struct Options
{
  bool enabled = false;
  int sessionMinutes = 0;
  int tokenMinutes = 0;
  int failuresUntilLocked = 0;
  int lockMinutes = 0;
  int loginsPerMinute = 0;
  bool secureCookies = false;
  std::string modalities;
};

const Json::Value& OptionsSchema();

// Throws BadInput for what cannot be.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Access
