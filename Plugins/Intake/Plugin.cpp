// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-intake: what people and systems send in and take out by REST: uploads, tags, studies, remote
// servers.

#include <algorithm>
#include <memory>

#include "Core/Host/Plugin.h"
#include "Core/Records/StudyDeletion.h"
#include "DentalHealth.h"
#include "Download.h"
#include "IntakeOptions.h"
#include "PerformanceRoutes.h"
#include "Preview.h"
#include "PreviewRoutes.h"
#include "ServerRoutes.h"
#include "StudyCorrections.h"
#include "StudyRoutes.h"
#include "TagRoutes.h"
#include "UploadRoutes.h"
#include "Uploader.h"
#include "XrayRecorder.h"
#include "XrayRoutes.h"
#include "XrayUpload.h"

namespace OrthancClinic::Intake
{
MigrationScripts Migrations();

namespace
{
struct Servers
{
  Surroundings surroundings;
  ServerDirectory directory;
  Importer importer;

  Servers(Clinic& clinic, const Options& options)
      : surroundings{clinic.Orthanc(), clinic.Encoding(),
                     clinic.Configuration().Orthanc().get("DicomAet", "ORTHANC").asString(),
                     options.retrieval},
        directory(clinic.Database(), clinic.Orthanc(), clinic.Configuration().Orthanc()),
        importer(clinic.Database(), clinic.Events(), surroundings)
  {
  }
};

void LoadServers(Clinic& clinic, const Options& options)
{
  // Lives until the process ends: Orthanc may call back late.
  static const auto servers = std::make_unique<Servers>(clinic, options);
  const ServerParts parts{clinic.Database(), servers->directory, servers->importer, servers->surroundings};
  AddServerRoutes(clinic.Routes(), parts);
  AddImportRoutes(clinic.Routes(), parts);
  clinic.Tasks().Register(servers->importer.Task());
  clinic.OnStarted([] { servers->directory.Start(); });
  clinic.OnStopped([] { servers->directory.Stop(); });
  clinic.AddHealth("servers",
                   []
                   {
                     HealthReport report;
                     report.detail["problems"] = Json::objectValue;
                     for (const auto& [id, problem] : servers->directory.Problems())
                     {
                       report.detail["problems"][id] = problem;
                     }
                     return report;
                   });
}

void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  clinic.Database().Migrate("intake", Migrations());

  // Lives until the process ends: Orthanc may call back late.
  static const auto uploader = std::make_unique<Uploader>(clinic.Database(), clinic.Orthanc(),
                                                          clinic.Events(), clinic.UploadFolder(), options);
  clinic.Tasks().Register(uploader->Task());
  static const auto corrections = std::make_unique<StudyCorrections>(clinic.Database(), clinic.Orthanc(),
                                                                     clinic.Events(), clinic.UploadFolder());
  clinic.Tasks().Register(corrections->Task());
  AddUploadRoutes(clinic.Routes(), clinic.Database(), *uploader,
                  [&clinic]
                  {
                    const std::vector<std::string> kinds = clinic.Tasks().Kinds();
                    return std::find(kinds.begin(), kinds.end(), "match.study") != kinds.end();
                  });
  AddTagRoutes(clinic.Routes(), clinic.Database(), clinic.Orthanc(), options);
  clinic.Events().On("study.deleted",
                     [](Transaction& transaction, const Event& event)
                     {
                       const std::string id = event.data["orthanc_study_id"].asString();
                       UploadStore(transaction)
                           .MarkDeleted(id, StudyDeletionStore(transaction).ReasonOf(id));
                     });
  clinic.OnStarted(
      []
      {
        corrections->Resume();
        uploader->CleanUp();
      });

  // Reading.
  static Preview preview(clinic.Orthanc(), clinic.Images(), options.previewCache);
  static LookLog looks(clinic.Database());
  const StudyParts reading{clinic.Database(), clinic.Orthanc(), preview, looks};
  AddStudyRoutes(clinic.Routes(), reading);
  AddPreviewRoutes(clinic.Routes(), reading);
  AddDownloadRoutes(clinic.Routes(), reading);
  clinic.AddMetrics([] { return PreviewMetrics(preview); });
  LoadServers(clinic, options);
  // The dental CRM's face.
  static XrayRecorder xrays(clinic.Database(), clinic.Orthanc());
  xrays.Subscribe(clinic.Events());
  clinic.Tasks().Register(xrays.Task());
  clinic.Tasks().Register(xrays.ArchiveTask());
  AddXrayRoutes(clinic, preview);
  AddXrayUploadRoutes(clinic, *uploader);
  AddDentalHealthRoute(clinic);
  AddPerformanceRoutes(clinic, preview);
}
}  // namespace
}  // namespace OrthancClinic::Intake

ORTHANC_CLINIC_PLUGIN("clinic-intake", "Uploads, tags, studies and remote DICOM servers by REST",
                      OrthancClinic::Intake::Load)
