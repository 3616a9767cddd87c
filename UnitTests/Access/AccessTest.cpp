// SPDX-License-Identifier: GPL-3.0-or-later

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pugixml.hpp>

#include "Access/AccessOptions.h"
#include "Access/AccessToken.h"
#include "Access/AuditMessages.h"
#include "Access/OrthancRules.h"
#include "Access/Password.h"
#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Support/Documentation.h"

namespace OrthancClinic::Access
{
namespace
{
using ::testing::HasSubstr;
using ::testing::StartsWith;

Json::Value Record()
{
  return ParseJson(
      R"({"id": 7, "at": "2026-02-08T10:30:00.000Z", "principal": "lise", "remote_address": "10.0.0.5",
    "action": "image.view", "practice_id": "north", "patient_id": "p<1>", "study_instance_uid": "1.2.3",
    "outcome": "success", "detail": {"a": "b\"c"}})");
}
}  // namespace

TEST(AccessOptions, AreInTheReadme)
{
  EXPECT_EQ(Testing::DocumentedOptions("Plugins/Access/README.md"), OptionTable("Access", OptionsSchema()));
}

TEST(AccessOptions, RefuseAnOpenOrthancWhereModalitiesAreStrict)
{
  Json::Value orthanc;
  orthanc["Clinic"]["Access"]["Enabled"] = true;
  orthanc["Clinic"]["Access"]["Modalities"] = "strict";
  Configuration closed(orthanc);
  EXPECT_EQ("strict", ReadOptions(closed).modalities);
  orthanc["DicomAlwaysAllowMove"] = true;
  Configuration open(orthanc);
  EXPECT_THROW(ReadOptions(open), BadInput);
}

