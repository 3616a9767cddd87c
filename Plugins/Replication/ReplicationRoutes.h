// SPDX-License-Identifier: GPL-3.0-or-later
//
// The routes of replication: what is where, restore, verify.

#pragma once

#include <memory>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Rest/Router.h"
#include "Replicator.h"

namespace OrthancClinic::Replication
{
using Replicators = std::vector<std::unique_ptr<Replicator>>;

// Prometheus' text format.
std::string Metrics(Database& database, const Replicators& replicators);

void AddReplicationRoutes(Router& router, Database& database, const Replicators& replicators);
}  // namespace OrthancClinic::Replication
