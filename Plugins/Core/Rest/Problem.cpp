// SPDX-License-Identifier: GPL-3.0-or-later

#include <map>

#include "Core/Rest/Router.h"

namespace OrthancClinic
{
namespace
{
struct Status
{
  const char* title;  // RFC 9110's reason phrase
  const char* code;   // what the dental CRM calls it
};

const Status& Describe(int status)
{
  static const std::map<int, Status> statuses = {{400, {"Bad Request", "BAD_REQUEST"}},
                                                 {401, {"Unauthorized", "UNAUTHORIZED"}},
                                                 {403, {"Forbidden", "FORBIDDEN"}},
                                                 {404, {"Not Found", "NOT_FOUND"}},
                                                 {405, {"Method Not Allowed", "BAD_REQUEST"}},
                                                 {409, {"Conflict", "CONFLICT"}},
                                                 {412, {"Precondition Failed", "CONFLICT"}},
                                                 {413, {"Content Too Large", "BAD_REQUEST"}},
                                                 {415, {"Unsupported Media Type", "BAD_REQUEST"}},
                                                 {422, {"Unprocessable Content", "VALIDATION_ERROR"}},
                                                 {429, {"Too Many Requests", "RATE_LIMITED"}},
                                                 {500, {"Internal Server Error", "INTERNAL_ERROR"}},
                                                 {501, {"Not Implemented", "INTERNAL_ERROR"}},
                                                 {502, {"Bad Gateway", "INTERNAL_ERROR"}},
                                                 {503, {"Service Unavailable", "INTERNAL_ERROR"}},
                                                 {504, {"Gateway Timeout", "INTERNAL_ERROR"}}};
  static const Status kClientError = {"Client Error", "BAD_REQUEST"};
  static const Status kServerError = {"Server Error", "INTERNAL_ERROR"};
  const auto found = statuses.find(status);
  return found != statuses.end() ? found->second : status < 500 ? kClientError : kServerError;
}
}  // namespace

HttpResponse Problem(int status, const std::string& detail, const std::vector<FieldError>& errors,
                     const std::string& path)
{
  Json::Value body;
  body["type"] = "about:blank";
  body["title"] = Describe(status).title;
  body["status"] = status;
  body["detail"] = detail;
  for (const FieldError& error : errors)
  {
    Json::Value entry;
    entry["field"] = error.field;
    entry["message"] = error.message;
    body["errors"].append(entry);
  }
  if (path.starts_with("/api/dental/"))
  {
    body["code"] = errors.empty() ? Describe(status).code : "VALIDATION_ERROR";
    body["message"] = detail;
    body["error"] = detail;
  }

  HttpResponse response;
  response.status = status;
  response.contentType = "application/problem+json";
  response.headers["Cache-Control"] = "no-store";
  response.headers["X-Content-Type-Options"] = "nosniff";
  if (status == 401)
  {
    response.headers["WWW-Authenticate"] = "Basic realm=\"Orthanc Clinic\"";
  }
  else if (status == 503)
  {
    response.headers["Retry-After"] = "5";
  }
  response.body = WriteJson(body);
  return response;
}
}  // namespace OrthancClinic