TEST(Password, IsVerifiedAgainstItsHashAlone)
{
  const std::string hash = HashPassword("correct horse battery");
  EXPECT_THAT(hash, StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_NE(hash, HashPassword("correct horse battery")) << "without salt";
  EXPECT_TRUE(VerifyPassword(hash, "correct horse battery"));
  EXPECT_FALSE(VerifyPassword(hash, "correct horse batterz"));
  EXPECT_FALSE(VerifyPassword(hash, ""));
  for (const char* broken : {"", "x", "$argon2id$", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA"})
  {
    EXPECT_FALSE(VerifyPassword(broken, "")) << broken;
  }
}

TEST(AccessToken, IsGoodForItsAudienceUntilItExpires)
{
  const AccessToken token{"lise", "s1", AccessToken::API, Now() + std::chrono::minutes(1)};
  const std::string text = Sign(token, "key");
  const auto read = Verify(text, "key", AccessToken::API);
  ASSERT_TRUE(read);
  EXPECT_EQ("lise", read->userName);
  EXPECT_EQ("s1", read->sessionId);
  EXPECT_FALSE(Verify(text, "other key", AccessToken::API));
  EXPECT_FALSE(Verify(text, "key", AccessToken::BROWSER));
  EXPECT_FALSE(Verify(Sign({"lise", "s1", AccessToken::API, Now() - std::chrono::seconds(2)}, "key"), "key",
                      AccessToken::API));
  for (size_t i = 0; i < text.size(); i += 7)
  {
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Verify(changed, "key", AccessToken::API)) << i;
  }
  for (const char* nonsense : {"", ".", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30."})
  {
    EXPECT_FALSE(Verify(nonsense, "key", AccessToken::API)) << nonsense;
  }
}

TEST(OrthancRules, AskForAdministrationWhereNothingElseIsSaid)
{
  struct Case
  {
    HttpMethod method;
    const char* path;
    Permission permission;
    const char* subject;
  };
  const Case cases[] = {
      {HttpMethod::Get, "/", Permission::SignedIn, ""},
      {HttpMethod::Get, "/app/explorer.html", Permission::SignedIn, ""},
      {HttpMethod::Get, "/system", Permission::SignedIn, ""},
      {HttpMethod::Put, "/system", Permission::AdministerOrthanc, ""},
      {HttpMethod::Get, "/studies/abc", Permission::ReadImages, "study/abc"},
      {HttpMethod::Get, "/studies/abc/archive", Permission::ReadImages, "study/abc"},
      {HttpMethod::Get, "/instances/abc/frames/0/raw", Permission::ReadImages, "instance/abc"},
      {HttpMethod::Get, "/dicom-web/studies/1.2/series", Permission::ReadImages, "study_uid/1.2"},
      {HttpMethod::Post, "/studies/abc/modify", Permission::AdministerOrthanc, ""},
      {HttpMethod::Post, "/studies/abc/archive", Permission::ReadImages, "study/abc"},
      {HttpMethod::Put, "/studies/abc/metadata/x", Permission::AdministerOrthanc, ""},
      {HttpMethod::Delete, "/studies/abc", Permission::DeleteDirectly, ""},
      {HttpMethod::Delete, "/studies/abc/metadata/x", Permission::DeleteDirectly, ""},
      {HttpMethod::Get, "/studies", Permission::ReadImages, ""},
      {HttpMethod::Get, "/Studies/abc", Permission::AdministerOrthanc, ""},
      {HttpMethod::Get, "/webdav/by-patients", Permission::AdministerOrthanc, ""},
      {HttpMethod::Post, "/tools/execute-script", Permission::AdministerOrthanc, ""},
      {HttpMethod::Post, "/instances", Permission::WriteImages, ""},
      {HttpMethod::Get, "/new-in-a-later-orthanc", Permission::AdministerOrthanc, ""}};
  for (const Case& one : cases)
  {
    const OrthancRule rule = FindOrthancRule(one.method, one.path);
    EXPECT_EQ(ToString(one.permission), ToString(rule.permission)) << one.path;
    EXPECT_EQ(one.subject, rule.subjectKind.empty() ? "" : rule.subjectKind + "/" + rule.subject) << one.path;
  }
}

TEST(AuditMessages, AreCsvThatNoSpreadsheetCalculates)
{
  Json::Value record = Record();
  EXPECT_EQ(
      "\"7\",\"2026-02-08T10:30:00.000Z\",\"lise\",\"10.0.0.5\",\"image.view\",\"north\",\"p<1>\",\"1.2.3\","
      "\"success\",\"{\"\"a\"\":\"\"b\\\"\"c\"\"}\"\r\n",
      ToCsv(record));
  record["principal"] = "=HYPERLINK(\"x\")";
  EXPECT_THAT(ToCsv(record), HasSubstr("\"'=HYPERLINK(\"\"x\"\")\""));
  EXPECT_THAT(ToCsv(Json::Value()), StartsWith("\"id\",\"at\",\"principal\""));
}

TEST(AuditMessages, AreFhirAuditEvents)
{
  const Json::Value event = ToFhir(Record());
  EXPECT_EQ("AuditEvent", event["resourceType"].asString());
  // What R4 requires: type, recorded, agent with requestor, source with observer.
  EXPECT_EQ("110103", event["type"]["code"].asString());
  EXPECT_EQ("R", event["action"].asString());
  EXPECT_EQ("0", event["outcome"].asString());
  EXPECT_TRUE(event["agent"][0]["requestor"].asBool());
  EXPECT_TRUE(event["source"]["observer"].isObject());
  EXPECT_EQ(2, event["entity"].size());
  EXPECT_EQ("urn:oid:1.2.3", event["entity"][1]["what"]["identifier"]["value"].asString());
}

TEST(AuditMessages, CallWhatComesInAnImport)
{
  for (const char* action : {"image.upload", "upload.store", "xray.upload", "study.import"})
  {
    Json::Value record = Record();
    record["action"] = action;
    EXPECT_EQ("110107", ToFhir(record)["type"]["code"].asString()) << action;
    EXPECT_EQ("C", ToFhir(record)["action"].asString()) << action;
  }
}

TEST(AuditMessages, AreDicomAuditMessagesInFramedSyslog)
{
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(ToDicomAuditMessage(Record()).c_str()));
  const pugi::xml_node message = document.child("AuditMessage");
  EXPECT_STREQ("110103", message.child("EventIdentification").child("EventID").attribute("csd-code").value());
  EXPECT_STREQ("lise", message.child("ActiveParticipant").attribute("UserID").value());
  EXPECT_STREQ("p<1>",
               message.child("ParticipantObjectIdentification").attribute("ParticipantObjectID").value());

  const std::string syslog = ToSyslog(Record(), "host");
  const size_t space = syslog.find(' ');
  EXPECT_EQ(std::to_string(syslog.size() - space - 1), syslog.substr(0, space));
  EXPECT_THAT(syslog.substr(space + 1), StartsWith("<85>1 2026-02-08T10:30:00.000Z host orthanc-clinic "));
  EXPECT_THAT(syslog, HasSubstr(" DICOM+RFC3881 - \xEF\xBB\xBF<"));

  Json::Value denied = Record();
  denied["outcome"] = "denied";
  denied["action"] = "user.login";
  ASSERT_TRUE(document.load_string(ToDicomAuditMessage(denied).c_str()));
  EXPECT_STREQ(
      "4",
      document.child("AuditMessage").child("EventIdentification").attribute("EventOutcomeIndicator").value());
}
}  // namespace OrthancClinic::Access
