// SPDX-License-Identifier: GPL-3.0-or-later
//
// One HTTP request and its answer as the router sees them, free of Orthanc's SDK: Host translates.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
// "text/plain" of " Text/Plain; charset=utf-8".
ORTHANC_CLINIC_API std::string MediaType(std::string_view contentType);

enum class HttpMethod
{
  Get,
  Head,
  Post,
  Put,
  Patch,
  Delete,
  Options
};

ORTHANC_CLINIC_API std::string_view ToString(HttpMethod method);

// A name or value of a query string, of which "%41" and "+" stand for "A" and a space. A "%" without two
// hexadecimal digits stands for itself.
ORTHANC_CLINIC_API std::string DecodeQueryText(std::string_view encoded);

// The same for a path or a header, where "+" stands for itself.
ORTHANC_CLINIC_API std::string DecodePercent(std::string_view encoded);

// The inverse: everything but unreserved characters (RFC 3986) as "%41".
ORTHANC_CLINIC_API std::string EncodeQueryText(std::string_view text);

struct ORTHANC_CLINIC_API HttpRequest
{
  HttpMethod method = HttpMethod::Get;
  std::string path = {};  // decoded, without the query ("/api/v1/patients/42")
  std::vector<std::pair<std::string, std::string>> query = {};  // decoded, in the order of the URL
  std::map<std::string, std::string> headers = {};              // names in lower case
  std::string body = {};
  std::string remoteAddress = {};  // empty where it is not known
};

// The user and the password of an "Authorization: Basic"; nothing without it. Throws Forbidden if it cannot
// be read.
ORTHANC_CLINIC_API std::optional<std::pair<std::string, std::string>> FindBasicCredentials(
    const HttpRequest& request);

// The value of a cookie; nothing without it.
ORTHANC_CLINIC_API std::optional<std::string> FindCookie(const HttpRequest& request, std::string_view name);

struct ORTHANC_CLINIC_API HttpResponse
{
  int status = 200;
  std::string contentType = "application/json";
  std::map<std::string, std::string> headers;  // besides Content-Type and Content-Length
  std::string body;
};

// The value of a header; empty without it. `name` in lower case.
ORTHANC_CLINIC_API std::string FindHeader(const HttpRequest& request, const std::string& name);

// Whether its If-None-Match lists the entity tag (with its quotes); weak comparison, as RFC 9110 has it.
ORTHANC_CLINIC_API bool HasEntityTag(const HttpRequest& request, const std::string& tag);

// A browser sends a cookie with whatever request any page makes. False for a change (all but GET and HEAD)
// that no page of this server asks for, by Sec-Fetch-Site, else by Origin.
ORTHANC_CLINIC_API bool IsFromOwnPage(const HttpRequest& request);
}  // namespace OrthancClinic
