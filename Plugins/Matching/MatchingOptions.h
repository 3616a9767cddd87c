// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section "Matching" of the configuration.

#pragma once

#include "Core/Configuration/Configuration.h"
#include "PatientIndex.h"

namespace OrthancClinic::Matching
{
const Json::Value& OptionsSchema();

// Throws BadInput with the key's path.
Thresholds ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Matching
