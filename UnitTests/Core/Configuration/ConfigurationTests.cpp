// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Configuration/Configuration.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Errors.h"

using namespace OrthancClinic;

namespace
{
const char* const kReplication = R"({
  "type": "object",
  "properties": {
    "Enable": {"type": "boolean", "default": false, "description": "Copies instances to the targets"},
    "Concurrency": {"type": "integer", "minimum": 1, "maximum": 64, "default": 4, "description": "Uploads at a time"},
    "Retry": {"type": "object", "properties": {
      "Attempts": {"type": "integer", "default": 10, "description": "How often | before it is given up"},
      "Delay": {"type": "number", "default": 0.5, "description": "Seconds"}}},
    "Proxy": {"type": "object", "required": ["Url"], "properties": {
      "Url": {"type": "string", "description": "Where"}, "Port": {"type": "integer", "default": 80}}},
    "Targets": {"type": "array", "default": [], "description": "Where to", "items": {
      "type": "object", "required": ["Region"], "properties": {
        "Region": {"enum": ["ca-central-1", "ca-west-1"], "description": "The AWS region"},
        "Bucket": {"type": "string", "default": "clinic", "description": "The bucket"},
        "Secret": {"type": "string", "writeOnly": true, "description": "The key"}}}},
    "Stations": {"type": "object", "description": "By AE title", "additionalProperties": {
      "type": "object", "properties": {"Host": {"type": "string", "default": "localhost"}}}}
  }})";

Configuration Make(const std::string& clinic)
{
  return Configuration(ParseJson(R"({"Name": "Orthanc", "Clinic": )" + clinic + "}"));
}

std::string SectionError(const std::string& section)
{
  try
  {
    Make("{\"Replication\": " + section + "}").Section("Replication", JsonLiteral(kReplication));
  }
  catch (const BadInput& e)
  {
    return e.what();
  }
  return "";
}

std::string RefusalOf(const std::function<void()>& action)
{
  try
  {
    action();
  }
  catch (const BadInput& e)
  {
    return e.what();
  }
  return "";
}
}  // namespace

TEST(Configuration, FillsDefaultsAtEveryLevel)
{
  Configuration configuration = Make(
      R"({"Replication": {"Concurrency": 2, "Targets": [{"Region": "ca-west-1"}], "Stations": {"PANO": {}}}})");

  EXPECT_EQ(
      WriteJson(configuration.Section("Replication", JsonLiteral(kReplication))),
      R"({"Concurrency":2,"Enable":false,"Retry":{"Attempts":10,"Delay":0.5},)"
      R"("Stations":{"PANO":{"Host":"localhost"}},"Targets":[{"Bucket":"clinic","Region":"ca-west-1"}]})");
}

TEST(Configuration, GivesTheDefaultsOfAnAbsentSection)
{
  Configuration configuration = Configuration(ParseJson("{}"));

  EXPECT_EQ(WriteJson(configuration.Section("Replication", JsonLiteral(kReplication))),
            R"({"Concurrency":4,"Enable":false,"Retry":{"Attempts":10,"Delay":0.5},"Targets":[]})");
}

TEST(Configuration, StartsAnErrorWithTheFullPath)
{
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "Clinic.Replication: expected an object"},
      {"null", "Clinic.Replication: expected an object"},
      {R"({"Concurrency": 0})", "Clinic.Replication.Concurrency: expected an integer from 1 to 64"},
      {R"({"Concurency": 1})",
       "Clinic.Replication.Concurency: unknown key; known are Concurrency, Enable, Proxy, Retry, Stations, "
       "Targets"},
      {R"({"Targets": [{"Region": "us-east-1"}]})",
       "Clinic.Replication.Targets[0].Region: expected one of: ca-central-1, ca-west-1"},
      {R"({"Targets": [{}]})", "Clinic.Replication.Targets[0].Region: missing"},
      {R"({"Targets": [{"Region": "ca-west-1", "Secret": 5, "X": 1}]})",
       "Clinic.Replication.Targets[0].Secret: expected a string"},
      {R"({"Targets": [{"Region": "ca-west-1", "x": 1}]})",
       "Clinic.Replication.Targets[0].x: unknown key; known are Bucket, Region, Secret"},
      {R"({"Proxy": {}})", "Clinic.Replication.Proxy.Url: missing"},
      {R"({"Stations": {"PANO": {"host": ""}}})",
       "Clinic.Replication.Stations.PANO.host: unknown key; known are Host"}};

  for (const auto& [section, message] : cases)
  {
    EXPECT_EQ(SectionError(section), message);
  }
}

