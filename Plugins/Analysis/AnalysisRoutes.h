// SPDX-License-Identifier: GPL-3.0-or-later
//
// The REST face of analyses: request, look, review, cancel, print.

#pragma once

#include <json/value.h>

#include <string>

#include "Analyzer.h"
#include "Core/Database/Database.h"
#include "Core/Rest/Router.h"

namespace OrthancClinic::Analysis
{
// `analyzer` must live until Orthanc has stopped.
void AddAnalysisRoutes(Router& router, Database& database, Analyzer& analyzer);

// Prometheus' text format.
std::string Metrics(Database& database);

Json::Value ToJson(const Analysis& analysis, const std::vector<Dispatch>& dispatches);
}  // namespace OrthancClinic::Analysis
