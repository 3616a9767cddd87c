// SPDX-License-Identifier: GPL-3.0-or-later
//
// Hostile input at every route of a typical router: never a crash, never a 500, and a document that violates
// its schema never reaches a handler. The handlers read everything that they are given in the ways that real
// ones do.

#include <gtest/gtest.h>

#include "Core/Rest/Router.h"
#include "Support/HostileInput.h"

using namespace OrthancClinic;
using namespace OrthancClinic::Testing;

namespace
{
const char* const kPatient = R"({
  "type": "object", "additionalProperties": false, "required": ["practice_id", "names", "updated_at"],
  "properties": {
    "practice_id": {"type": "string", "minLength": 1, "maxLength": 128},
    "kind": {"enum": ["patient", "lead"]},
    "identifiers": {"type": "array", "maxItems": 50, "items": {
      "type": "object", "additionalProperties": false, "required": ["value"],
      "properties": {"value": {"type": "string", "maxLength": 64}, "issuer": {"type": "string", "maxLength": 64}}}},
    "names": {"type": "array", "minItems": 1, "maxItems": 20, "items": {
      "type": "object", "additionalProperties": false,
      "properties": {"family": {"type": "string", "maxLength": 64}, "given": {"type": ["string", "null"]}}}},
    "birth_date": {"anyOf": [{"type": "string", "format": "partial-date"}, {"const": ""}, {"type": "null"}]},
    "study": {"type": "string", "format": "dicom-uid"},
    "active": {"type": "boolean"},
    "visits": {"type": "integer"},
    "probability": {"type": "number", "minimum": 0, "maximum": 1},
    "code": {"type": "string", "pattern": "^([a-z]+)*$", "examples": ["abc"]},
    "updated_at": {"type": "string", "format": "date-time"}
  }})";

// Reads the values as their schema says that they are: each of these calls throws for a value of another
// type.
Response ReadPatient(const Request& request)
{
  Json::Value answer = request.Body();
  for (const Json::Value& name : request.Body()["names"])
  {
    answer["x-family"] = name["family"].asString();
  }
  answer["x-visits"] = static_cast<Json::Int64>(request.Body()["visits"].asInt64());
  answer["x-probability"] = request.Body()["probability"].asDouble();
  answer["x-active"] = request.Body()["active"].asBool();
  answer["x-code"] = request.Body()["code"].asString();
  return Response::Json(answer);
}

Response ReadQuery(const Request& request)
{
  Json::Value answer = Json::arrayValue;
  answer.append(request.QueryText("q"));
  answer.append(static_cast<Json::Int64>(request.QueryInteger("since", 0)));
  answer.append(request.QueryFlag("active"));
  answer.append(request.QueryText("study"));
  return Response::List(answer, 1, request.GetPage());
}

class RouterFuzzTest : public ::testing::Test
{
protected:
  RouterFuzzTest()
      : router_({.authenticate = [](const HttpRequest&) { return Principal(); },
                 .audit = [](const std::vector<AuditEntry>&) {},
                 .logError = [](const std::string& message) { ADD_FAILURE() << message; }})
  {
    const auto show = [](const Request& request) { return Response::Json(request.Path("id")); };
    router_.Add({.method = HttpMethod::Get,
                 .path = "/api/v1/patients",
                 .permission = Permission::ReadPatients,
                 .summary = "Lists",
                 .query = {{"q", "", JsonLiteral(R"({"type": "string", "maxLength": 256})")},
                           {"since", "", JsonLiteral(R"({"type": "integer"})")},
                           {"active", "", JsonLiteral(R"({"type": "boolean"})")},
                           {"study", "", JsonLiteral(R"({"type": "string", "format": "dicom-uid"})")}},
                 .paged = true,
                 .handler = ReadQuery});
    router_.Add({.method = HttpMethod::Put,
                 .path = "/api/v1/patients/{id}",
                 .permission = Permission::WritePatients,
                 .summary = "Replaces",
                 .body = JsonLiteral(kPatient),
                 .handler = ReadPatient});
    router_.Add({.method = HttpMethod::Get,
                 .path = "/api/v1/patients/{id}",
                 .permission = Permission::ReadPatients,
                 .summary = "Shows",
                 .handler = show});
    router_.Add({.method = HttpMethod::Get,
                 .path = "/api/dental/xrays/{id}",
                 .permission = Permission::ReadStudies,
                 .summary = "Shows",
                 .handler = show});
    router_.Add({.method = HttpMethod::Post,
                 .path = "/api/dental/leads",
                 .permission = Permission::WritePatients,
                 .summary = "Several",
                 .body = JsonLiteral(R"({"type": ["object", "null"], "properties": {"names": false}})"),
                 .handler = [](const Request& request) { return Response::Json(request.Body()); }});
    router_.AddDescription("1", [](const std::string&) { return std::nullopt; });
  }

