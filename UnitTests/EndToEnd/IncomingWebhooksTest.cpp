// SPDX-License-Identifier: GPL-3.0-or-later
//
// A CRM that tells the clinic of its leads and appointments, as it would: over HTTP, more than once, in any
// order.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "Core/Digest.h"
#include "Core/Timestamp.h"
#include "EndToEnd/Clinic.h"
#include "EndToEnd/GuardedClinic.h"
#include "Support/Findscu.h"
#include "Support/HostileInput.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* SECRET = "the CRM's own long secret";
constexpr const char* SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* EVENTS = "/api/v1/webhooks/crm";
constexpr const char* INSTANCES = "/api/dental/dicom/webhook";
constexpr const char* JSON = "Content-Type: application/json";

std::string Bearer(const std::string& secret = SECRET)
{
  return "Authorization: Bearer " + secret;
}

Json::Value Configuration()
{
  Json::Value configuration;
  Json::Value& secrets = configuration["Clinic"]["Webhooks"]["Incoming"]["Secrets"];
  secrets[0]["Practice"] = "default";
  secrets[0]["Secret"] = "${CRM_SECRET}";
  secrets[1]["Practice"] = "default";
  secrets[1]["Secret"] = SIGNING;
  return configuration;
}

Json::Value Lead(const std::string& id, const std::string& name = "Nour Khoury",
                 const std::string& born = "1996-05-28")
{
  Json::Value lead;
  lead["id"] = id;
  lead["userId"] = "user_1";
  lead["contactPerson"] = name;
  lead["dateOfBirth"] = born + "T00:00:00.000Z";
  return lead;
}

Json::Value Event(const std::string& event, const Json::Value& data, int second = 0)
{
  static int number = 0;
  Json::Value json;
  json["event"] = event;
  json["data"] = data;
  json["id"] = "evt_" + std::to_string(++number);
  json["timestamp"] = ToString(Now() + std::chrono::seconds(second - 1000));
  return json;
}

// Each test has people of its own in one clinic.
class IncomingWebhooks : public ::testing::Test
{
protected:
  static void SetUpTestSuite()
  {
    clinic_ = std::make_unique<Clinic>(
        OrthancServer::Options{.configuration = Configuration(), .environment = {{"CRM_SECRET", SECRET}}});
    Json::Value practice = clinic_->Http().Get("/api/v1/practices/default").Json();
    practice["crm_user_id"] = "user_1";
    practice["calling_ae_titles"].append("PANO1");
    clinic_->PutPractice(practice);
  }

  static void TearDownTestSuite() { clinic_.reset(); }

  static HttpAnswer Send(const std::string& body, const std::vector<std::string>& headers = {Bearer(), JSON},
                         const std::string& path = EVENTS)
  {
    return clinic_->Http().Call("POST", path, body, headers);
  }

  static HttpAnswer Send(const Json::Value& body) { return Send(JsonText(body)); }

  // The status of an event that must be taken.
  static std::string Told(const Json::Value& event)
  {
    const HttpAnswer answer = Send(event);
    EXPECT_EQ(200, answer.status) << answer.body;
    return answer.status == 200 ? answer.Json()["status"].asString() : "";
  }

  static std::vector<std::string> Signature(const std::string& body, Timestamp at,
                                            const std::string& id = "msg_1")
  {
    const std::string time =
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count());
    const std::string key = FromBase64(std::string(SIGNING).substr(6)).value();
    return {"webhook-id: " + id, "webhook-timestamp: " + time,
            "webhook-signature: v1," + ToBase64(HmacSha256(key, id + "." + time + "." + body)), JSON};
  }

  static std::unique_ptr<Clinic> clinic_;
};

std::unique_ptr<Clinic> IncomingWebhooks::clinic_;

