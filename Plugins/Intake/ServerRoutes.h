// SPDX-License-Identifier: GPL-3.0-or-later
//
// `/api/v1/servers` and `/api/v1/imports`, and how the dental CRM spells them.

#pragma once

#include "Core/Database/Database.h"
#include "Core/Rest/Router.h"
#include "Importer.h"
#include "RemoteArchive.h"
#include "ServerDirectory.h"

namespace OrthancClinic::Intake
{
// All of it outlives the router.
struct ServerParts
{
  Database& database;
  ServerDirectory& directory;
  Importer& importer;
  Surroundings surroundings;
};

void AddServerRoutes(Router& router, const ServerParts& parts);
void AddImportRoutes(Router& router, const ServerParts& parts);
}  // namespace OrthancClinic::Intake
