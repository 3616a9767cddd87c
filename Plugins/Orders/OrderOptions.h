// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section "Orders" of the configuration.

#pragma once

#include <string>

#include "Core/Configuration/Configuration.h"

namespace OrthancClinic::Orders
{
const Json::Value& OptionsSchema();

struct Options
{
  std::string accessionNumberFormat;
};

// Throws BadInput with the key's path.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Orders
