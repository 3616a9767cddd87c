// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where CRMs tell what happened (`/api/v1/webhooks/crm`) and that an image is there
// (`/api/dental/dicom/webhook`), and who may (`/api/v1/webhook-senders`).

#pragma once

#include "Core/Database/Database.h"
#include "Core/Orthanc.h"
#include "Core/Rest/Router.h"
#include "IncomingEvents.h"
#include "IncomingSender.h"

namespace OrthancClinic::Webhooks
{
// `configured` are the senders of the configuration. The references must live as long as the router.
void AddIncomingRoutes(Router& router, Database& database, IOrthanc& orthanc, IncomingEvents& events,
                       const std::vector<IncomingSender>& configured);
}  // namespace OrthancClinic::Webhooks
