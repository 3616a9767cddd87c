// SPDX-License-Identifier: GPL-3.0-or-later
//
// Users, roles and API keys by REST.

#pragma once

#include "AccessDirectory.h"
#include "Core/Rest/Router.h"

namespace OrthancClinic::Access
{
void AddUserRoutes(Router& router, Database& database, AccessDirectory& directory);
}  // namespace OrthancClinic::Access
