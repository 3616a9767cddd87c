// SPDX-License-Identifier: GPL-3.0-or-later
//
// The options of "Clinic.Webhooks".

#pragma once

#include <json/value.h>

#include <vector>

#include "Core/Configuration/Configuration.h"
#include "IncomingSender.h"

namespace OrthancClinic::Webhooks
{
const Json::Value& OptionsSchema();

struct Options
{
  bool privateAddresses = false;  // whether endpoints may lie there
  int retryDays = 3;
  int logDays = 30;
  int matchWaitSeconds = 10;
  std::vector<IncomingSender> incomingSenders = {};
  int incomingRetentionDays = 30;
};

// Throws BadInput with the key's path.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Webhooks
