// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-intake: what people and systems send in and take out by REST: uploads, tags, studies, remote
// servers.

#include <algorithm>
#include <memory>

#include "Core/Host/Plugin.h"
#include "DentalHealth.h"
#include "IntakeOptions.h"
#include "PerformanceRoutes.h"
#include "Preview.h"
#include "StudyCorrections.h"
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
                       UploadStore(transaction)
                           .MarkDeleted(event.data["orthanc_study_id"].asString(),
                                        event.data["reason"].asString());
                     });
  clinic.OnStarted(
      []
      {
        corrections->Resume();
        uploader->CleanUp();
      });

  // The dental CRM's face.
  static Preview preview(clinic.Orthanc(), clinic.Images(), size_t{128} << 20);
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
