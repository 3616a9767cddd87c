// SPDX-License-Identifier: GPL-3.0-or-later
//
// The routes of replication: what is where, restore, verify.

#pragma once

#include <string>

#include "Core/Database/Database.h"
#include "Core/Rest/Router.h"
#include "TargetDirectory.h"

namespace OrthancClinic::Replication
{
// Prometheus' text format.
std::string Metrics(Database& database, TargetDirectory& targets);

void AddReplicationRoutes(Router& router, Database& database, TargetDirectory& targets);
}  // namespace OrthancClinic::Replication
