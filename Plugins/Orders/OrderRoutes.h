// SPDX-License-Identifier: GPL-3.0-or-later
//
// The routes of orders (those of an EHR, whose names and statuses are kept), of the links between studies and
// orders, and of the queue of those that a person must choose.

#pragma once

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Rest/RecordWriter.h"
#include "Core/Rest/Router.h"
#include "OrderOptions.h"

namespace OrthancClinic::Orders
{
void AddOrderRoutes(Router& router, Database& database, const EventLog& events, const Options& options);

// `events` must outlive it. A document that says "cancelled" cancels the order; the other states follow from
// its images.
RecordWriter MakeOrderWriter(const EventLog& events, const Options& options);
}  // namespace OrthancClinic::Orders
