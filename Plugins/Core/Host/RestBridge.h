// SPDX-License-Identifier: GPL-3.0-or-later
//
// Connects Orthanc's HTTP server to the router: everything under /api.

#pragma once

#include <orthanc/OrthancCPlugin.h>

#include "Core/Rest/Router.h"

namespace OrthancClinic
{
// `router` must live until Orthanc has stopped. Once per process.
void RegisterRestBridge(OrthancPluginContext* context, const Router& router);

// Finds out whether this Orthanc decodes queries. Once, when Orthanc has started.
void ProbeQueryDecoding();
}  // namespace OrthancClinic
