// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-intake: what people and systems send in and take out by REST: uploads, tags, studies, remote
// servers.

#include <algorithm>
#include <memory>

#include "Core/Host/Plugin.h"
#include "Download.h"
#include "IntakeOptions.h"
#include "PreviewRoutes.h"
#include "StudyCorrections.h"
#include "StudyRoutes.h"
#include "TagRoutes.h"
#include "UploadRoutes.h"
#include "Uploader.h"

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

  // Reading.
  static Preview preview(clinic.Orthanc(), clinic.Images(), options.previewCache);
  static LookLog looks(clinic.Database());
  const StudyParts reading{clinic.Database(), clinic.Orthanc(), preview, looks};
  AddStudyRoutes(clinic.Routes(), reading);
  AddPreviewRoutes(clinic.Routes(), reading);
  AddDownloadRoutes(clinic.Routes(), reading);
  clinic.AddMetrics([] { return PreviewMetrics(preview); });
}
}  // namespace
}  // namespace OrthancClinic::Intake

ORTHANC_CLINIC_PLUGIN("clinic-intake", "Uploads, tags, studies and remote DICOM servers by REST",
                      OrthancClinic::Intake::Load)
