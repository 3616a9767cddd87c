// SPDX-License-Identifier: GPL-3.0-or-later
//
// The REST API as a client meets it: over HTTP, through Orthanc's own server, whose limits are part of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <mutex>
#include <optional>
#include <random>
#include <regex>
#include <set>
#include <thread>

#include "Core/LetterCase.h"
#include "EndToEnd/Clinic.h"
#include "Support/HostileInput.h"
#include "Support/PostgresServer.h"
#include "Support/Process.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
constexpr const char* JSON = "Content-Type: application/json";

// Where this build has Swagger UI's files, which an installed bundle finds at the default place.
Json::Value WithSwaggerUi()
{
  Json::Value configuration;
  configuration["Clinic"]["SwaggerUi"] = CLINIC_SWAGGER_UI;
  return configuration;
}

void ExpectProblem(const HttpAnswer& answer, int status)
{
  ASSERT_EQ(status, answer.status) << answer.body;
  EXPECT_EQ("application/problem+json", answer.headers.at("content-type"));
  EXPECT_EQ("no-store", answer.headers.at("cache-control"));
  const Json::Value body = answer.Json();
  EXPECT_EQ(status, body["status"].asInt());
  EXPECT_FALSE(body["title"].asString().empty());
  EXPECT_FALSE(body["detail"].asString().empty());
  EXPECT_TRUE(body.isMember("type"));
}

class Rest : public ::testing::Test
{
protected:
  HttpAnswer Call(const std::string& method, const std::string& path, const std::string& body = "",
                  const std::vector<std::string>& headers = {JSON}) const
  {
    return clinic_.Http().Call(method, path, body, headers);
  }

  Clinic clinic_{OrthancServer::Options{.configuration = WithSwaggerUi()}};
};

TEST_F(Rest, AnswersEachMistakeWithItsStatusAndAProblem)
{
  clinic_.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F"));
  Json::Value older = Person("p1", "Khoury", "Nour", "1996-05-28", "F");
  older["updated_at"] = "2001-01-01T00:00:00Z";
  struct Case
  {
    std::string method;
    std::string path;
    std::string body;
    std::string contentType;
    int status;
  };
  const std::string json = "application/json";
  const std::vector<Case> cases = {{"GET", "/api/v1/nothing", "", json, 404},
                                   {"GET", "/api/v1/patients/nobody", "", json, 404},
                                   {"GET", "/api/v1/patients?unknown=1", "", json, 400},
                                   {"GET", "/api/v1/patients?limit=1&limit=2", "", json, 400},
                                   {"GET", "/api/v1/patients?limit=0", "", json, 400},
                                   {"GET", "/api/v1/patients?q=%0A", "", json, 400},
                                   {"GET", "/api/v1/patients/" + std::string(129, 'a'), "", json, 400},
                                   {"PUT", "/api/v1/patients/p1", "{\"id\":", json, 400},
                                   {"PUT", "/api/v1/patients/p1", "", json, 400},
                                   {"PUT", "/api/v1/patients/p1", JsonText(older), json, 409},
                                   {"DELETE", "/api/v1/practices/default", "", json, 409},
                                   {"PUT", "/api/v1/patients/p1", std::string((1 << 20) + 1, ' '), json, 413},
                                   {"PUT", "/api/v1/patients/p1", "<a/>", "text/xml", 415},
                                   {"PUT", "/api/v1/patients/p1", R"({"sex": "X", "colour": 1})", json, 422}};
  for (const Case& mistake : cases)
  {
    SCOPED_TRACE(mistake.method + " " + mistake.path.substr(0, 60) + " " + mistake.body.substr(0, 40));
    ExpectProblem(Call(mistake.method, mistake.path, mistake.body, {"Content-Type: " + mistake.contentType}),
                  mistake.status);
  }
}

TEST_F(Rest, NamesEveryFieldThatIsWrong)
{
  const Json::Value errors =
      Call("PUT", "/api/v1/patients/p1", R"({"sex": "X", "names": [{"family": 1}]})").Json()["errors"];

  std::vector<std::string> fields;
  for (const Json::Value& error : errors)
  {
    fields.push_back(error["field"].asString());
    EXPECT_FALSE(error["message"].asString().empty());
  }
  EXPECT_THAT(fields, ::testing::UnorderedElementsAre("sex", "names[0].family"));
}