TEST(Configuration, TakesSecretsFromTheEnvironment)
{
  setenv("CLINIC_TEST_SECRET", "s3cret", 1);
  unsetenv("CLINIC_TEST_ABSENT");
  Configuration configuration = Make(
      R"({"Replication": {"Targets": [{"Region": "ca-west-1", "Secret": "${CLINIC_TEST_SECRET}",
                                       "Bucket": "a${CLINIC_TEST_SECRET}"}]}})");

  const Json::Value section = configuration.Section("Replication", JsonLiteral(kReplication));

  EXPECT_EQ(section["Targets"][0]["Secret"], "s3cret");
  EXPECT_EQ(section["Targets"][0]["Bucket"], "a${CLINIC_TEST_SECRET}");
  EXPECT_EQ(RefusalOf([] { Make(R"({"A": [{"B": "${CLINIC_TEST_ABSENT}"}]})"); }),
            "Clinic.A[0].B: the environment variable CLINIC_TEST_ABSENT is not set");
}

TEST(Configuration, RefusesWhatNobodyClaimed)
{
  Configuration configuration = Make(R"({"Language": "fr", "Replication": {}, "Replicaton": {}})");
  const Json::Value own =
      configuration.Section("", JsonLiteral(R"({"properties": {"Language": {"type": "string"}}})"));
  configuration.Section("Replication", JsonLiteral(kReplication));

  EXPECT_EQ(WriteJson(own), R"({"Language":"fr"})");
  EXPECT_EQ(
      RefusalOf([&] { configuration.RefuseUnclaimed(); }),
      "Clinic.Replicaton: unknown key, or the section of a plugin that is not loaded; known are Language, "
      "Replication");
}

TEST(Configuration, NamesTheKeyOfTheSectionItself)
{
  Configuration configuration = Make(R"({"Language": 1})");

  EXPECT_EQ(
      RefusalOf(
          [&]
          { configuration.Section("", JsonLiteral(R"({"properties": {"Language": {"type": "string"}}})")); }),
      "Clinic.Language: expected a string");
}

TEST(Configuration, RefusesASectionThatIsNoObject)
{
  EXPECT_EQ(RefusalOf([] { Make("[]"); }), "Clinic: expected an object");
}

TEST(Configuration, ShowsTheRestOfOrthancsConfiguration)
{
  EXPECT_EQ(Make("{}").Orthanc()["Name"], "Orthanc");
}

TEST(Configuration, WritesTheOptionTable)
{
  EXPECT_EQ(OptionTable("Replication", JsonLiteral(kReplication)),
            R"(| option | value | default | meaning |
| --- | --- | --- | --- |
| `Replication.Concurrency` | integer from 1 to 64 | `4` | Uploads at a time |
| `Replication.Enable` | true or false | `false` | Copies instances to the targets |
| `Replication.Proxy.Port` | integer | `80` |  |
| `Replication.Proxy.Url` | string | required | Where |
| `Replication.Retry.Attempts` | integer | `10` | How often \| before it is given up |
| `Replication.Retry.Delay` | number | `0.5` | Seconds |
| `Replication.Stations` | object |  | By AE title |
| `Replication.Stations.<name>.Host` | string | `"localhost"` |  |
| `Replication.Targets` | array | `[]` | Where to |
| `Replication.Targets[].Bucket` | string | `"clinic"` | The bucket |
| `Replication.Targets[].Region` | one of: ca-central-1, ca-west-1 | required | The AWS region |
| `Replication.Targets[].Secret` | string |  | The key |
)");
}