  // What holds for every answer.
  HttpResponse Check(const HttpRequest& request, const std::string& what)
  {
    const HttpResponse response = router_.Dispatch(request);
    EXPECT_LT(response.status, 500) << what;
    if (response.status >= 400)
    {
      EXPECT_EQ(response.contentType, "application/problem+json") << what;
      EXPECT_LT(response.body.size(), 50000u) << what;
    }
    if (!response.body.empty() && response.contentType.find("json") != std::string::npos)
    {
      EXPECT_NO_THROW(ParseJson(response.body)) << what;  // also: valid UTF-8
    }
    return response;
  }

  Router router_;
};
}  // namespace

TEST_F(RouterFuzzTest, RefusesHostileBodiesAtEveryRoute)
{
  size_t accepted = 0;
  for (const Route* const route : router_.Routes())
  {
    if (!route->body)
    {
      continue;
    }
    std::string path = route->path;
    if (const size_t parameter = path.find("{id}"); parameter != std::string::npos)
    {
      path.replace(parameter, 4, "4711");
    }
    for (const HostileDocument& document : HostileDocuments(*route->body, 20260208, 3000))
    {
      const std::string what = path + ", " + document.what;
      const HttpResponse response = Check({.method = route->method,
                                           .path = path,
                                           .headers = {{"content-type", "application/json"}},
                                           .body = document.text},
                                          what);
      if (document.mustBeRefused)
      {
        EXPECT_TRUE(response.status == 400 || response.status == 413 || response.status == 422)
            << what << ": " << response.status;
      }
      accepted += response.status == 200 ? 1 : 0;
    }
  }
  EXPECT_GT(accepted, 100u);  // else the test would only ever see the first line of defence
}

TEST_F(RouterFuzzTest, SurvivesHostilePathsAndQueries)
{
  for (const std::string& text : HostileTexts())
  {
    for (const HttpMethod method : {HttpMethod::Get, HttpMethod::Head, HttpMethod::Put, HttpMethod::Delete,
                                    HttpMethod::Options, HttpMethod::Patch, HttpMethod::Post})
    {
      for (const std::string& path :
           {"/api/v1/patients/" + text, "/api/dental/xrays/" + text, "/api/" + text, text})
      {
        Check({.method = method, .path = path}, "path " + text.substr(0, 40));
      }
    }
    for (const char* const name : {"q", "since", "active", "study", "limit", "offset"})
    {
      Check({.path = "/api/v1/patients", .query = {{name, text}}},
            std::string(name) + "=" + text.substr(0, 40));
    }
    Check({.path = "/api/v1/patients", .query = {{text, "1"}, {text, "1"}}}, "query " + text.substr(0, 40));
  }
}

TEST_F(RouterFuzzTest, SurvivesHostileHeaders)
{
  for (const std::string& text : HostileTexts())
  {
    Check({.method = HttpMethod::Put,
           .path = "/api/v1/patients/1",
           .headers = {{"content-type", text}, {"if-none-match", text}, {"authorization", text}},
           .body = "{}"},
          "headers");
    Check({.path = "/api/v1/patients/1", .headers = {{"if-none-match", text}}}, "if-none-match");
  }
}
