// SPDX-License-Identifier: GPL-3.0-or-later
//
// Connects Orthanc's HTTP server to the router: everything under /api.

#pragma once

#include <orthanc/OrthancCPlugin.h>

#include <functional>
#include <string>

#include "Core/Rest/Router.h"

namespace OrthancClinic
{
// `admits` is asked before each request that comes over HTTP, to the router or to Orthanc itself; it gets the
// request without its body. Both must live until Orthanc has stopped. Once per process.
void RegisterRestBridge(OrthancPluginContext* context, const Router& router,
                        std::function<bool(const HttpRequest&)> admits);

// Gives the router what is at the path and below it.
void ServeRestPath(const std::string& path);

// Has Orthanc hand over the bodies of the router's uploads as they come. After each plugin has added its
// routes.
void ServeUploads();

// Finds out whether this Orthanc decodes queries. Once, when Orthanc has started.
void ProbeQueryDecoding();
}  // namespace OrthancClinic
