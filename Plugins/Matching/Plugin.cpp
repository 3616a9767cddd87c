// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-matching: files each study under the right patient or lead, with the reasons, or leaves it to a
// person.

#include <memory>

#include "Core/Host/Plugin.h"
#include "Directory.h"
#include "MatchRoutes.h"
#include "MatchingOptions.h"
#include "StudyMatcher.h"

namespace OrthancClinic::Matching
{
std::vector<std::pair<std::string_view, std::string_view>> Migrations();

namespace
{
struct Parts
{
  Directory directory;
  StudyMatcher matcher;

  Parts(Clinic& clinic, Thresholds thresholds)
      : directory(clinic.Database(), thresholds), matcher(clinic.Database(), clinic.Events(), directory)
  {
  }
};

void Load(Clinic& clinic)
{
  const Thresholds thresholds = ReadOptions(clinic.Configuration());
  clinic.Database().Migrate("matching", Migrations());

  // Lives until the process ends: Orthanc may call back late.
  static const auto parts = std::make_unique<Parts>(clinic, thresholds);

  AddMatchRoutes(clinic.Routes(), clinic.Database(), clinic.Events());
  for (TaskKind& kind : parts->matcher.Tasks())
  {
    clinic.Tasks().Register(std::move(kind));
  }
  StudyMatcher::Subscribe(clinic.Events());
  clinic.OnStarted([] { parts->matcher.Start(); });
  clinic.AddHealth("matching",
                   []
                   {
                     HealthReport report;
                     report.detail["directory_loaded"] = parts->directory.IsLoaded();
                     report.detail["patients"] = static_cast<Json::UInt64>(parts->directory.Size());
                     return report;
                   });
}
}  // namespace
}  // namespace OrthancClinic::Matching

ORTHANC_CLINIC_PLUGIN("clinic-matching", "Files each study under the right patient or lead of the clinic",
                      OrthancClinic::Matching::Load)
