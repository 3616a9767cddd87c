// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-webhooks: tells CRMs and EHRs what happened, and takes what they tell.

#include <memory>

#include "Core/Host/Plugin.h"
#include "Deliverer.h"
#include "EndpointRoutes.h"
#include "IncomingRoutes.h"
#include "WebhookOptions.h"

namespace OrthancClinic::Webhooks
{
MigrationScripts Migrations();

namespace
{
void LoadOutgoing(Clinic& clinic, const Options& options)
{
  // Lives until the process ends: Orthanc may call back late.
  static const auto deliverer = std::make_unique<Deliverer>(clinic.Database(), clinic.Orthanc(), options);

  for (TaskKind& kind : deliverer->Tasks())
  {
    clinic.Tasks().Register(std::move(kind));
  }
  deliverer->Subscribe(clinic.Events());
  clinic.Subscribe(std::make_unique<ArrivalSubscriber>(clinic.Database(), clinic.Orthanc()));
  AddEndpointRoutes(clinic.Routes(), clinic.Database(), *deliverer, options);
  clinic.OnStarted([] { deliverer->Start(); });
  clinic.AddMetrics([] { return deliverer->Metrics(); });
  clinic.AddHealth("webhooks",
                   []
                   {
                     // A receiver that is away is no reason to call Orthanc ill.
                     HealthReport report;
                     report.detail["failing_endpoints"] = Json::objectValue;
                     for (const auto& [endpoint, error] : deliverer->Failing())
                     {
                       report.detail["failing_endpoints"][endpoint] = error;
                     }
                     return report;
                   });
}

void LoadIncoming(Clinic& clinic, const Options& options)
{
  // Lives until the process ends: Orthanc may call back late.
  static const auto events = std::make_unique<IncomingEvents>(
      clinic.Database(), [&clinic](const std::string& kind) { return clinic.FindRecordWriter(kind); },
      options.incomingRetentionDays);

  AddIncomingRoutes(clinic.Routes(), clinic.Database(), clinic.Orthanc(), *events, options.incomingSenders);
  clinic.Tasks().Register(events->Task());
  clinic.OnStarted([] { events->Start(); });
}

void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  clinic.Database().Migrate("webhooks", Migrations());
  LoadOutgoing(clinic, options);
  LoadIncoming(clinic, options);
}
}  // namespace
}  // namespace OrthancClinic::Webhooks

ORTHANC_CLINIC_PLUGIN("clinic-webhooks", "Signed calls to and from the CRM", OrthancClinic::Webhooks::Load)
