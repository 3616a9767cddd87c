// SPDX-License-Identifier: GPL-3.0-or-later
//
// The OpenAPI 3.1 description of routes. Private to Rest; callers use Router::OpenApi.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "Core/Rest/Router.h"

namespace OrthancClinic
{
Json::Value DescribeRoutes(const std::vector<const Route*>& routes, const std::string& version);

// The query parameters of a route, with those of a `paged` one.
std::vector<QueryParameter> AllQueryParameters(const Route& route);

// "/a/{b}/" → "a", "{b}", "".
std::vector<std::string> SplitPath(const std::string& path);

bool IsParameter(const std::string& segment);
bool IsRestOfPath(const std::string& segment);  // which is a parameter, too
}  // namespace OrthancClinic