TEST_F(IncomingWebhooks, AnAppointmentReachesTheWorklist)
{
  const std::string day = LocalDay(1);
  Json::Value booking;
  booking["id"] = "b-w";
  booking["userId"] = "user_1";
  booking["leadId"] = "l-w";
  booking["customerName"] = "Zoé Lavoie";
  booking["customerTimezone"] = "America/Toronto";
  booking["appointmentDate"] =
      day.substr(0, 4) + "-" + day.substr(4, 2) + "-" + day.substr(6) + "T17:30:00.000Z";
  booking["duration"] = 30;
  booking["status"] = "CONFIRMED";
  const auto find = [&]
  {
    const FindResult result =
        FindWorklist({.port = clinic_->Orthanc().DicomPort(), .callingAe = "PANO1"},
                     {"PatientID=l-w", "PatientName", "AccessionNumber", "StudyInstanceUID",
                      "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=" + day});
    EXPECT_TRUE(result.succeeded) << result.output;
    return result.answers;
  };

  EXPECT_EQ(404, Send(Event("appointment.created", booking)).status) << "its lead is not there yet";
  EXPECT_EQ("created", Told(Event("lead.created", Lead("l-w", "Zoé Lavoie", "1990-04-01"))));
  EXPECT_EQ("created", Told(Event("appointment.created", booking)));
  ASSERT_TRUE(WaitUntil([&] { return find().size() == 1; }));
  const Json::Value item = find().front();
  EXPECT_EQ("Lavoie^Zoé", ValueOf(item, "00100010"));
  EXPECT_FALSE(ValueOf(item, "00080050").empty());
  EXPECT_FALSE(ValueOf(item, "0020000D").empty());

  booking["status"] = "CANCELLED";
  EXPECT_EQ("updated", Told(Event("appointment.updated", booking, 1)));
  EXPECT_TRUE(WaitUntil([&] { return find().empty(); }));
  booking["status"] = "CONFIRMED";
  EXPECT_EQ("updated", Told(Event("appointment.updated", booking, 2)));
  EXPECT_TRUE(WaitUntil([&] { return find().size() == 1; })) << "it takes place after all";
  EXPECT_EQ("deleted", Told(Event("appointment.deleted", booking, 3)));
  EXPECT_TRUE(WaitUntil([&] { return find().empty(); }));
}

TEST_F(IncomingWebhooks, ALeadThatComesAfterItsImageGetsTheStudy)
{
  const std::string study = clinic_->Send(ImageOf("OKAFOR^CHIDINMA", "19871103", "F"), "PANO1");
  EXPECT_EQ("unmatched", clinic_->Decided(study)["match"]["status"].asString());

  EXPECT_EQ("created", Told(Event("lead.created", Lead("l-late", "Chidinma Okafor", "1987-11-03"))));
  clinic_->Becomes(study, "matched", "l-late");

  // Merged, the study goes along; and the survivor's deletion leaves it to be decided anew.
  EXPECT_EQ("created", Told(Event("lead.created", Lead("l-other", "C. O.", "1987-11-03"))));
  Json::Value merged = Lead("l-late");
  merged["mergedInto"] = "l-other";
  EXPECT_EQ("merged", Told(Event("lead.merged", merged, 1)));
  clinic_->Becomes(study, "matched", "l-other");
  EXPECT_EQ("deleted", Told(Event("lead.deleted", Lead("l-other"), 2)));
  clinic_->Becomes(study, "unmatched");
}

