// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-analysis: studies are analysed by software; what it finds becomes DICOM and is reviewed by a person.

#include <memory>

#include "AnalysisOptions.h"
#include "AnalysisRoutes.h"
#include "Analyzer.h"
#include "Core/Configuration/Json.h"
#include "Core/Host/Plugin.h"

namespace OrthancClinic::Analysis
{
MigrationScripts Migrations();

namespace
{
void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  clinic.Database().Migrate("analysis", Migrations());

  // Lives until the process ends: Orthanc may call back late.
  static const auto analyzer = std::make_unique<Analyzer>(clinic.Database(), clinic.Orthanc(),
                                                          clinic.Images(), clinic.Events(), options);
  for (TaskKind& kind : analyzer->Tasks())
  {
    clinic.Tasks().Register(std::move(kind));
  }
  clinic.Events().On("study.settled",
                     [](Transaction& transaction, const Event& event)
                     {
                       analyzer->Settled(transaction, event.data["orthanc_study_id"].asString(),
                                         event.data["study_instance_uid"].asString());
                     });
  clinic.Events().On("study.corrected",
                     [](Transaction& transaction, const Event& event)
                     {
                       Analyzer::StudyMoved(transaction, event.data["previous_orthanc_study_id"].asString(),
                                            event.data["orthanc_study_id"].asString());
                     });
  clinic.OnStopped([] { analyzer->Stop(); });
  AddAnalysisRoutes(clinic.Routes(), clinic.Database(), *analyzer);
  clinic.AddStudyField(
      "analyses",
      [](Transaction& transaction, const Study& study)
      {
        Json::Value ids(Json::arrayValue);
        for (const Analysis& analysis :
             AnalysisStore(transaction).Search({.orthancStudyId = study.orthancStudyId}).first)
        {
          ids.append(analysis.id);
        }
        return ids;
      });
  clinic.AddMetrics([&clinic] { return Metrics(clinic.Database()); });
  clinic.AddHealth("analysis",
                   []
                   {
                     HealthReport report;
                     report.detail["providers"] = Json::objectValue;
                     for (const auto& [name, health] : analyzer->GetHealth())
                     {
                       Json::Value& provider = report.detail["providers"][name];
                       provider["ready"] = health.ready;
                       provider["error"] = OrNull(health.error);
                     }
                     return report;
                   });
}
}  // namespace
}  // namespace OrthancClinic::Analysis

ORTHANC_CLINIC_PLUGIN("clinic-analysis", "Studies are analysed by software and reviewed by a person",
                      OrthancClinic::Analysis::Load)
