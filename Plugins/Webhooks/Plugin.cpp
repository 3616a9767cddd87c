// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-webhooks: tells CRMs and EHRs what happened, and takes what they tell.

#include "Core/Host/Plugin.h"
#include "WebhookOptions.h"

namespace OrthancClinic::Webhooks
{
namespace
{
void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  (void)options;
}
}  // namespace
}  // namespace OrthancClinic::Webhooks

ORTHANC_CLINIC_PLUGIN("clinic-webhooks", "Signed calls to and from the CRM", OrthancClinic::Webhooks::Load)
