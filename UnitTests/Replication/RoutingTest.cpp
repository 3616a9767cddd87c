// SPDX-License-Identifier: GPL-3.0-or-later

#include "Replication/Routing.h"

#include <gtest/gtest.h>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic::Replication
{
namespace
{
Vna Target(const std::string& id, const char* rules, bool isDefault = false)
{
  Vna vna;
  vna.id = id;
  vna.isDefault = isDefault;
  vna.document["routingRules"] = ParseJson(rules);
  return vna;
}

// "target/rule", with a "z" for a compressed copy and a "?" where a rule waits for the patient.
std::string Decided(const std::vector<Vna>& vnas, const ImageFacts& facts)
{
  const Route route = Decide(vnas, facts);
  return route.target + "/" + route.rule + (route.compress ? "z" : "") + (route.waits ? "?" : "");
}

TEST(RoutingRules, SendAnImageByTheFirstThatFits)
{
  const std::vector<Vna> vnas = {Target("a", R"([
        {"id": "2", "priority": 2, "conditions": {"imageType": ["PANORAMIC", "CT"]}, "action": {"vnaId": "a"}},
        {"id": "1", "priority": 1, "conditions": {"imageType": ["panoramic"], "location": "Laval"}, "action": {"vnaId": "b", "compress": true}},
        {"id": "0", "priority": 0, "conditions": {"imageType": ["BITEWING"]}, "action": {"vnaId": "gone"}}
      ])"),
                                 Target("b", R"([
        {"id": "3", "priority": 0, "conditions": {"leadId": "p1"}, "action": {"vnaId": ""}},
        {"id": "4", "priority": 1, "conditions": {"patientId": "p2", "imageType": ["PX"]}, "action": {"vnaId": "b"}}
      ])"),
                                 Target("c", "[]", true)};
  struct Case
  {
    const char* name;
    ImageFacts facts;
    const char* decided;
  };
  for (const Case& item :
       {Case{"nothing fits", {{"north"}, {"periapical", "IO"}, false, ""}, "c/"},
        Case{"the X-ray type", {{"north"}, {"panoramic", "PX"}, false, ""}, "a/2"},
        Case{"the modality", {{"north"}, {"other", "CT"}, false, ""}, "a/2"},
        Case{"the place, however it is written", {{"n1", "LAVAL"}, {"panoramic", "PX"}, false, ""}, "b/1z"},
        Case{"a rule whose target is gone", {{"north"}, {"bitewing", "IO"}, false, ""}, "c/"},
        Case{"the lead", {{"north"}, {"periapical", "IO"}, false, "p1"}, "b/3"},
        Case{"the patient with another type", {{"north"}, {"periapical", "IO"}, false, "p2"}, "c/"},
        Case{"the patient", {{"north"}, {"cephalometric", "PX"}, false, "p2"}, "b/4"},
        Case{"nobody knows yet", {{"north"}, {"periapical", "IO"}, true, ""}, "c/?"},
        Case{"it does not matter", {{"north"}, {"panoramic", "PX"}, true, ""}, "a/2"}})
  {
    EXPECT_EQ(item.decided, Decided(vnas, item.facts)) << item.name;
  }
}

TEST(RoutingRules, MaySendAnImageNowhere)
{
  EXPECT_EQ("/", Decided({}, {}));
  EXPECT_EQ(
      "/",
      Decided({Target("a", R"([{"id": "1", "conditions": {"location": "x"}, "action": {"vnaId": "a"}}])")},
              {{"north"}, {}, false, ""}));
  EXPECT_EQ("a/1", Decided({Target("a", R"([{"id": "1", "conditions": {}, "action": {"vnaId": "a"}}])")}, {}))
      << "a rule without conditions fits always";
}

TEST(RoutingRules, SayWhatTheyAskFor)
{
  const Vna types = Target("a", R"([{"conditions": {"imageType": ["PX"]}}])");
  const Vna person = Target("a", R"([{"conditions": {"imageType": [], "patientId": null, "leadId": "p1"}}])");
  EXPECT_TRUE(AskForTypes({types}));
  EXPECT_FALSE(AskForTypes({person}));
  EXPECT_TRUE(AskForPatients({types, person}));
  EXPECT_FALSE(AskForPatients({types}));
}

// The fields that are wrong, each with a comma.
std::string Wrong(const Json::Value& document, const Json::Value& credentials)
{
  Vna vna;
  vna.practiceId = "north";
  vna.document = document;
  vna.credentials = credentials;
  try
  {
    ToTarget(vna);
    return "";
  }
  catch (const BadInput& error)
  {
    std::string fields;
    for (const FieldError& field : error.Fields())
    {
      fields += field.field + ",";
    }
    return fields;
  }
}

TEST(VnaTargets, SayWhatTheyNeedAndWhatCannotBe)
{
  const Json::Value keys = ParseJson(R"({"accessKeyId": "a", "secretAccessKey": "s"})");
  EXPECT_EQ("",
            Wrong(ParseJson(R"({"type": "AWS_S3", "region": "ca-central-1", "bucket": "images"})"), keys));
  EXPECT_EQ("region,endpoint,bucket,credentials.accessKeyId,credentials.secretAccessKey,",
            Wrong(ParseJson(R"({"type": "CLOUD_VNA"})"), Json::objectValue));
  EXPECT_EQ("region,bucket,", Wrong(ParseJson(R"({"type": "AWS_S3", "bucket": null})"), keys));
  EXPECT_EQ("region,bucket,credentials.accountName,credentials.accountKey,",
            Wrong(ParseJson(R"({"type": "AZURE_BLOB"})"), keys));
  EXPECT_EQ("", Wrong(ParseJson(R"({"type": "AZURE_BLOB", "region": "canadaeast", "bucket": "images"})"),
                      ParseJson(R"({"accountName": "clinic", "accountKey": "a2V5"})")));
}

TEST(VnaTargets, AreTheSamePlaceHoweverTheUrlIsWritten)
{
  const auto target = [](const char* document)
  {
    Vna vna;
    vna.practiceId = "north";
    vna.document = ParseJson(document);
    vna.credentials = ParseJson(R"({"accessKeyId": "a", "secretAccessKey": "s"})");
    return ToTarget(vna);
  };
  const TargetOptions aws = target(R"({"type": "AWS_S3", "region": "ca-central-1", "bucket": "images"})");
  EXPECT_EQ("https://s3.ca-central-1.amazonaws.com", aws.endpoint);
  EXPECT_TRUE(SamePlace(aws, target(R"({"type": "OTHER", "endpoint": "https://s3.ca-central-1.amazonaws.com/",
                      "region": "ca-central-1", "bucket": "images", "pathPrefix": "/"})")));
  EXPECT_FALSE(SamePlace(aws, target(R"({"type": "AWS_S3", "region": "ca-central-1", "bucket": "images",
                                         "pathPrefix": "/a/"})")));
}
}  // namespace
}  // namespace OrthancClinic::Replication
