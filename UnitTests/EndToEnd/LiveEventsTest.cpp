// SPDX-License-Identifier: GPL-3.0-or-later
//
// Server-Sent Events as a browser's EventSource reads them, over Orthanc's own HTTP server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

#include "EndToEnd/GuardedClinic.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* STREAM = "Accept: text/event-stream";

// What follows the last "id: " of an answer.
std::string LastId(const std::string& body)
{
  const size_t at = body.rfind("id: ");
  return at == std::string::npos ? "" : body.substr(at + 4, body.find('\n', at) - at - 4);
}

HttpAnswer Stream(const Clinic& clinic, const std::string& query = "", const std::string& lastId = "")
{
  std::vector<std::string> headers = {STREAM};
  if (!lastId.empty())
  {
    headers.push_back("Last-Event-ID: " + lastId);
  }
  return clinic.Http().Call("GET", "/api/v1/events" + query, "", headers);
}

int Held(const Clinic& clinic)
{
  const std::string metrics = clinic.Http().Get("/api/v1/metrics").body;
  const std::string name = "\northanc_clinic_live_held ";
  const size_t at = metrics.find(name);
  return at == std::string::npos ? -1 : std::stoi(metrics.substr(at + name.size()));
}

TEST(LiveEvents, ComeToABrowserThatWaits)
{
  const Clinic clinic;
  auto waiting = std::async(std::launch::async, [&] { return Stream(clinic, "?type=patient.create"); });
  ASSERT_TRUE(WaitUntil([&] { return Held(clinic) == 1; }));

  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F"));

  const HttpAnswer answer = waiting.get();
  EXPECT_EQ(200, answer.status);
  EXPECT_EQ("text/event-stream", answer.headers.at("content-type"));
  EXPECT_EQ("no-store", answer.headers.at("cache-control"));
  EXPECT_THAT(answer.body, HasSubstr("\"patient_id\":\"p1\""));
  EXPECT_THAT(answer.body, Not(HasSubstr("Khoury")));
  EXPECT_EQ(0, Held(clinic));

  // It comes again with what it knows, and misses nothing of what happened meanwhile.
  clinic.PutPatient(Person("p2", "Roy", "Anne", "1996-05-28", "F"));
  const HttpAnswer next = Stream(clinic, "", LastId(answer.body));
  EXPECT_THAT(next.body, HasSubstr("\"patient_id\":\"p2\""));
  EXPECT_THAT(next.body, Not(HasSubstr("\"patient_id\":\"p1\"")));

  EXPECT_EQ(400, Stream(clinic, "", "x").status);
  EXPECT_EQ(400, Stream(clinic, "", "-1").status);
  EXPECT_EQ(400, Stream(clinic, "", "99999999999999999999").status);
}

TEST(LiveEvents, HoldFewAndTellTheOthersToComeAgain)
{
  Clinic clinic;
  std::vector<std::future<HttpAnswer>> clients;
  for (int i = 0; i < 60; i++)
  {
    clients.push_back(std::async(std::launch::async, [&] { return Stream(clinic, "?type=patient.create"); }));
  }
  int atOnce = 0;
  ASSERT_TRUE(WaitUntil(
      [&]
      {
        atOnce = 0;
        for (auto& client : clients)
        {
          atOnce += client.wait_for(std::chrono::seconds(0)) == std::future_status::ready ? 1 : 0;
        }
        return atOnce == 50;
      }));
  EXPECT_EQ(10, Held(clinic)) << "and Orthanc answers others";

  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F"));

  int told = 0;
  for (auto& client : clients)
  {
    const HttpAnswer answer = client.get();
    EXPECT_EQ(200, answer.status) << answer.body;
    const bool has = answer.body.find("\"patient_id\":\"p1\"") != std::string::npos;
    told += has ? 1 : 0;
    EXPECT_THAT(answer.body, HasSubstr(has ? "retry: 200\n" : "retry: 5000\n"));
    const std::string next = has ? "" : Stream(clinic, "?type=patient.create", LastId(answer.body)).body;
    EXPECT_TRUE(has || next.find("\"patient_id\":\"p1\"") != std::string::npos) << next;
  }
  EXPECT_EQ(10, told);

  // Whoever waits when Orthanc stops does not keep it.
  auto waiting = std::async(std::launch::async, [&] { return Stream(clinic); });
  ASSERT_TRUE(WaitUntil([&] { return Held(clinic) == 1; }));
  EXPECT_EQ(0, clinic.Orthanc().Stop());
  EXPECT_EQ(200, waiting.get().status);
}

TEST(LiveEvents, AreThoseOfTheCallersPractices)
{
  GuardedClinic clinic;
  clinic.MakePractice("north", "PANO-N");
  clinic.MakePractice("south", "PANO-S");
  clinic.MakeUser("nina", Roles("department_head", "north"));
  const std::string nina = clinic.SignIn("nina");
  EXPECT_EQ(401, clinic.As("", "GET", "/api/v1/events", "", {STREAM}).status);

  auto waiting =
      std::async(std::launch::async, [&] { return clinic.As(nina, "GET", "/api/v1/events", "", {STREAM}); });
  ASSERT_TRUE(WaitUntil([&] { return Held(clinic) == 1; }));
  for (const char* practice : {"south", "north"})
  {
    Json::Value person = Person(std::string("p-") + practice, "Khoury", "Nour", "1996-05-28", "F");
    person["practice_id"] = practice;
    clinic.PutPatient(person);
  }

  const HttpAnswer answer = waiting.get();
  EXPECT_THAT(answer.body, HasSubstr("p-north"));
  EXPECT_THAT(answer.body, Not(HasSubstr("south")));
  EXPECT_EQ(403, clinic.As(nina, "GET", "/api/v1/events?practice=south", "", {STREAM}).status);
}
}  // namespace
}  // namespace OrthancClinic::Testing
