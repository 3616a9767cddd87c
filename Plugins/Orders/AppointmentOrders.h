// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every appointment has an order: one that comes without is given a new one, in the transaction that stores
// it, so that the worklist has an accession number and a StudyInstanceUID to give out.

#pragma once

#include "Core/Events/EventLog.h"
#include "OrderOptions.h"

namespace OrthancClinic::Orders
{
void GiveOrdersToAppointments(EventLog& events, const Options& options);
}  // namespace OrthancClinic::Orders
