// SPDX-License-Identifier: GPL-3.0-or-later
//
// The review of matches by a person: list, confirm, reject, create a patient, undo. Every decision is
// audited.

#pragma once

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Rest/Router.h"

namespace OrthancClinic::Matching
{
void AddMatchRoutes(Router& router, Database& database, const EventLog& events);
}  // namespace OrthancClinic::Matching
