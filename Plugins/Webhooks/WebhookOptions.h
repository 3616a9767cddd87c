// SPDX-License-Identifier: GPL-3.0-or-later
//
// The options of "Clinic.Webhooks".

#pragma once

#include <json/value.h>

#include "Core/Configuration/Configuration.h"

namespace OrthancClinic::Webhooks
{
const Json::Value& OptionsSchema();

struct Options
{
  bool privateAddresses = false;  // whether endpoints may lie there
  int retryDays = 3;
  int logDays = 30;
  int matchWaitSeconds = 10;
};

// Throws BadInput with the key's path.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Webhooks
