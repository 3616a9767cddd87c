// SPDX-License-Identifier: GPL-3.0-or-later
//
// Links into the viewer, the page that opens them, and OHIF itself.

#pragma once

#include "Core/Orthanc.h"
#include "Core/Rest/Router.h"
#include "Opening.h"
#include "StaticFiles.h"
#include "ViewerOptions.h"

namespace OrthancClinic::Viewer
{
struct ViewerParts
{
  Database& database;
  IOrthanc& orthanc;
  Opening& opening;
  const Options& options;
  const StaticFiles& ohif;
  const StaticFiles& app;
};

void AddViewerRoutes(Router& router, const ViewerParts& parts);
}  // namespace OrthancClinic::Viewer
