// SPDX-License-Identifier: GPL-3.0-or-later

#include "Replication/ReplicationOptions.h"

#include <gtest/gtest.h>

#include "Core/Errors.h"
#include "Support/Documentation.h"

namespace OrthancClinic::Replication
{
namespace
{
Json::Value S3()
{
  Json::Value target;
  target["Name"] = "montreal";
  target["Type"] = "S3";
  target["Endpoint"] = "https://s3.ca-central-1.amazonaws.com/";
  target["Region"] = "ca-central-1";
  target["Bucket"] = "images";
  target["AccessKey"] = "key";
  target["SecretKey"] = "secret";
  return target;
}

Json::Value Azure()
{
  Json::Value target;
  target["Name"] = "quebec";
  target["Type"] = "Azure";
  target["Region"] = "canadaeast";
  target["Bucket"] = "images";
  target["AccountName"] = "clinic";
  target["AccountKey"] = "a2V5";
  return target;
}

// What the administrator is told; empty if the options are taken.
std::string Read(const std::vector<Json::Value>& targets)
{
  Json::Value orthanc;
  orthanc["Clinic"]["Replication"]["Targets"] = Json::arrayValue;
  for (const Json::Value& target : targets)
  {
    orthanc["Clinic"]["Replication"]["Targets"].append(target);
  }
  Configuration configuration(orthanc);
  try
  {
    ReadOptions(configuration);
    return "";
  }
  catch (const BadInput& error)
  {
    return error.what();
  }
}

TEST(ReplicationOptions, StandInThePageOfThePlugin)
{
  EXPECT_EQ(Testing::DocumentedOptions("Plugins/Replication/README.md"),
            OptionTable("Replication", OptionsSchema()));
}

TEST(ReplicationOptions, NameTheKeyThatIsWrong)
{
  EXPECT_EQ("", Read({S3()}));
  Json::Value target = S3();
  target.removeMember("SecretKey");
  EXPECT_EQ(0U, Read({target}).find("Clinic.Replication.Targets[0].SecretKey: expected")) << Read({target});
  target = S3();
  target["ObjectLockMode"] = "COMPLIANCE";
  EXPECT_NE(std::string::npos, Read({target}).find("ObjectLockDays")) << Read({target});
  target = S3();
  target["Endpoint"] = "s3.example.org";
  EXPECT_NE(std::string::npos, Read({target}).find("Clinic.Replication.Targets[0].Endpoint"))
      << Read({target});
  target = S3();
  target["Pasword"] = "secret-of-mine";
  EXPECT_NE(std::string::npos, Read({target}).find("Pasword")) << Read({target});
  EXPECT_EQ(std::string::npos, Read({target}).find("secret-of-mine")) << "never echoed";
  EXPECT_NE(std::string::npos, Read({S3(), S3()}).find("Targets[1].Name")) << Read({S3(), S3()});
  target = S3();
  target["Hours"] = "20-6";
  EXPECT_NE(std::string::npos, Read({target}).find("Targets[0].Hours")) << Read({target});
  target["Hours"] = "20:00-06:00";
  EXPECT_EQ("", Read({target}));
  target["TimeZone"] = "Quebec City";
  EXPECT_NE(std::string::npos, Read({target}).find("Targets[0].TimeZone")) << Read({target});
  target = S3();
  target["Credentials"] = "InstanceRole";
  target.removeMember("AccessKey");
  target.removeMember("SecretKey");
  EXPECT_EQ("", Read({target}));
  Json::Value folder;
  folder["Name"] = "nas";
  folder["Type"] = "Directory";
  EXPECT_NE(std::string::npos, Read({folder}).find("Path")) << Read({folder});
}

TEST(ReplicationOptions, FindAzuresAccountByItsName)
{
  Json::Value orthanc;
  orthanc["Clinic"]["Replication"]["Targets"].append(Azure());
  Configuration configuration(orthanc);
  EXPECT_EQ("https://clinic.blob.core.windows.net", ReadOptions(configuration).targets[0].endpoint);

  Json::Value target = Azure();
  target["Endpoint"] = "http://127.0.0.1:10000/clinic";
  EXPECT_EQ("", Read({target}));
  target = S3();
  target["Endpoint"] = "http://127.0.0.1:10000/clinic";
  EXPECT_NE(std::string::npos, Read({target}).find("Targets[0].Endpoint: expected without a path"));
  struct Case
  {
    const char* key;
    Json::Value value;
    const char* told;
  };
  for (const Case& item :
       {Case{"Region", "", "Targets[0].Region: expected"}, Case{"Bucket", "", "Targets[0].Bucket"},
        Case{"AccountName", "", "Targets[0].AccountName: expected"},
        Case{"AccountName", "clinic.example.org/", "Targets[0].AccountName"},
        Case{"AccountKey", "", "Targets[0].AccountKey: expected"},
        Case{"AccountKey", "no base64", "Targets[0].AccountKey"},
        Case{"ObjectLockMode", "COMPLIANCE",
             "Targets[0].ObjectLockMode: expected for a target of the Type S3"},
        Case{"Encryption", "AES256", "Targets[0].Encryption: expected for a target of the Type S3"},
        Case{"Credentials", "InstanceRole", "Targets[0].Credentials: expected Configuration or Environment"},
        Case{"Credentials", "Environment", "Targets[0].Credentials: expected in the Environment"}})
  {
    target = Azure();
    target[item.key] = item.value;
    EXPECT_NE(std::string::npos, Read({target}).find(item.told)) << item.key << ": " << Read({target});
    EXPECT_EQ(std::string::npos, Read({target}).find("no base64")) << "never echoed";
  }
}

TEST(Hours, AreOfTheDayWhereTheClinicIs)
{
  struct Case
  {
    int begin;
    int end;
    const char* now;
    const char* opens;
  };
  // Montréal is at UTC-5 in winter.
  for (const Case& item : {Case{0, 0, "2026-02-08T10:30:00.000Z", "2026-02-08T10:30:00.000Z"},
                           Case{20 * 60, 6 * 60, "2026-02-08T10:30:00.000Z", "2026-02-08T10:30:00.000Z"},
                           Case{20 * 60, 6 * 60, "2026-02-08T11:00:00.000Z", "2026-02-09T01:00:00.000Z"},
                           Case{20 * 60, 6 * 60, "2026-02-09T02:00:00.000Z", "2026-02-09T02:00:00.000Z"},
                           Case{9 * 60, 17 * 60, "2026-02-08T10:30:00.000Z", "2026-02-08T14:00:00.000Z"},
                           Case{9 * 60, 17 * 60, "2026-02-08T22:00:00.000Z", "2026-02-09T14:00:00.000Z"}})
  {
    const Hours hours{item.begin, item.end, "America/Toronto"};
    EXPECT_EQ(item.opens, ToString(hours.NextAfter(*ParseTimestamp(item.now)))) << item.now;
  }
}
}  // namespace
}  // namespace OrthancClinic::Replication