TEST_F(Rest, NamesTheMethodsThatAPathTakes)
{
  const HttpAnswer answer = Call("DELETE", "/api/v1/health");

  EXPECT_EQ(405, answer.status);
  ASSERT_TRUE(answer.headers.contains("allow"));
  EXPECT_THAT(answer.headers.at("allow"), ::testing::HasSubstr("GET"));
  EXPECT_THAT(answer.headers.at("allow"), ::testing::Not(::testing::HasSubstr("DELETE")));
}

TEST_F(Rest, ReadsTheQueryAsItWasMeant)
{
  clinic_.PutPatient(Person("p1", "Gagnon", "Hélène", "1972-04-07", "F"));
  clinic_.PutPatient(Person("p2", "Gagnon", "Louise", "1972-04-07", "F"));

  for (const char* const query : {"H%C3%A9l%C3%A8ne+Gagnon", "gagnon%20HELENE", "h%c3%a9l"})
  {
    const Json::Value page = Call("GET", std::string("/api/v1/patients?q=") + query).Json();
    ASSERT_EQ(1, page["total"].asInt()) << query;
    EXPECT_EQ("p1", page["items"][0]["id"].asString());
  }
}

TEST_F(Rest, TakesATrailingSlashAndAnEncodedSegment)
{
  Json::Value person = Person("a b+é%", "Khoury", "Nour", "1996-05-28", "F");
  EXPECT_EQ(201, clinic_.Http().Put("/api/v1/patients/" + PercentEncode("a b+é%"), person).status);

  EXPECT_EQ("a b+é%",
            Call("GET", "/api/v1/patients/" + PercentEncode("a b+é%") + "/").Json()["id"].asString());
  EXPECT_EQ(1, Call("GET", "/api/v1/patients/").Json()["total"].asInt());
}

TEST_F(Rest, SparesAClientWhatItHasAlready)
{
  const HttpAnswer first = Call("GET", "/api/v1/practices");
  ASSERT_EQ(200, first.status);
  const std::string tag = first.headers.at("etag");

  const HttpAnswer again = Call("GET", "/api/v1/practices", "", {"If-None-Match: " + tag});
  EXPECT_EQ(304, again.status);
  EXPECT_EQ("", again.body);
  EXPECT_EQ(tag, again.headers.at("etag"));

  Json::Value practice = first.Json()["items"][0];
  practice["name"] = "Another name";
  practice.removeMember("updated_at");
  clinic_.PutPractice(practice);
  const HttpAnswer changed = Call("GET", "/api/v1/practices", "", {"If-None-Match: " + tag});
  EXPECT_EQ(200, changed.status);
  EXPECT_NE(tag, changed.headers.at("etag"));
}

TEST_F(Rest, PagesThroughAList)
{
  Json::Value patients(Json::arrayValue);
  for (int i = 0; i < 25; i++)
  {
    patients.append(Person("p" + std::to_string(i), "Family" + std::to_string(i), "A", "1980-01-01", "F"));
  }
  clinic_.PutPatients(patients);

  std::set<std::string> seen;
  for (int offset = 0; offset < 30; offset += 10)
  {
    const Json::Value page = Call("GET", "/api/v1/patients?limit=10&offset=" + std::to_string(offset)).Json();
    EXPECT_EQ(25, page["total"].asInt());
    EXPECT_EQ(10, page["limit"].asInt());
    EXPECT_EQ(offset, page["offset"].asInt());
    EXPECT_EQ(offset == 20 ? 5u : 10u, page["items"].size());
    for (const Json::Value& item : page["items"])
    {
      seen.insert(item["id"].asString());
    }
  }
  EXPECT_EQ(25u, seen.size());
  EXPECT_EQ(0u, Call("GET", "/api/v1/patients?offset=1000").Json()["items"].size());
}

TEST_F(Rest, WritesEveryLookAtAPatientIntoTheAuditTrail)
{
  clinic_.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F"));
  EXPECT_EQ(Call("GET", "/api/v1/patients/p1").status, 200);
  std::vector<std::string> actions;
  for (const Json::Value& entry : clinic_.All("/api/v1/audit?patient_id=p1"))
  {
    actions.push_back(entry["action"].asString());
  }
  EXPECT_THAT(actions, ::testing::ElementsAre("patient.view", "patient.create"));
}

