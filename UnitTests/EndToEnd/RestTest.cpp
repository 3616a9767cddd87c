// SPDX-License-Identifier: GPL-3.0-or-later
//
// The REST API as its callers meet it: over HTTP, through Orthanc's server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "EndToEnd/Clinic.h"
#include "Support/HostileInput.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;

// A route of the OpenAPI description with every parameter of its path replaced.
std::string WithPath(std::string path, const std::string& value)
{
  for (size_t begin; (begin = path.find('{')) != std::string::npos;)
  {
    path.replace(begin, path.find('}') - begin + 1, value);
  }
  return path;
}

TEST(Rest, AnswersEachMistakeWithItsStatusAndAProblem)
{
  const Clinic clinic;
  const HttpClient http = clinic.Http();
  struct Case
  {
    const char* method;
    const char* path;
    const char* body;
    long status;
    const char* detail;
  };
  const Case cases[] = {
      {"GET", "/api/v1/nothing", "", 404, ""},
      {"GET", "/api/v1/patients/missing", "", 404, "no such patient"},
      {"GET", "/api/v1/studies/1.2.3", "", 404, "no such study"},
      {"GET", "/api/v1/patients?limit=0", "", 400, ""},
      {"GET", "/api/v1/patients?limit=abc", "", 400, ""},
      {"GET", "/api/v1/patients?unknown=1", "", 400, ""},
      {"GET", "/api/v1/studies?status=perhaps", "", 400, ""},
      {"PUT", "/api/v1/patients/a", "{", 400, "not JSON"},
      {"PUT", "/api/v1/patients/a", R"({"names": 7})", 422, ""},
      {"PUT", "/api/v1/patients/a", R"({"nmaes": []})", 422, ""},
      {"PUT", "/api/v1/patients/a", R"({"birth_date": "1985-02-30"})", 422, ""},
      {"PUT", "/api/v1/patients/a", R"({"practice_id": "missing"})", 404, "no practice"},
      {"PUT", "/api/v1/practices/p", R"({"calling_ae_titles": ["THIS TITLE IS TOO LONG"]})", 422, ""},
      {"DELETE", "/api/v1/practices/default", "", 409, "default practice"},
      {"POST", "/api/v1/tasks/missing/retry", "", 404, "no such task"}};
  for (const Case& item : cases)
  {
    const HttpAnswer answer =
        http.Call(item.method, item.path, item.body, {"Content-Type: application/json"});
    EXPECT_EQ(answer.status, item.status) << item.method << " " << item.path << ": " << answer.body;
    EXPECT_THAT(answer.headers.at("content-type"), HasSubstr("application/problem+json")) << item.path;
    const Json::Value problem = answer.Json();
    EXPECT_EQ(problem["status"], static_cast<int>(item.status));
    EXPECT_THAT(problem["detail"].asString(), HasSubstr(item.detail)) << item.path;
    if (item.status == 422)
    {
      EXPECT_FALSE(problem["errors"][0]["message"].asString().empty()) << item.path;
    }
  }
  const HttpAnswer notAllowed = http.Delete("/api/v1/studies");
  EXPECT_EQ(notAllowed.status, 405);
  EXPECT_THAT(notAllowed.headers.at("allow"), HasSubstr("GET"));
}

TEST(Rest, ComparesWhatTheCallerHasAlready)
{
  const Clinic clinic;
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F"));
  const HttpAnswer first = clinic.Http().Get("/api/v1/patients/p1");
  const std::string tag = first.headers.at("etag");
  EXPECT_EQ(clinic.Http().Call("GET", "/api/v1/patients/p1", "", {"If-None-Match: " + tag}).status, 304);
  clinic.PutPatient(Person("p1", "Khoury", "Nora", "1996-05-28", "F"));
  EXPECT_EQ(clinic.Http().Call("GET", "/api/v1/patients/p1", "", {"If-None-Match: " + tag}).status, 200);
}

TEST(Rest, RefusesAnOlderVersionOfAPatient)
{
  const Clinic clinic;
  Json::Value patient = Person("p1", "Khoury", "Nour", "1996-05-28", "F");
  patient["updated_at"] = "2026-02-08T10:30:00Z";
  EXPECT_EQ(clinic.Http().Put("/api/v1/patients/p1", patient).status, 201);
  patient["updated_at"] = "2026-02-08T10:29:59Z";
  EXPECT_EQ(clinic.Http().Put("/api/v1/patients/p1", patient).status, 409);
  patient["updated_at"] = "2026-02-08T11:30:00+01:00";
  EXPECT_EQ(clinic.Http().Put("/api/v1/patients/p1", patient).status, 200)
      << "the same instant, spelt otherwise";
}

