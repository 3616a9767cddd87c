// SPDX-License-Identifier: GPL-3.0-or-later

#include "Webhooks/DeliveryForm.h"

#include <gmock/gmock.h>

#include "Core/Configuration/Json.h"

namespace OrthancClinic::Webhooks
{
namespace
{
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string HeaderOf(const HttpCall& call, const std::string& name)
{
  std::string value;
  for (const auto& [key, text] : call.headers)
  {
    value = key == name ? text : value;
  }
  return value;
}
}  // namespace

// Published with the specification: libraries/javascript/src/webhook.test.ts, and the same in its other
// libraries.
TEST(StandardWebhook, IsSignedAsTheSpecificationsVectorSays)
{
  EXPECT_EQ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            Signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                      R"({"test": 2432232314})"));
}

TEST(StandardWebhook, IsSignedByTheFormerSecretToo)
{
  const Timestamp now = ParseTimestamp("2021-02-25T15:02:10Z").value();  // 1614265330
  Endpoint endpoint;
  endpoint.url = "https://ehr.example.org/hook";
  endpoint.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  endpoint.formerSecret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  endpoint.formerSecretUntil = now + std::chrono::hours(1);
  const std::string body = R"({"test": 2432232314})";
  const std::string id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  const std::string expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

  const HttpCall call = MakeCall(endpoint, id, body, now);

  EXPECT_EQ(id, HeaderOf(call, "webhook-id"));
  EXPECT_EQ("1614265330", HeaderOf(call, "webhook-timestamp"));
  EXPECT_EQ(expected + " " + Signature(endpoint.formerSecret, id, 1614265330, body),
            HeaderOf(call, "webhook-signature"));
  EXPECT_EQ(body, call.body);
  EXPECT_EQ("", HeaderOf(call, "Authorization"));
  endpoint.formerSecretUntil = now;
  EXPECT_EQ(expected, HeaderOf(MakeCall(endpoint, id, body, now), "webhook-signature"));
}

TEST(StandardWebhook, HasSecretsOfItsOwnKind)
{
  EXPECT_FALSE(FindFault(Form::Standard, NewSecret(Form::Standard)));
  EXPECT_FALSE(FindFault(Form::Standard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  for (const char* bad : {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZ",
                          "whsec_AAAA", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
  {
    EXPECT_TRUE(FindFault(Form::Standard, bad)) << bad;
  }
  EXPECT_EQ(std::string::npos, NewMessageId().find('.'));
  EXPECT_NE(NewMessageId(), NewMessageId());
}

TEST(CrmWebhook, HasTheFieldsOfItsContract)
{
  Study study;
  study.studyInstanceUid = "1.2.3";
  study.match.status = MatchStatus::Matched;
  study.match.patientId = "cml123";
  study.match.decidedBy = "lise";
  study.match.probability = 0.5;
  const Json::Value body = ParseJson(CrmBody("instance-1", "user-1", study));
  EXPECT_EQ("NewInstance", body["event"].asString());
  EXPECT_EQ("instance-1", body["resourceId"].asString());
  EXPECT_EQ("user-1", body["userId"].asString());
  EXPECT_EQ("cml123", body["patientId"].asString());
  EXPECT_EQ("cml123", body["leadId"].asString());
  EXPECT_EQ("1.2.3", body["studyInstanceUid"].asString());
  EXPECT_EQ(R"({"decidedBy":"person","probability":0.5,"status":"matched"})", WriteJson(body["match"]));

  Endpoint endpoint;
  endpoint.form = Form::Crm;
  endpoint.secret = "secret-of-the-crm";
  const HttpCall call = MakeCall(endpoint, "msg_1", "{}", Now());
  EXPECT_EQ("POST", call.method);
  EXPECT_EQ("Bearer secret-of-the-crm", HeaderOf(call, "Authorization"));
  EXPECT_EQ("application/json", HeaderOf(call, "Content-Type"));
  EXPECT_FALSE(FindFault(Form::Crm, NewSecret(Form::Crm)));
  for (const char* bad : {"", "short", "with a space", "with\r\nHeader: x", "with-\xc3\xa9-accent"})
  {
    EXPECT_TRUE(FindFault(Form::Crm, bad)) << bad;
  }
}

TEST(CrmWebhook, IsTakenOnlyWhereTheCrmSaysSo)
{
  EXPECT_EQ("", FindFault(Form::Crm, HttpReply{200, {}, R"({"success": true, "message": "x"})"}));
  for (const char* bad : {"", "ok", "true", "[]", R"({"success": false})", R"({"success": "true"})", "{}"})
  {
    EXPECT_THAT(FindFault(Form::Crm, HttpReply{200, {}, bad}), HasSubstr("success")) << bad;
  }
  EXPECT_THAT(FindFault(Form::Crm, HttpReply{201, {}, R"({"success": true})"}), HasSubstr("201"));
  EXPECT_EQ("", FindFault(Form::Standard, HttpReply{204}));
  EXPECT_THAT(FindFault(Form::Standard, HttpReply{302}), StartsWith("Answered with status 302"));
}

TEST(Endpoint, WantsEventsByNameByGroupOrAll)
{
  Endpoint endpoint;
  endpoint.events = {"study.*", "order.linked"};
  EXPECT_TRUE(endpoint.Wants("study.matched"));
  EXPECT_TRUE(endpoint.Wants("order.linked"));
  EXPECT_FALSE(endpoint.Wants("order.review"));
  EXPECT_FALSE(endpoint.Wants("studying"));
  endpoint.events = {"*"};
  EXPECT_TRUE(endpoint.Wants("patient.create"));
}
}  // namespace OrthancClinic::Webhooks
