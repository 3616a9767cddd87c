// SPDX-License-Identifier: GPL-3.0-or-later
//
// The scripts of Records/Migrations, which make the tables of Core.

#pragma once

#include "Core/Api.h"
#include "Core/Database/Database.h"

namespace OrthancClinic
{
ORTHANC_CLINIC_API MigrationScripts CoreMigrations();
}  // namespace OrthancClinic
