// SPDX-License-Identifier: GPL-3.0-or-later
//
// The worklist over HTTP: ours, and the dental CRM's.

#pragma once

#include "Core/Database/Database.h"
#include "Core/Rest/Router.h"
#include "Schedule.h"

namespace OrthancClinic::Worklist
{
void AddWorklistRoutes(Router& router, Database& database, Schedule& schedule);
}  // namespace OrthancClinic::Worklist