TEST(RestWithUsers, IsClosedToStrangers)
{
  Clinic clinic({.user = "alice", .password = "secret"});
  const std::string url = "http://127.0.0.1:" + std::to_string(clinic.Orthanc().HttpPort());

  for (const HttpClient& stranger : {HttpClient(url), HttpClient(url, "alice", "wrong")})
  {
    const HttpAnswer answer = stranger.Get("/api/v1/patients");
    EXPECT_EQ(401, answer.status);
    EXPECT_TRUE(answer.headers.contains("www-authenticate"));
  }
  EXPECT_EQ(200, clinic.Http().Get("/api/v1/patients").status);
}

TEST(RestWithoutDatabase, AsksToComeBackLater)
{
  if (!PostgresServer::IsInstalled())
  {
    GTEST_SKIP() << "PostgreSQL is not installed";
  }
  PostgresServer postgres;
  Clinic clinic({.databaseUrl = postgres.Url(postgres.NewDatabase())});
  postgres.Stop();

  const HttpAnswer answer = clinic.Http().Get("/api/v1/patients");
  ExpectProblem(answer, 503);
  EXPECT_TRUE(answer.headers.contains("retry-after"));
  EXPECT_EQ(200, clinic.Http().Get("/api/v1/health/live").status);
}

using Operation = std::pair<std::string, std::string>;  // "get", "/api/v1/patients/{id}"

std::set<Operation> Operations(const Json::Value& openApi)
{
  std::set<Operation> operations;
  for (const std::string& path : openApi["paths"].getMemberNames())
  {
    for (const std::string& method : openApi["paths"][path].getMemberNames())
    {
      if (method == "get" || method == "put" || method == "post" || method == "delete" || method == "patch")
      {
        operations.emplace(method, path);
      }
    }
  }
  return operations;
}

// The path with its parameters replaced: by the values given, else by "x".
std::string Fill(const std::string& path, const std::map<std::string, std::string>& values)
{
  std::string filled;
  for (size_t i = 0; i < path.size(); i++)
  {
    if (path[i] != '{')
    {
      filled += path[i];
      continue;
    }
    const size_t end = path.find('}', i);
    const auto value = values.find(path.substr(i + 1, end - i - 1));
    filled += value == values.end() ? "x" : PercentEncode(value->second);
    i = end;
  }
  return filled;
}

TEST_F(Rest, DescribesEveryRoute)
{
  const HttpAnswer answer = Call("GET", "/api/openapi.json");
  ASSERT_EQ(200, answer.status);
  const std::set<Operation> operations = Operations(answer.Json());

  EXPECT_THAT(
      operations,
      ::testing::IsSupersetOf(
          {Operation("get", "/api/v1/health"), Operation("get", "/api/v1/health/live"),
           Operation("get", "/api/v1/metrics"), Operation("get", "/api/v1/practices"),
           Operation("put", "/api/v1/practices/{id}"), Operation("delete", "/api/v1/practices/{id}"),
           Operation("get", "/api/v1/patients"), Operation("put", "/api/v1/patients/{id}"),
           Operation("post", "/api/v1/patients/batch"), Operation("post", "/api/v1/patients/{id}/merge"),
           Operation("get", "/api/v1/studies"), Operation("get", "/api/v1/studies/{uid}"),
           Operation("get", "/api/v1/matches"), Operation("post", "/api/v1/studies/{uid}/match"),
           Operation("delete", "/api/v1/studies/{uid}/match"), Operation("get", "/api/v1/tasks"),
           Operation("post", "/api/v1/tasks/{id}/retry"), Operation("get", "/api/v1/events"),
           Operation("get", "/api/v1/audit")}));
  for (const auto& [method, path] : operations)
  {
    const HttpAnswer called = Call(ToUpper(method), Fill(path, {}));
    EXPECT_NE(405, called.status) << method << " " << path;
    EXPECT_NE(0, called.status) << method << " " << path;
    EXPECT_THAT(called.body, ::testing::Not(::testing::HasSubstr("nothing at this path"))) << path;
  }
}

