// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-worklist: appointments and orders become the Modality Worklist.

#include <memory>

#include "AppointmentRoutes.h"
#include "CharacterSet.h"
#include "Core/Host/Plugin.h"
#include "Core/Log.h"
#include "PriorStudies.h"
#include "Schedule.h"
#include "WorklistOptions.h"
#include "WorklistRoutes.h"

namespace OrthancClinic::Worklist
{
MigrationScripts Migrations();

namespace
{
struct Parts
{
  Schedule schedule;
  CharacterSet characterSet;
  PriorStudies priors;

  Parts(Clinic& clinic, const Options& options)
      : schedule(clinic.Database(), options),
        characterSet(schedule, clinic.Encoding(), options.utf8WhenNeeded),
        priors(clinic.Database(), clinic.Orthanc(), options.priors)
  {
  }
};

void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  clinic.Database().Migrate("worklist", Migrations());

  // Lives until the process ends: Orthanc may call back late.
  static const auto parts = std::make_unique<Parts>(clinic, options);

  AddAppointmentRoutes(clinic.Routes(), clinic.Database(), clinic.Events());
  clinic.AddRecordWriter("appointment", MakeAppointmentWriter(clinic.Events()));
  AddWorklistRoutes(clinic.Routes(), clinic.Database(), parts->schedule);
  clinic.ServeWorklist([](const WorklistRequest& request) { return parts->schedule.Answer(request); });
  clinic.Tasks().Register(parts->priors.Task());
  if (!options.priors.servers.empty())
  {
    parts->priors.Subscribe(clinic.Events());
  }
  clinic.OnStarted([] { parts->characterSet.Start(); });
  clinic.OnStopped([] { parts->characterSet.Stop(); });
  if (!clinic.Configuration().Orthanc()["DicomAlwaysAllowFindWorklist"].asBool())
  {
    LogWarning(
        "Orthanc refuses the worklist to modalities that are not in its DicomModalities: set "
        "DicomAlwaysAllowFindWorklist, so that the practices' own AE titles decide");
  }
  clinic.AddHealth("worklist",
                   []
                   {
                     HealthReport report;
                     report.ready = parts->schedule.IsLoaded();
                     report.detail["loaded"] = report.ready;
                     report.detail["items"] = static_cast<Json::UInt64>(parts->schedule.Size());
                     report.detail["refused_ae_titles"] = Json::objectValue;
                     for (const auto& [title, count] : parts->schedule.Refused())
                     {
                       report.detail["refused_ae_titles"][title] = count;
                     }
                     return report;
                   });
}
}  // namespace
}  // namespace OrthancClinic::Worklist

ORTHANC_CLINIC_PLUGIN("clinic-worklist", "Appointments and orders as the Modality Worklist",
                      OrthancClinic::Worklist::Load)
