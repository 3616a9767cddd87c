// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-viewer: OHIF, the links that open studies in it, and the web application.

#include <memory>

#include "Core/Host/Plugin.h"
#include "DicomWebFace.h"
#include "ViewerRoutes.h"

namespace OrthancClinic::Viewer
{
MigrationScripts Migrations();

namespace
{
std::string Ancestors(const Options& options)
{
  std::string ancestors = "'self'";
  for (const std::string& origin : options.frameAncestors)
  {
    ancestors += " " + origin;
  }
  return ancestors;
}

// OHIF evaluates code that it makes (kernels of its renderer) and starts workers from blobs. Nothing is
// loaded from, or sent to, anywhere but this server.
std::string OhifPolicy(const Options& options)
{
  return "default-src 'none'; script-src 'self' 'unsafe-eval' blob:; worker-src 'self' blob:; style-src "
         "'self' "
         "'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; "
         "connect-src "
         "'self' blob: data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; "
         "frame-ancestors " +
         Ancestors(options);
}

std::string AppPolicy(const Options& options)
{
  return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
         "base-uri 'none'; form-action 'none'; frame-ancestors " +
         Ancestors(options);
}

struct Parts
{
  Options options;
  StaticFiles ohif;
  StaticFiles app;
  Opening opening;
  DicomWebFace dicomWeb;

  Parts(Clinic& clinic, const Options& read)
      : options(read),
        ohif(read.ohif, OhifPolicy(read)),
        app(read.app, AppPolicy(read)),
        opening(clinic.Database()),
        dicomWeb(clinic.Database(), clinic.Orthanc(), opening, options)
  {
  }
};

void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  clinic.Database().Migrate("viewer", Migrations());

  // Lives until the process ends: Orthanc may call back late.
  static const auto parts = std::make_unique<Parts>(clinic, options);
  for (const char* path : {"/viewer", "/ohif", "/clinic"})
  {
    clinic.ServePath(path);
  }
  parts->dicomWeb.AddRoutes(clinic.Routes());
  AddViewerRoutes(clinic.Routes(), {clinic.Database(), clinic.Orthanc(), parts->opening, parts->options,
                                    parts->ohif, parts->app});
  clinic.AddHealth("viewer",
                   []
                   {
                     HealthReport report;
                     report.detail["ohif_installed"] = parts->ohif.Has("index.html");
                     report.detail["app_installed"] = parts->app.Has("index.html");
                     return report;
                   });
}
}  // namespace
}  // namespace OrthancClinic::Viewer

ORTHANC_CLINIC_PLUGIN("clinic-viewer", "OHIF, links that open studies in it, and the web application",
                      OrthancClinic::Viewer::Load)
