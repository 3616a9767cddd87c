// SPDX-License-Identifier: GPL-3.0-or-later
//
// The result of an analysis as the dental CRM reads it, X-ray by X-ray.

#pragma once

#include <json/value.h>

#include <string>

#include "AnalysisStore.h"
#include "Core/Database/Database.h"

namespace OrthancClinic::Analysis
{
// {findings, confidence, recommendations, model, analyzedAt, disclaimer, …} of the X-ray alone, of an
// analysis that is completed; its dispatch is the one that was answered. `confidence` is the least that the
// provider gave; null if it gave none. `review` is {decision, reviewedBy, reviewedAt} once a person has
// reviewed it: the findings are then those that this person left, none if they rejected it.
Json::Value CrmResult(const Analysis& analysis, const Dispatch& dispatch, const std::string& xrayId);

// Keeps it in the record of every X-ray that was analysed; of a reviewed one, where it is the last still.
void WriteIntoXrays(Transaction& transaction, const Analysis& analysis, const Dispatch& dispatch);
}  // namespace OrthancClinic::Analysis
