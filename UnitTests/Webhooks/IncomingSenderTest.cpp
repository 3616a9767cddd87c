// SPDX-License-Identifier: GPL-3.0-or-later

#include "Webhooks/IncomingSender.h"

#include <gtest/gtest.h>

#include "Core/Configuration/Configuration.h"
#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Support/Documentation.h"
#include "Webhooks/WebhookOptions.h"

namespace OrthancClinic::Webhooks
{
namespace
{
// The example of the Standard Webhooks libraries (libraries/python/tests/test_webhooks.py and others).
constexpr const char* SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr int64_t TIME = 1614265330;
constexpr const char* BODY = R"({"test": 2432232314})";
constexpr const char* SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

const Timestamp NOW{std::chrono::seconds(TIME)};

HttpRequest Signed()
{
  return {.headers = {{"webhook-id", ID},
                      {"webhook-timestamp", std::to_string(TIME)},
                      {"webhook-signature", SIGNATURE}},
          .body = BODY};
}

HttpRequest WithBearer(const std::string& authorization)
{
  return {.headers = {{"authorization", authorization}}, .body = BODY};
}

const std::vector<IncomingSender>& Senders()
{
  static const std::vector<IncomingSender> SENDERS = {
      {.id = "north", .practiceId = "north", .secret = SECRET},
      {.id = "south", .practiceId = "south", .secret = "a long secret of the south"}};
  return SENDERS;
}

TEST(IncomingSender, ProvesItselfByTheSpecificationsVector)
{
  const auto principal = FindSender(Signed(), Senders(), NOW);
  ASSERT_TRUE(principal);
  EXPECT_EQ("webhook:north", principal->name);
  EXPECT_TRUE(principal->May(Permission::WritePatients, "north"));
  EXPECT_FALSE(principal->May(Permission::WritePatients, "south"));
  EXPECT_FALSE(principal->May(Permission::ReadPatients, "north"));
  EXPECT_FALSE(principal->grants->AllowEverywhere(Permission::WriteOrders));
}

TEST(IncomingSender, MayGiveSeveralSignaturesWhileItChangesItsSecret)
{
  HttpRequest request = Signed();
  request.headers["webhook-signature"] =
      std::string("v1a,abc v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= ") + SIGNATURE + " v2,x";
  EXPECT_TRUE(FindSender(request, Senders(), NOW));
}

TEST(IncomingSender, IsRefusedForEverythingThatIsNotSignedWell)
{
  const auto broken = [](const char* header, const std::string& value)
  {
    HttpRequest request = Signed();
    request.headers[header] = value;
    return request;
  };
  std::vector<HttpRequest> requests = {
      broken("webhook-id", "msg_other"),
      broken("webhook-id", ""),
      broken("webhook-timestamp", "1614265331"),
      broken("webhook-timestamp", "1614265330.0"),
      broken("webhook-timestamp", " 1614265330"),
      broken("webhook-timestamp", "99999999999999999999"),
      broken("webhook-timestamp", "9223372036854775807"),
      broken("webhook-timestamp", "-9223372036854775808"),
      broken("webhook-timestamp", ""),
      broken("webhook-signature", ""),
      broken("webhook-signature", "v1,"),
      broken("webhook-signature", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
      broken("webhook-signature", "v1 g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
      broken("webhook-signature", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
      broken("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1O0="),
      broken("webhook-signature", std::string(100'000, ' ')),
      WithBearer(""),
      WithBearer("Bearer"),
      WithBearer("Bearer "),
      WithBearer("Bearer a long secret of the nort"),
      WithBearer("Bearer a long secret of the south "),
      WithBearer("Basic a long secret of the south"),
      {}};
  requests.push_back(Signed());
  requests.back().body += " ";
  for (const HttpRequest& request : requests)
  {
    EXPECT_FALSE(FindSender(request, Senders(), NOW));
  }
  EXPECT_FALSE(FindSender(Signed(), {}, NOW));
}

TEST(IncomingSender, SignsForFiveMinutes)
{
  using std::chrono::seconds;
  EXPECT_TRUE(FindSender(Signed(), Senders(), NOW + seconds(299)));
  EXPECT_FALSE(FindSender(Signed(), Senders(), NOW + seconds(301)));
  EXPECT_TRUE(FindSender(Signed(), Senders(), NOW - seconds(299)));
  EXPECT_FALSE(FindSender(Signed(), Senders(), NOW - seconds(301)));
}

TEST(IncomingSender, MayShowTheSecretAsItIs)
{
  EXPECT_EQ("webhook:south",
            FindSender(WithBearer("bearer a long secret of the south"), Senders(), NOW).value().name);
  EXPECT_EQ("webhook:north", FindSender(WithBearer(std::string("Bearer ") + SECRET), Senders(), NOW)->name);
}

TEST(IncomingSender, MaySpeakForSeveralPractices)
{
  std::vector<IncomingSender> senders = Senders();
  senders.push_back({.id = "west", .practiceId = "west", .secret = SECRET});
  const auto both = FindSender(Signed(), senders, NOW);
  EXPECT_TRUE(both->May(Permission::WriteOrders, "north") && both->May(Permission::WriteOrders, "west"));
  EXPECT_FALSE(both->May(Permission::WriteOrders, "south"));

  const auto all = FindSender(Signed(), {{.id = "*", .secret = SECRET}}, NOW);
  EXPECT_TRUE(all->grants->AllowEverywhere(Permission::WriteAppointments));
}

TEST(IncomingSender, NeverShowsItsSecret)
{
  const Json::Value json = ToJson(Senders()[1]);
  EXPECT_EQ(std::string::npos, WriteJson(json).find("a long secret"));
  EXPECT_TRUE(json["has_secret"].asBool());
}

TEST(IncomingOptions, RefuseASecretThatCanBeGuessed)
{
  for (const auto& [secret, good] :
       {std::pair("short", false), std::pair("0123456789abcde", false), std::pair("0123456789abcdef", true),
        std::pair("whsec_", false), std::pair("whsec_AAAA", false),
        std::pair("whsec_no base64 at all, is it?", false), std::pair(SECRET, true)})
  {
    Json::Value orthanc;
    orthanc["Clinic"]["Webhooks"]["Incoming"]["Secrets"][0]["Secret"] = secret;
    Configuration configuration(orthanc);
    if (good)
    {
      EXPECT_EQ(secret, ReadOptions(configuration).incomingSenders.at(0).secret);
    }
    else
    {
      EXPECT_THROW(ReadOptions(configuration), BadInput) << secret;
    }
  }
}

TEST(IncomingOptions, StandInThePageOfThePlugin)
{
  EXPECT_EQ(Testing::DocumentedOptions("Plugins/Webhooks/README.md"),
            OptionTable("Webhooks", OptionsSchema()));
}
}  // namespace
}  // namespace OrthancClinic::Webhooks