TEST_F(Rest, ShowsSwaggerUiFromThisServerAlone)
{
  if (!std::filesystem::exists(std::filesystem::path(CLINIC_SWAGGER_UI) / "swagger-ui-bundle.js"))
  {
    GTEST_SKIP() << "this build could not fetch Swagger UI";
  }
  for (const char* const path : {"/api", "/api/"})
  {
    const HttpAnswer redirection = Call("GET", path);
    EXPECT_EQ(301, redirection.status);
    EXPECT_EQ("/api/index.html", redirection.headers.at("location"));
  }
  const HttpAnswer page = Call("GET", "/api/index.html");
  ASSERT_EQ(200, page.status);
  EXPECT_THAT(page.headers.at("content-type"), ::testing::StartsWith("text/html"));
  EXPECT_THAT(page.headers.at("content-security-policy"), ::testing::HasSubstr("default-src 'none'"));

  const std::regex link("(?:src|href)=\"([^\"]*)\"");
  int files = 0;
  for (std::sregex_iterator i(page.body.begin(), page.body.end(), link), end; i != end; ++i)
  {
    const std::string file = (*i)[1];
    EXPECT_THAT(file, ::testing::Not(::testing::HasSubstr("/"))) << "not from this folder";
    const HttpAnswer answer = Call("GET", "/api/" + file);
    EXPECT_EQ(200, answer.status) << file;
    EXPECT_FALSE(answer.body.empty()) << file;
    files++;
  }
  EXPECT_EQ(4, files);
}

TEST_F(Rest, ShowsSwaggerUiInABrowser)
{
  if (!std::filesystem::exists(std::filesystem::path(CLINIC_SWAGGER_UI) / "swagger-ui-bundle.js"))
  {
    GTEST_SKIP() << "this build could not fetch Swagger UI";
  }
  const Finished found = RunProgram({"sh", "-c", "command -v chromium"});
  if (found.exitCode != 0)
  {
    GTEST_SKIP() << "chromium is not installed";
  }
  const TemporaryDirectory profile;
  const std::string server = "http://127.0.0.1:" + std::to_string(clinic_.Orthanc().HttpPort());
  const std::string record = (profile.Path() / "requests.json").string();

  const Finished browser =
      RunProgram({"timeout", "60", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
                  "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
                  "--no-first-run", "--user-data-dir=" + profile.Path().string(), "--log-net-log=" + record,
                  "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--virtual-time-budget=15000",
                  "--dump-dom", server + "/api/index.html#/patients"});

  EXPECT_THAT(browser.output, ::testing::HasSubstr("/api/v1/patients"));
  EXPECT_THAT(browser.output, ::testing::HasSubstr("Searches the directory"));
  // Requests of the page bear its origin; the browser's own have none.
  std::string requests;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        requests = ReadFile(record);
        return requests.find(server + "/api/openapi.json") != std::string::npos;
      }));
  const std::regex fromPage("\"initiator\":\"" + server + "\"[^{}]*\"url\":\"([^\"]*)\"");
  for (std::sregex_iterator i(requests.begin(), requests.end(), fromPage), end; i != end; ++i)
  {
    EXPECT_THAT((*i)[1].str(),
                ::testing::AnyOf(::testing::StartsWith(server), ::testing::StartsWith("data:")));
  }
}

// ---- hostile input ----

struct Attack
{
  std::string what;
  std::string method;
  std::string path;  // with the query, encoded
  std::string body = {};
  bool mustBeRefused = false;
};

// Civetweb's buffer for the first line and the headers is 16 KiB: a longer URL does not reach Orthanc.
constexpr size_t LONGEST_TEXT = 4'000;

