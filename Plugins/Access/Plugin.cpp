// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-access: who may come in, and what they may do; who asked for what.

#include <memory>

#include "AccessDirectory.h"
#include "AccessOptions.h"
#include "Core/Host/Plugin.h"
#include "Core/Log.h"
#include "Deletions.h"
#include "Login.h"
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

  Parts(Clinic& clinic, const Options& options)
      : directory(clinic.Database(), clinic.Configuration().Orthanc()["RegisteredUsers"]),
        login(clinic.Database(), directory, options),
        gate(clinic.Database(), clinic.Orthanc()),
        deletions(clinic.Database(), clinic.Orthanc(), clinic.Events())
  {
  }
};

void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  clinic.Database().Migrate("access", Migrations());
  if (!options.enabled)
  {
    LogWarning("Clinic.Access.Enabled is false: Orthanc alone decides who comes in, and all who do may do everything");
    return;
  }

  // Lives until the process ends: Orthanc may call back late.
  static const auto parts = std::make_unique<Parts>(clinic, options);
  parts->login.AddRoutes(clinic.Routes());
  AddUserRoutes(clinic.Routes(), clinic.Database(), parts->directory);
  parts->deletions.AddRoutes(clinic.Routes());
  clinic.Tasks().Register(parts->deletions.Task());
  clinic.AddAuthenticator([](const HttpRequest& request) { return parts->directory.Authenticate(request); });
  clinic.GuardOrthanc([](const HttpRequest& request, const std::optional<Principal>& principal)
                      { return parts->gate.Admits(request, principal); });
  clinic.OnStarted(
      []
      {
        parts->login.MakeFirstUser();
        parts->directory.Start();
      });
  clinic.OnStopped([] { parts->directory.Stop(); });
}
}  // namespace
}  // namespace OrthancClinic::Access

ORTHANC_CLINIC_PLUGIN("clinic-access", "Users, roles, tokens: who may do what, and who did it",
                      OrthancClinic::Access::Load)