TEST(Rest, FindsPatientsByWordsWithoutAccentsAndByIdentifier)
{
  const Clinic clinic;
  clinic.PutPatient(Person("p1", "Côté", "Marie-Ève", "1979-11-02", "F", "4711"));
  clinic.PutPatient(Person("p2", "Cotnoir", "Luc", "1980-01-01", "M", "4712"));
  const auto found = [&](const std::string& query)
  {
    std::string ids;
    const Json::Value patients = clinic.Http().Get("/api/v1/patients?" + query).Json()["items"];
    for (const Json::Value& patient : patients)
    {
      ids += patient["id"].asString() + " ";
    }
    return ids;
  };
  EXPECT_EQ(found("q=cote"), "p1 ");
  EXPECT_EQ(found("q=COT"), "p1 p2 ");
  EXPECT_EQ(found("q=eve%20cot"), "p1 ");
  EXPECT_EQ(found("identifier=4712"), "p2 ");
  EXPECT_EQ(found("q=cot&practice=other"), "");
  EXPECT_EQ(found("q=cot&limit=1&offset=1"), "p2 ");
}

TEST(Rest, WritesEveryLookAtAPatientIntoTheAuditTrail)
{
  const Clinic clinic;
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F"));
  EXPECT_EQ(clinic.Http().Get("/api/v1/patients/p1").status, 200);
  std::string actions;
  const Json::Value records = clinic.Http().Get("/api/v1/audit?patient_id=p1").Json()["items"];
  for (const Json::Value& record : records)
  {
    actions += record["action"].asString() + " ";
  }
  EXPECT_EQ(actions, "patient.view patient.create ");
}

TEST(Rest, DescribesItself)
{
  const Clinic clinic;
  const Json::Value description = clinic.Http().Get("/api/openapi.json").Json();
  EXPECT_THAT(description["openapi"].asString(), HasSubstr("3.1"));
  for (const char* path : {"/api/v1/health", "/api/v1/patients/{id}", "/api/v1/studies/{uid}/match"})
  {
    EXPECT_TRUE(description["paths"].isMember(path)) << path;
  }
}

TEST(Rest, SurvivesHostileInputAtEveryRoute)
{
  Clinic clinic;
  clinic.Decided(clinic.Send(ImageOf("Khoury^Nour", "19960528", "F")));
  const HttpClient http = clinic.Http();
  const Json::Value paths = http.Get("/api/openapi.json").Json()["paths"];
  int calls = 0;
  const auto check = [&](const std::string& method, const std::string& path, const std::string& body,
                         const std::string& what, bool mustBeRefused)
  {
    const HttpAnswer answer = http.Call(method, path, body, {"Content-Type: application/json"});
    calls++;
    EXPECT_TRUE(answer.status >= 200 && answer.status < 500)
        << method << " " << path << ", " << what << ": " << answer.status << " " << answer.body;
    if (mustBeRefused)
    {
      EXPECT_GE(answer.status, 400) << method << " " << path << ", " << what;
    }
  };

  for (const std::string& path : paths.getMemberNames())
  {
    for (const std::string& name : paths[path].getMemberNames())
    {
      const Json::Value& operation = paths[path][name];
      if (!operation.isObject() || !operation.isMember("responses") || path == "/api/v1/health" ||
          (name != "get" && name != "put" && name != "post" && name != "delete"))
      {
        continue;
      }
      std::string method = name;
      std::transform(method.begin(), method.end(), method.begin(),
                     [](char c) { return static_cast<char>(c - 32); });
      for (const std::string& text : HostileTexts())
      {
        if (path.find('{') != std::string::npos)
        {
          check(method, WithPath(path, PercentEncode(text)), "", "hostile path", false);
        }
        for (const Json::Value& parameter : operation["parameters"])
        {
          if (parameter["in"] == "query")
          {
            check(method,
                  WithPath(path, "x") + "?" + parameter["name"].asString() + "=" + PercentEncode(text), "",
                  "hostile query", false);
          }
        }
      }
      const Json::Value& schema = operation["requestBody"]["content"]["application/json"]["schema"];
      if (schema.isObject())
      {
        for (const HostileDocument& document : HostileDocuments(schema, 20260208, 20))
        {
          check(method, WithPath(path, "hostile"), document.text, document.what, document.mustBeRefused);
        }
      }
    }
  }
  EXPECT_GT(calls, 500);
  EXPECT_EQ(http.Get("/api/v1/health").status, 200);
  EXPECT_EQ(clinic.Orthanc().Log().find("<script"), std::string::npos)
      << "what callers send stays out of the log";
}
}  // namespace
}  // namespace OrthancClinic::Testing
