// SPDX-License-Identifier: GPL-3.0-or-later
//
// Core's HTTP client in the tests' clothes: JSON in and out, and a failed call is an answer too.

#pragma once

#include <json/value.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "Core/Http/HttpClient.h"

namespace OrthancClinic::Testing
{
struct HttpAnswer
{
  long status = 0;                             // 0: no answer (refused, reset, timed out); `body` says why
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // Throws std::runtime_error with the body when it is no JSON.
  Json::Value Json() const;
};

// Thread-safe.
class HttpClient
{
public:
  // `baseUrl` without a slash at its end. Without a user, no credentials are sent.
  explicit HttpClient(std::string baseUrl, std::string user = "", std::string password = "");

  HttpAnswer Get(const std::string& path) const { return Call("GET", path); }
  HttpAnswer Delete(const std::string& path) const { return Call("DELETE", path); }
  HttpAnswer Put(const std::string& path, const Json::Value& body) const;
  HttpAnswer Post(const std::string& path, const Json::Value& body) const;

  // Any method; `headers` are whole lines ("If-None-Match: \"1\"").
  HttpAnswer Call(const std::string& method, const std::string& path, const std::string& body = "",
                  const std::vector<std::string>& headers = {}) const;

private:
  std::string baseUrl_;
  std::shared_ptr<OrthancClinic::HttpClient> client_;  // copies share its connections
};

// The value of JSON text; throws std::runtime_error when it is none.
Json::Value ParseJsonText(const std::string& text);

// On one line, non-ASCII characters kept.
std::string JsonText(const Json::Value& value);
}  // namespace OrthancClinic::Testing