TEST_F(IncomingWebhooks, EveryOrderEndsTheSame)
{
  const auto history = [](const std::string& id)
  {
    return std::vector<Json::Value>{
        Event("lead.created", Lead(id, "First"), 1), Event("lead.updated", Lead(id, "Second"), 2),
        Event("lead.deleted", Lead(id), 3), Event("lead.created", Lead(id, "Fourth"), 4)};
  };
  std::vector<size_t> order = {0, 1, 2, 3};
  int run = 0;
  do
  {
    const std::string id = "l-order-" + std::to_string(run++);
    const auto events = history(id);
    for (const size_t i : order)
    {
      Told(events[i]);
      EXPECT_EQ("duplicate", Told(events[i]));
    }
    EXPECT_EQ("Fourth", clinic_->Http().Get("/api/v1/patients/" + id).Json()["contact_person"].asString());
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(IncomingWebhooks, NobodyWithoutTheSecretLearnsAnything)
{
  const Json::Value event = Event("lead.created", Lead("l-secret"));
  const std::string body = JsonText(event);
  std::vector<std::string> answers;
  for (const auto& headers :
       std::vector<std::vector<std::string>>{{JSON},
                                             {JSON, "Authorization: Bearer wrong"},
                                             {JSON, "Authorization: Bearer "},
                                             {JSON, "Authorization: " + std::string(SECRET)},
                                             {JSON, "X-Secret: " + std::string(SECRET)},
                                             Signature(body, Now() - std::chrono::minutes(6)),
                                             Signature(body, Now() + std::chrono::minutes(6)),
                                             Signature(body + " ", Now())})
  {
    for (const std::string& sent :
         {body, std::string("{"), std::string(), JsonText(Event("x", Json::objectValue))})
    {
      const HttpAnswer answer = Send(sent, headers);
      EXPECT_EQ(401, answer.status) << answer.body;
      answers.push_back(answer.body);
      EXPECT_EQ(401, Send(sent, headers, INSTANCES).status);
    }
  }
  EXPECT_EQ(1u, std::set<std::string>(answers.begin(), answers.end()).size()) << "all hear the same";
  EXPECT_EQ(404, clinic_->Http().Get("/api/v1/patients/l-secret").status);
  EXPECT_THAT(clinic_->Orthanc().Log(), Not(HasSubstr(SECRET)));
}

TEST_F(IncomingWebhooks, ASignatureIsAsGoodAsTheSecret)
{
  const std::string body = JsonText(Event("lead.created", Lead("l-signed")));
  EXPECT_EQ("created", Send(body, Signature(body, Now())).Json()["status"].asString());
  EXPECT_EQ("duplicate", Send(body, Signature(body, Now(), "msg_2")).Json()["status"].asString());

  Json::Value event = Event("lead.updated", Lead("l-signed", "Other"), 5);
  event.removeMember("id");
  const std::string nameless = JsonText(event);
  EXPECT_EQ("updated", Send(nameless, Signature(nameless, Now(), "msg_3")).Json()["status"].asString());
  EXPECT_EQ("duplicate", Send(nameless, Signature(nameless, Now(), "msg_3")).Json()["status"].asString());
}

TEST_F(IncomingWebhooks, ABatchIsAnsweredOneByOne)
{
  Json::Value batch(Json::arrayValue);
  batch.append(Event("lead.created", Lead("l-batch-1")));
  batch.append(Event("lead.created", Lead("l-batch-2", "X", "1996-13-45")));
  batch.append(Event("lead.created", Lead("l-batch-3")));

  const HttpAnswer answer = Send(batch);

  ASSERT_EQ(200, answer.status) << answer.body;
  const Json::Value body = answer.Json();
  EXPECT_EQ("created", body["results"][0]["status"].asString());
  EXPECT_EQ("failed", body["results"][1]["status"].asString());
  EXPECT_EQ("dateOfBirth", body["results"][1]["errors"][0]["field"].asString());
  EXPECT_EQ(batch[1]["id"], body["results"][1]["id"]);
  EXPECT_EQ("created", body["results"][2]["status"].asString());
  EXPECT_EQ(200, Send(std::string("[]")).status);

  Json::Value tooMany(Json::arrayValue);
  tooMany.resize(1001);
  EXPECT_EQ(422, Send(tooMany).status);
}

TEST_F(IncomingWebhooks, NothingHostileIsTakenOrBreaksAnything)
{
  for (
      const std::string& body :
      {std::string(), std::string("null"), std::string("1"), std::string("\"x\""), std::string("{}"),
       std::string("{\"event\": 1}"), std::string(100'000, '['), std::string("\xff\xfe"),
       std::string(R"({"event":"lead.created","id":"x","timestamp":"2026-01-01T00:00:00Z","data":[]})"),
       std::string(
           R"({"event":"lead.created","id":"x","timestamp":"2026-01-01T00:00:00Z","data":{"id":{}}})"),
       std::string(
           R"({"event":"lead.created","id":"x","timestamp":"2026-01-01T00:00:00Z","data":{"id":"a\u0001"}})"),
       std::string(
           R"({"event":"lead.created","id":"x","timestamp":"2026-01-01T00:00:00Z","data":{"id":"a","userId":["user_1"]}})"),
       std::string(
           R"({"event":"lead.created","id":"x","timestamp":1e300,"data":{"id":"a","userId":"user_1"}})"),
       std::string(
           R"({"event":"lead.created","id":"x","timestamp":"2026-01-01T00:00:00Z","data":{"id":"a","userId":"' OR 1=1 --"}})"),
       std::string(
           R"({"event":"lead.merged","id":"x","timestamp":"2026-01-01T00:00:00Z","data":{"id":"a","userId":"user_1","mergedInto":"a"}})")})
  {
    const HttpAnswer answer = Send(body);
    EXPECT_TRUE(answer.status == 400 || answer.status == 422) << body.substr(0, 80) << answer.status;
    EXPECT_EQ(400, Send("[" + body, {Bearer(), JSON}).status) << body.substr(0, 80);
    const HttpAnswer dental = Send(body, {Bearer(), JSON}, INSTANCES);
    EXPECT_EQ(400, dental.status) << body.substr(0, 80) << dental.body;
  }
  EXPECT_EQ(413, Send(std::string((16 << 20) + 1, ' ')).status);
  EXPECT_EQ("ignored", Told(Event("invoice.paid", Json::objectValue)));
  EXPECT_EQ("ignored", Told(Event("lead", Json::objectValue)));
  EXPECT_EQ("ignored", Told(Event("lead.created.again", Json::objectValue)));
  EXPECT_EQ(200, clinic_->Http().Get("/api/v1/health").status);
}

TEST_F(IncomingWebhooks, AnInstanceHasItsStudyDecidedNow)
{
  const std::string study = clinic_->Send(ImageOf("ROSSI^GIULIA", "19700612", "F"), "PANO1");
  const std::string orthancStudy = clinic_->Decided(study)["orthanc_study_id"].asString();
  const std::string instance =
      clinic_->Http().Get("/studies/" + orthancStudy + "/instances").Json()[0]["ID"].asString();
  Json::Value body;
  body["event"] = "NewInstance";
  body["resourceId"] = instance;
  body["userId"] = "user_1";
  const auto send = [&](const Json::Value& json) {
    return Send(JsonText(json), {Bearer(), JSON}, INSTANCES);
  };

  HttpAnswer answer = send(body);
  EXPECT_EQ(200, answer.status) << answer.body;
  EXPECT_EQ("DICOM instance processed", answer.Json()["message"].asString());
  EXPECT_TRUE(answer.Json()["success"].asBool());
  EXPECT_TRUE(WaitUntil([&] { return clinic_->CountTasks("kind=match.study") == 0; }));
  EXPECT_EQ(1, clinic_->Http()
                   .Get("/api/v1/audit?action=study.rematch&study_instance_uid=" + study)
                   .Json()["total"]
                   .asInt());

  Json::Value other = body;
  other["event"] = "StableStudy";
  EXPECT_EQ("Webhook received", send(other).Json()["message"].asString());
  other = body;
  other.removeMember("userId");
  answer = send(other);
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ("BAD_REQUEST", answer.Json()["code"].asString());
  for (const std::string& unknown : std::vector<std::string>{"12345678-12345678-12345678-12345678-12345678",
                                                             "x", "../../system", orthancStudy, study})
  {
    other = body;
    other["resourceId"] = unknown;
    EXPECT_EQ(404, send(other).status) << unknown;
  }
  other = body;
  other["userId"] = "user_2";
  EXPECT_EQ(404, send(other).status);

  // A person's word stands.
  EXPECT_EQ("created", Told(Event("lead.created", Lead("l-rossi", "Somebody Else", "1950-01-01"))));
  Json::Value decision;
  decision["patient_id"] = "l-rossi";
  EXPECT_EQ(200, clinic_->Http().Post("/api/v1/studies/" + study + "/match", decision).status);
  EXPECT_EQ(200, send(body).status);
  EXPECT_TRUE(WaitUntil([&] { return clinic_->CountTasks("kind=match.study") == 0; }));
  clinic_->Becomes(study, "matched", "l-rossi");
}

TEST_F(IncomingWebhooks, ASenderMayBeGivenASecretByRest)
{
  Json::Value practice;
  practice["id"] = "east";
  practice["crm_user_id"] = "user_east";
  clinic_->PutPractice(practice);
  Json::Value sender;
  sender["practice_id"] = "east";
  sender["secret"] = "short";
  EXPECT_EQ(422, clinic_->Http().Put("/api/v1/webhook-senders/crm", sender).status);
  sender["secret"] = "the long secret of the east";
  const HttpAnswer put = clinic_->Http().Put("/api/v1/webhook-senders/crm", sender);
  EXPECT_EQ(201, put.status) << put.body;
  EXPECT_THAT(put.body, Not(HasSubstr("the long secret")));
  EXPECT_THAT(clinic_->Http().Get("/api/v1/webhook-senders").body, Not(HasSubstr("the long secret")));

  Json::Value lead = Lead("l-east");
  lead["userId"] = "user_east";
  const std::string body = JsonText(Event("lead.created", lead));
  const std::vector<std::string> headers = {Bearer("the long secret of the east"), JSON};
  EXPECT_EQ(422, Send(body).status) << "the secret of another practice";
  EXPECT_EQ(200, Send(body, headers).status);
  EXPECT_EQ("east", clinic_->Http().Get("/api/v1/patients/l-east").Json()["practice_id"].asString());
  const std::string foreign = JsonText(Event("lead.created", Lead("l-foreign")));
  EXPECT_EQ(422, Send(foreign, headers).status);

  EXPECT_EQ(204, clinic_->Http().Delete("/api/v1/webhook-senders/crm").status);
  EXPECT_EQ(401, Send(body, headers).status);
}

TEST(GuardedWebhooks, NeedTheSecretAndNoUser)
{
  GuardedClinic clinic(
      []
      {
        Json::Value configuration = Configuration();
        configuration["Clinic"]["Webhooks"]["Incoming"]["Secrets"][0]["Secret"] = SECRET;
        return configuration;
      }());
  Json::Value event = Event("patient.created", Person("p1", "Khoury", "Nour", "1996-05-28", "F"));

  EXPECT_EQ(401, clinic.As("", "POST", EVENTS, JsonText(event), {JSON}).status);
  const HttpAnswer taken =
      clinic.As("Bearer " + std::string(SECRET), "POST", EVENTS, JsonText(event), {JSON});
  EXPECT_EQ(200, taken.status) << taken.body;
  EXPECT_EQ(401, clinic.As("Bearer " + std::string(SECRET), "GET", "/api/v1/patients/p1").status)
      << "it opens nothing else";
  EXPECT_EQ("webhook:default",
            clinic.Http().Get("/api/v1/audit?patient_id=p1").Json()["items"][0]["principal"].asString());
}
}  // namespace
}  // namespace OrthancClinic::Testing