class RestUnderAttack : public Rest
{
protected:
  RestUnderAttack()
  {
    clinic_.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "47R20"));
    uid_ = clinic_.Send(ImageOf("Khoury^Nour", "19960528", "F", "47R20"));
    clinic_.Becomes(uid_, "matched", "p1");
  }

  std::vector<Attack> MakeAttacks(uint32_t seed) const
  {
    const Json::Value openApi = Call("GET", "/api/openapi.json").Json();
    const std::map<std::string, std::string> known = {{"id", "p1"}, {"uid", uid_}};
    std::vector<Attack> attacks;
    for (const auto& [method, path] : Operations(openApi))
    {
      const Json::Value& operation = openApi["paths"][path][method];
      const std::string name = method + " " + path;
      const Json::Value& schema = operation["requestBody"]["content"]["application/json"]["schema"];
      const std::string body = schema.isNull() ? "" : JsonText(ConformingDocument(schema));
      if (!schema.isNull())
      {
        for (const HostileDocument& document : HostileDocuments(schema, seed, 20))
        {
          attacks.push_back({name + ", " + document.what, ToUpper(method), Fill(path, known), document.text,
                             document.mustBeRefused});
        }
      }
      for (const std::string& text : HostileTexts())
      {
        if (text.size() > LONGEST_TEXT)
        {
          continue;
        }
        for (const Json::Value& parameter : operation["parameters"])
        {
          const std::string parameterName = parameter["name"].asString();
          if (parameter["in"] == "path")
          {
            std::map<std::string, std::string> values = known;
            values[parameterName] = text;
            attacks.push_back(
                {name + " at " + text.substr(0, 60), ToUpper(method), Fill(path, values), body});
          }
          else
          {
            attacks.push_back({name + " with " + parameterName + "=" + text.substr(0, 60), ToUpper(method),
                               Fill(path, known) + "?" + parameterName + "=" + PercentEncode(text), body});
          }
        }
        attacks.push_back({name + " with an unknown parameter", ToUpper(method),
                           Fill(path, known) + "?" + PercentEncode(text) + "=" + PercentEncode(text), body});
      }
    }
    return attacks;
  }

  // What is wrong with the answer; empty if nothing is.
  static std::string Judge(const Attack& attack, const HttpAnswer& answer)
  {
    if (answer.status == 0)
    {
      return "no answer: " + answer.body;
    }
    if (answer.status >= 500)
    {
      return "status " + std::to_string(answer.status) + " " + answer.body.substr(0, 300);
    }
    if (attack.mustBeRefused && answer.status < 400)
    {
      return "accepted";
    }
    if (answer.headers.contains("x-injected"))
    {
      return "a header was injected";
    }
    return "";
  }

  std::string uid_;
};

TEST_F(RestUnderAttack, NeverFailsAndTellsTheLogNothing)
{
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::vector<Attack> attacks = MakeAttacks(seed);
  ASSERT_GT(attacks.size(), 1000u);
  std::shuffle(attacks.begin(), attacks.end(), std::mt19937(seed));

  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(45);
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::vector<std::string> failures;
  std::map<long, int> statuses;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; i++)
  {
    clients.emplace_back(
        [&]
        {
          for (size_t j = next++; j < attacks.size() && std::chrono::steady_clock::now() < end; j = next++)
          {
            const Attack& attack = attacks[j];
            const HttpAnswer answer = Call(attack.method, attack.path, attack.body);
            const std::string failure = Judge(attack, answer);
            const std::lock_guard lock(mutex);
            statuses[answer.status]++;
            if (!failure.empty() && failures.size() < 20)
            {
              failures.push_back(attack.what + ": " + failure);
            }
          }
        });
  }
  for (std::thread& client : clients)
  {
    client.join();
  }
  std::cout << attacks.size() << " attacks; answers by status:";
  for (const auto& [status, count] : statuses)
  {
    std::cout << " " << status << "×" << count;
  }
  std::cout << std::endl;

  EXPECT_THAT(failures, ::testing::IsEmpty());
  ASSERT_TRUE(clinic_.Orthanc().IsRunning());
  EXPECT_TRUE(WaitUntil([&] { return Call("GET", "/api/v1/health").status == 200; }));
  EXPECT_EQ(200, Call("GET", "/api/v1/studies/" + uid_).status);
  const std::string log = clinic_.Orthanc().Log();
  for (const char* const text : {"DROP TABLE", "UNION SELECT", "alert(1)", "TREMBLAY", "Khoury", "47R20",
                                 "X-Injected", "etc/passwd", "7*7", "aaaaaaaaaa"})
  {
    EXPECT_THAT(log, ::testing::Not(::testing::HasSubstr(text)));
  }
}
}  // namespace
}  // namespace OrthancClinic::Testing
