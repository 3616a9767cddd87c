// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pages under /api/ that show the description of the API in a browser. Private to Rest; callers use
// Router::AddDescription.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "Core/Rest/Router.h"

namespace OrthancClinic
{
std::vector<Route> SwaggerUiRoutes(std::function<std::optional<std::string>(const std::string& file)> read);
}  // namespace OrthancClinic
