// SPDX-License-Identifier: GPL-3.0-or-later
//
// Webhooks that leave a real clinic for strict receivers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "EndToEnd/Clinic.h"
#include "Support/Wait.h"
#include "Support/WebhookReceiver.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* BEARER = "secret-of-the-crm";
constexpr const char* PATH = "/api/v1/webhook-endpoints/";

OrthancServer::Options Configured(bool privateAddresses = true)
{
  OrthancServer::Options options;
  options.configuration["Clinic"]["Webhooks"]["PrivateAddresses"] = privateAddresses;
  options.configuration["Clinic"]["Webhooks"]["MatchWaitSeconds"] = 600;  // never before it is decided
  options.configuration["Clinic"]["Studies"]["QuietSeconds"] = 1;
  options.configuration["Clinic"]["Studies"]["QuietSecondsByModality"] = Json::objectValue;
  return options;
}

// Gives the practice "default" a user of the CRM.
void PutCrmUser(const Clinic& clinic)
{
  Json::Value practice;
  practice["id"] = "default";
  practice["crm_user_id"] = "user-1";
  clinic.PutPractice(practice);
}

Json::Value StandardEndpoint(const std::string& url, const std::string& event = "study.*")
{
  Json::Value endpoint;
  endpoint["practice_id"] = "default";
  endpoint["url"] = url;
  endpoint["form"] = "standard";
  endpoint["events"].append(event);
  return endpoint;
}

Json::Value CrmEndpoint(const std::string& url)
{
  Json::Value endpoint;
  endpoint["practice_id"] = "default";
  endpoint["url"] = url;
  endpoint["form"] = "crm";
  endpoint["secret"] = BEARER;
  return endpoint;
}

// Expects success, and gives the secret that was made.
std::string Create(const Clinic& clinic, const std::string& id, const Json::Value& endpoint)
{
  const HttpAnswer answer = clinic.Http().Put(PATH + id, endpoint);
  EXPECT_EQ(201, answer.status) << answer.body;
  return answer.Json().get("secret", "").asString();
}

// A person is impatient, until `predicate` holds.
bool WaitHastily(const Clinic& clinic, const std::function<bool()>& predicate)
{
  return WaitUntil(
      [&]
      {
        const Json::Value tasks =
            clinic.Http().Get("/api/v1/tasks?kind=deliver.webhook&limit=1000").Json()["items"];
        for (const Json::Value& task : tasks)
        {
          clinic.Http().Call("POST", "/api/v1/tasks/" + task["id"].asString() + "/retry");
        }
        return predicate();
      },
      std::chrono::seconds(60));
}

std::set<std::string> Instances(const std::vector<Json::Value>& bodies)
{
  std::set<std::string> instances;
  for (const Json::Value& body : bodies)
  {
    instances.insert(body["resourceId"].asString());
  }
  return instances;
}

std::set<std::string> InstancesOf(const Clinic& clinic)
{
  std::set<std::string> instances;
  for (const Json::Value& instance : clinic.Http().Get("/instances").Json())
  {
    instances.insert(instance.asString());
  }
  return instances;
}
}  // namespace

