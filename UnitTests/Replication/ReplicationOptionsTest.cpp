// SPDX-License-Identifier: GPL-3.0-or-later

#include "Replication/ReplicationOptions.h"

#include <gtest/gtest.h>

#include "Core/Errors.h"
#include "Replication/Target.h"
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
  Json::Value folder;
  folder["Name"] = "nas";
  folder["Type"] = "Directory";
  EXPECT_NE(std::string::npos, Read({folder}).find("Path")) << Read({folder});
}

TEST(Checksums, AreThoseOfTheStandards)
{
  const Checksums checksums = ComputeChecksums("abc");
  EXPECT_EQ("900150983cd24fb0d6963f7d28e17f72", checksums.md5);  // RFC 1321 A.5
  EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            checksums.sha256);  // FIPS 180
}
}  // namespace
}  // namespace OrthancClinic::Replication
