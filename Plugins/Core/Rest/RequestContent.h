// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the router has found out about a request by the time it calls the handler. Private to Rest.

#pragma once

#include <map>
#include <string>

#include "Core/Rest/Router.h"

namespace OrthancClinic
{
struct QueryValue
{
  bool given = false;
  ::Json::Value value;  // converted; the schema's default, or null, if it was not given
};

struct Request::Content
{
  const HttpRequest& http;
  Principal caller = {};
  Permission permission = Permission::Public;
  std::map<std::string, std::string> path = {};
  std::map<std::string, QueryValue> query = {};  // every parameter that the route declares
  ::Json::Value body = {};
  const Upload* upload = nullptr;
  bool open = false;            // the route needs no practice
  mutable bool scoped = false;  // the handler has seen to the practice
  mutable bool spoke = false;   // the answer has words in the caller's language
};
}  // namespace OrthancClinic
