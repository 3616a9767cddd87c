// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section "Worklist" of the configuration.

#pragma once

#include <string>

#include "Core/Configuration/Configuration.h"
#include "PriorStudies.h"

namespace OrthancClinic::Worklist
{
const Json::Value& OptionsSchema();

struct Options
{
  int lookBackDays = 0;
  int lookAheadDays = 30;
  int unscheduledDays = 7;
  bool onlyOwnStation = false;
  std::string defaultModality;
  size_t limitAnswers = 1000;
  bool utf8WhenNeeded = true;
  PriorOptions priors;
};

// Throws BadInput with the key's path.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Worklist