TEST(ACrm, IsToldOfEachNewInstanceAndItsPatient)
{
  const Clinic clinic(Configured());
  WebhookReceiver receiver(BEARER);
  EXPECT_EQ(409, clinic.Http().Put(PATH + std::string("crm"), CrmEndpoint(receiver.Url())).status)
      << "the practice has no user of the CRM";
  PutCrmUser(clinic);
  clinic.PutPatient(Person("cml123", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720"));  // before anybody asked
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // Orthanc's times are in whole seconds
  Create(clinic, "crm", CrmEndpoint(receiver.Url()));

  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720"));

  EXPECT_TRUE(WaitUntil([&] { return !receiver.Taken().empty(); }));
  const Json::Value body = receiver.Taken()[0];
  EXPECT_EQ("NewInstance", body["event"].asString());
  EXPECT_EQ("user-1", body["userId"].asString());
  EXPECT_EQ(uid, body["studyInstanceUid"].asString());
  EXPECT_EQ("cml123", body["patientId"].asString());
  EXPECT_EQ("cml123", body["leadId"].asString());
  EXPECT_EQ("matched", body["match"]["status"].asString());
  EXPECT_EQ("machine", body["match"]["decidedBy"].asString());
  EXPECT_EQ(200, clinic.Http().Get("/instances/" + body["resourceId"].asString() + "/file").status);

  // Nobody in the directory; and what the CRM does not take is tried again.
  std::atomic<int> calls{0};
  receiver.Behave(
      [&](const Json::Value&) -> std::optional<ServedReply>
      { return calls++ == 0 ? std::optional(ServedReply{.body = R"({"success": false})"}) : std::nullopt; });
  const std::string other = clinic.Send(ImageOf("Nobody^Known", "19700101", "M"));
  EXPECT_TRUE(WaitHastily(clinic, [&] { return receiver.Taken().size() == 2; }));
  EXPECT_EQ("unmatched", receiver.Taken()[1]["match"]["status"].asString());
  EXPECT_TRUE(receiver.Taken()[1]["patientId"].isNull());
  EXPECT_EQ(other, receiver.Taken()[1]["studyInstanceUid"].asString());
  EXPECT_EQ(2u, receiver.Taken().size());
  EXPECT_THAT(receiver.Refusals(), IsEmpty());

  for (const ServedRequest& request : receiver.Requests())
  {
    EXPECT_THAT(request.body, Not(HasSubstr("Khoury")));
    EXPECT_THAT(request.body, Not(HasSubstr("1996")));
    EXPECT_THAT(request.body, Not(HasSubstr("4720")));
  }
  EXPECT_THAT(clinic.Orthanc().Log(), Not(HasSubstr(BEARER)));
}

TEST(ACrm, LosesNothingWhenOrthancIsKilledOrItIsAwayItself)
{
  Clinic clinic(Configured());
  PutCrmUser(clinic);
  WebhookReceiver receiver(BEARER);
  Create(clinic, "crm", CrmEndpoint(receiver.Url()));
  const TemporaryDirectory folder;
  DicomFile image("CT", 16);
  for (int i = 0; i < 60; i++)
  {
    image.NextInstance().SaveIn(folder.Path());
  }
  std::atomic<size_t> most{10};
  std::atomic<bool> slow{true};
  receiver.Behave(
      [&](const Json::Value&) -> std::optional<ServedReply>
      {
        // Answers nothing more until Orthanc was killed, however long that takes.
        WaitUntil([&] { return receiver.Taken().size() < most; }, std::chrono::seconds(60));
        if (slow)
        {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return std::nullopt;
      });

  const StoreResult result = clinic.Orthanc().Store({folder.Path()});
  EXPECT_EQ(60u, result.acknowledged.size());
  EXPECT_TRUE(WaitUntil([&] { return receiver.Taken().size() >= 5; }));
  clinic.Orthanc().Kill9();
  EXPECT_LT(receiver.Taken().size(), 60u);
  most = 1000;
  clinic.Orthanc().Start();
  EXPECT_TRUE(WaitUntil([&] { return receiver.Taken().size() >= 20; }));
  receiver.GoAway();
  clinic.Orthanc().Kill9();
  clinic.Orthanc().Start();
  receiver.ComeBack();
  slow = false;

  EXPECT_TRUE(WaitHastily(clinic, [&] { return receiver.Taken().size() == 60; })) << receiver.Taken().size();
  EXPECT_EQ(InstancesOf(clinic), Instances(receiver.Taken()));
  EXPECT_LE(receiver.Repeated(), 3) << "only what was under way when it was killed";
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=deliver.webhook") == 0; }));
  EXPECT_THAT(receiver.Refusals(), IsEmpty());
}

TEST(AnEventsReceiver, GetsThemSignedInTheOrderOfEachStudy)
{
  const Clinic clinic(Configured());
  WebhookReceiver receiver("whsec_");
  const std::string secret = Create(clinic, "ehr", StandardEndpoint(receiver.Url()));
  receiver.SetSecret(secret);
  std::vector<std::string> uids;
  for (int i = 0; i < 4; i++)
  {
    uids.push_back(clinic.Send(ImageOf("Nobody^Known", "19700101", "M", std::to_string(i))));
  }
  const auto typesOf = [&](const std::string& uid)
  {
    std::vector<std::string> types;
    for (const Json::Value& body : receiver.Taken())
    {
      if (body["data"]["study_instance_uid"] == uid)
      {
        types.push_back(body["type"].asString());
      }
    }
    return types;
  };
  for (const std::string& uid : uids)
  {
    EXPECT_TRUE(WaitUntil([&] { return typesOf(uid).size() == 3; })) << uid;
  }
  std::map<std::string, std::vector<std::string>> happened;
  for (const Json::Value& event : clinic.Events())
  {
    if (event["type"].asString().starts_with("study."))
    {
      happened[event["data"]["study_instance_uid"].asString()].push_back(event["type"].asString());
    }
  }
  for (const std::string& uid : uids)
  {
    // It may settle before it is decided.
    EXPECT_THAT(typesOf(uid),
                ::testing::UnorderedElementsAre("study.received", "study.unmatched", "study.settled"));
    EXPECT_EQ(happened[uid], typesOf(uid)) << uid;
  }
  EXPECT_THAT(receiver.Refusals(), IsEmpty());

  Json::Value log;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        log = clinic.Http().Get(PATH + std::string("ehr/deliveries?outcome=delivered&limit=100")).Json();
        return log["total"].asInt() == 12;
      }))
      << JsonText(log);
  std::map<std::string, std::vector<std::string>> logged;
  for (const Json::Value& delivery : log["items"])  // the last one first
  {
    EXPECT_EQ(204, delivery["status"].asInt());
    std::vector<std::string>& types = logged[delivery["subject"].asString()];
    types.insert(types.begin(), delivery["event"].asString());
  }
  EXPECT_EQ(happened, logged);
  const std::string counted =
      R"(orthanc_clinic_webhook_attempts_total{endpoint="ehr",outcome="delivered"} 12)";
  std::string metrics;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        metrics = clinic.Http().Get("/api/v1/metrics").body;
        return metrics.find(counted) != std::string::npos;
      }))
      << metrics;

  // A new secret: both sign, until the receiver has changed over.
  const HttpAnswer rotated = clinic.Http().Call("POST", PATH + std::string("ehr/rotate-secret"));
  ASSERT_EQ(200, rotated.status) << rotated.body;
  const std::string fresh = rotated.Json()["secret"].asString();
  EXPECT_NE(secret, fresh);
  for (const std::string& known : {secret, fresh})
  {
    receiver.SetSecret(known);
    const HttpAnswer tested = clinic.Http().Call("POST", PATH + std::string("ehr/test"));
    EXPECT_TRUE(tested.Json()["success"].asBool()) << tested.body;
    EXPECT_EQ(204, tested.Json()["status"].asInt());
  }
  EXPECT_EQ("webhook.test", receiver.Taken().back()["type"].asString());
  Json::Value none;
  none["grace_hours"] = 0;
  const std::string last =
      clinic.Http().Post(PATH + std::string("ehr/rotate-secret"), none).Json()["secret"].asString();
  EXPECT_FALSE(clinic.Http().Call("POST", PATH + std::string("ehr/test")).Json()["success"].asBool())
      << "the former one does not sign any more";
  receiver.SetSecret(last);
  EXPECT_TRUE(clinic.Http().Call("POST", PATH + std::string("ehr/test")).Json()["success"].asBool());

  const std::string shown = clinic.Http().Get(PATH + std::string("ehr")).body +
                            clinic.Http().Get("/api/v1/webhook-endpoints").body + clinic.Orthanc().Log() +
                            JsonText(clinic.Http().Get("/api/v1/audit").Json());
  EXPECT_THAT(shown, HasSubstr("\"has_secret\":true"));
  for (const std::string& hidden : {secret, fresh, last})
  {
    EXPECT_THAT(shown, Not(HasSubstr(hidden)));
  }

  // It wants no more.
  receiver.Behave([](const Json::Value&) { return std::optional(ServedReply{.status = 410}); });
  const std::string uid = clinic.Send(ImageOf("Nobody^Known", "19700101", "M", "9"));
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("state=dead") == 1; }));
  const Json::Value endpoint = clinic.Http().Get(PATH + std::string("ehr")).Json();
  EXPECT_FALSE(endpoint["enabled"].asBool());
  EXPECT_THAT(endpoint["disabled_reason"].asString(), HasSubstr("410"));
  EXPECT_EQ(200, clinic.Http().Get("/api/v1/health").status);
  receiver.Behave({});
  EXPECT_EQ(200, clinic.Http().Call("POST", PATH + std::string("ehr/enable")).status);
  EXPECT_TRUE(WaitUntil([&] { return !typesOf(uid).empty(); }));
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=deliver.webhook") == 0; }));
  EXPECT_EQ(204, clinic.Http().Delete(PATH + std::string("ehr")).status);
  EXPECT_EQ(404, clinic.Http().Get(PATH + std::string("ehr")).status);
}

