// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which studies a rule concerns.

#pragma once

#include <json/value.h>

#include <string>

#include "AnalysisOptions.h"
#include "Core/Records/Study.h"

namespace OrthancClinic::Analysis
{
// `tags` of the study's first image (as of "/instances/{id}/tags?short"), and the kind of X-ray that it is.
// A rule about age does not concern a study whose patient's age is not known.
bool Concerns(const Rule& rule, const Study& study, const Json::Value& tags, const std::string& xrayType);
}  // namespace OrthancClinic::Analysis
