// SPDX-License-Identifier: GPL-3.0-or-later
//
// The routes of appointments.

#pragma once

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Rest/RecordWriter.h"
#include "Core/Rest/Router.h"

namespace OrthancClinic::Worklist
{
void AddAppointmentRoutes(Router& router, Database& database, const EventLog& events);

// `events` must outlive it.
RecordWriter MakeAppointmentWriter(const EventLog& events);
}  // namespace OrthancClinic::Worklist