TEST(WebhookEndpoints, AreCheckedBeforeTheyAreTaken)
{
  const Clinic clinic(Configured(false));
  struct Case
  {
    const char* change;
    int status;
  };
  const std::string good = "https://ehr.example.org/hook?key=1";
  for (const Case& item : {Case{R"({"url": "http://ehr.example.org/"})", 422},
                           Case{R"({"url": "https://127.0.0.1/"})", 422},
                           Case{R"({"url": "https://0x7f.1/"})", 422},
                           Case{R"({"url": "https://localhost/"})", 422},
                           Case{R"({"url": "https://[::1]/"})", 422},
                           Case{R"({"url": "https://169.254.169.254/latest/meta-data"})", 422},
                           Case{R"({"url": "https://10.1.2.3:8080/"})", 422},
                           Case{R"({"url": "https://user:password@ehr.example.org/"})", 422},
                           Case{R"({"url": "https://ehr.example.org/#x"})", 422},
                           Case{R"({"url": "https://ehr.example.org/\r\nX: y"})", 422},
                           Case{R"({"url": "ftp://ehr.example.org/"})", 422},
                           Case{R"({"url": "file:///etc/passwd"})", 422},
                           Case{R"({"url": ""})", 422},
                           Case{R"({"events": []})", 422},
                           Case{R"({"events": ["study *"]})", 422},
                           Case{R"({"events": null})", 422},
                           Case{R"({"form": "other"})", 422},
                           Case{R"({"secret": "too-short"})", 422},
                           Case{R"({"id": "another"})", 422},
                           Case{R"({"unknown": 1})", 422},
                           Case{R"({"practice_id": "none"})", 404},
                           Case{R"({})", 201},
                           Case{R"({"form": "crm", "events": ["NewInstance"]})", 409},
                           Case{R"({"form": "crm"})", 422}})
  {
    Json::Value endpoint = StandardEndpoint(good);
    const Json::Value change = ParseJsonText(item.change);
    for (const std::string& name : change.getMemberNames())
    {
      endpoint[name] = change[name];
    }
    const HttpAnswer answer = clinic.Http().Put(PATH + std::string("ehr"), endpoint);
    EXPECT_EQ(item.status, answer.status) << item.change << answer.body;
  }
  EXPECT_EQ(400, clinic.Http().Put(PATH + std::string("a%20b"), StandardEndpoint(good)).status);
  EXPECT_EQ(404, clinic.Http().Call("POST", PATH + std::string("none/test")).status);
  EXPECT_EQ(404, clinic.Http().Delete(PATH + std::string("none")).status);

  // What is read can be written back; the secret stays.
  Json::Value endpoint = clinic.Http().Get(PATH + std::string("ehr")).Json();
  endpoint["description"] = "of the EHR";
  endpoint["enabled"] = false;
  const HttpAnswer written = clinic.Http().Put(PATH + std::string("ehr"), endpoint);
  EXPECT_EQ(200, written.status) << written.body;
  EXPECT_FALSE(written.Json().isMember("secret"));
  EXPECT_THAT(written.Json()["disabled_reason"].asString(), HasSubstr("Disabled by"));

  // A name of the Internet that leads into the network: seen when it is connected to.
  endpoint["url"] = "https://crm.localhost:" + std::to_string(clinic.Orthanc().HttpPort()) + "/";
  EXPECT_EQ(200, clinic.Http().Put(PATH + std::string("ehr"), endpoint).status);
  const HttpAnswer tested = clinic.Http().Call("POST", PATH + std::string("ehr/test"));
  EXPECT_EQ(200, tested.status);
  EXPECT_FALSE(tested.Json()["success"].asBool());
  EXPECT_THAT(tested.Json()["error"].asString(), HasSubstr("not one of the Internet"));
  EXPECT_EQ(1, clinic.Http().Get(PATH + std::string("ehr/deliveries")).Json()["total"].asInt());
}
}  // namespace OrthancClinic::Testing
