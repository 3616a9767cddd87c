// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-access: who may come in, and what they may do; who asked for what.

#include <memory>

#include "AccessDirectory.h"
#include "AccessOptions.h"
#include "AuditExport.h"
#include "Core/Host/Plugin.h"
#include "Core/Log.h"
#include "Deletions.h"
#include "Login.h"
#include "ModalityGate.h"
#include "OrthancGate.h"
#include "UserRoutes.h"

namespace OrthancClinic::Access
{
MigrationScripts Migrations();

namespace
{
struct Parts
{
  AccessDirectory directory;
  Login login;
  OrthancGate gate;
  Deletions deletions;
  AuditExport audit;
  ModalityGate modalities;

  Parts(Clinic& clinic, const Options& options)
      : directory(clinic.Database(), clinic.Configuration().Orthanc()["RegisteredUsers"],
                  options.loginsPerMinute),
        login(clinic.Database(), directory, options),
        gate(clinic.Database(), clinic.Orthanc(), options),
        deletions(clinic.Database(), clinic.Orthanc(), clinic.Events()),
        audit(clinic.Database(), options),
        modalities(clinic.Database(), clinic.Configuration().Orthanc()["DicomModalities"],
                   options.modalities == "strict")
  {
  }
};

void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  clinic.Database().Migrate("access", Migrations());
  if (!options.enabled)
  {
    LogWarning(
        "Clinic.Access.Enabled is false: Orthanc alone decides who comes in, and all who do may do "
        "everything");
    return;
  }

  // Lives until the process ends: Orthanc may call back late.
  static const auto parts = std::make_unique<Parts>(clinic, options);
  parts->login.AddRoutes(clinic.Routes());
  AddUserRoutes(clinic.Routes(), clinic.Database(), parts->directory);
  parts->deletions.AddRoutes(clinic.Routes());
  clinic.Tasks().Register(parts->deletions.Task());
  parts->audit.AddRoutes(clinic.Routes());
  for (TaskKind& kind : parts->audit.Tasks())
  {
    clinic.Tasks().Register(std::move(kind));
  }
  if (options.modalities != "any")
  {
    parts->modalities.AddRoutes(clinic.Routes());
    clinic.FilterStores([](const std::string& callingAe) { return parts->modalities.Decide(callingAe); });
  }
  clinic.AddAuthenticator([](const HttpRequest& request) { return parts->directory.Authenticate(request); });
  clinic.GuardOrthanc([](const HttpRequest& request, const std::optional<Principal>& principal)
                      { return parts->gate.Admits(request, principal); });
  clinic.OnStarted(
      [watched = options.modalities != "any"]
      {
        parts->login.MakeFirstUser();
        parts->directory.Start();
        parts->audit.Start();
        if (watched)
        {
          parts->modalities.Start();
        }
      });
  clinic.OnStopped(
      []
      {
        parts->directory.Stop();
        parts->modalities.Stop();
      });
}
}  // namespace
}  // namespace OrthancClinic::Access

ORTHANC_CLINIC_PLUGIN("clinic-access", "Users, roles, tokens: who may do what, and who did it",
                      OrthancClinic::Access::Load)
