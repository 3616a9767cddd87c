// SPDX-License-Identifier: GPL-3.0-or-later
//
// `/api/v1/webhook-endpoints`: to whom events are delivered, and what came of it.

#pragma once

#include "Core/Database/Database.h"
#include "Core/Rest/Router.h"
#include "Deliverer.h"

namespace OrthancClinic::Webhooks
{
void AddEndpointRoutes(Router& router, Database& database, Deliverer& deliverer, const Options& options);
}  // namespace OrthancClinic::Webhooks
