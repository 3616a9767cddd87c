// SPDX-License-Identifier: GPL-3.0-or-later
//
// The record of a decision in which software took part, as a page that a person can print: which information
// was used, the principal factors, and who reviewed it (P-39.1 s. 12.1, Law 25).

#pragma once

#include <json/value.h>

#include <string>

#include "AnalysisStore.h"

namespace OrthancClinic::Analysis
{
// HTML, complete by itself, with the labels in that language. `dispatch` is the document of the one that was
// answered.
std::string DecisionRecord(const Analysis& analysis, const Json::Value& dispatch,
                           const std::string& language);
}  // namespace OrthancClinic::Analysis
