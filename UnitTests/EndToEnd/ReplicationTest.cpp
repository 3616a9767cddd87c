// SPDX-License-Identifier: GPL-3.0-or-later
//
// Copies of real images in a real object store and in a folder, and back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "EndToEnd/Clinic.h"
#include "Support/FaultyProxy.h"
#include "Support/HttpServer.h"
#include "Support/ObjectServer.h"
#include "Support/Storescu.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json::Value Configuration(const Json::Value& target)
{
  Json::Value configuration;
  configuration["Clinic"]["Replication"]["Targets"] = Json::arrayValue;
  if (!target.isNull())
  {
    configuration["Clinic"]["Replication"]["Targets"].append(target);
  }
  configuration["Clinic"]["Studies"]["QuietSeconds"] = 1;
  configuration["Clinic"]["Studies"]["QuietSecondsByModality"] = Json::objectValue;
  return configuration;
}

Json::Value Folder(const std::filesystem::path& path)
{
  Json::Value target;
  target["Name"] = "nas";
  target["Type"] = "Directory";
  target["Path"] = path.string();
  return target;
}

Json::Value TargetOf(const Clinic& clinic)
{
  return clinic.Http().Get("/api/v1/replication").Json()["targets"][0];
}

Json::Value StateOf(const Clinic& clinic, const std::string& uid)
{
  return clinic.Http().Get("/api/v1/replication/studies/" + uid).Json()["targets"][0];
}

// Waits until the study has so many copies, all of them verified, and a manifest, which may be older than the
// last of them: between two images the study may have been quiet for long enough.
Json::Value WaitForCopies(const Clinic& clinic, const std::string& uid, unsigned instances = 1,
                          std::chrono::seconds timeout = std::chrono::seconds(60))
{
  Json::Value state;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        state = StateOf(clinic, uid);
        return state["state"] == "verified" && state["instances"].size() == instances &&
               state["manifest_version"].asInt() > 0;
      },
      timeout))
      << JsonText(state) << JsonText(TargetOf(clinic));
  return state;
}

std::string ManifestKey(const std::string& uid, int version)
{
  const std::string number = std::to_string(version);
  return uid + "/manifest." + std::string(6 - number.size(), '0') + number + ".json";
}

// Waits until the first sweep has ended: what comes meanwhile may be enqueued by it and by the feed.
void WaitForSweep(const Clinic& clinic)
{
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const Json::Value health = clinic.Http().Get("/api/v1/health").Json();
        const Json::Value& readers = health["parts"]["feed"]["subscribers"];
        return !readers.empty() &&
               std::all_of(readers.begin(), readers.end(),
                           [](const Json::Value& reader) { return reader["caught_up"].asBool(); });
      }));
}

std::map<std::string, std::string> FilesOf(const Clinic& clinic)
{
  std::map<std::string, std::string> files;
  const Json::Value instances = clinic.Http().Get("/instances").Json();
  for (const Json::Value& id : instances)
  {
    files[id.asString()] = clinic.Http().Get("/instances/" + id.asString() + "/file").body;
  }
  return files;
}

Json::Value Restore(const Clinic& clinic, const Json::Value& body)
{
  const HttpAnswer answer = clinic.Http().Post("/api/v1/replication/restore", body);
  EXPECT_EQ(202, answer.status) << answer.body;
  Json::Value restore = answer.Json();
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        restore = clinic.Http().Get("/api/v1/replication/restore/" + restore["id"].asString()).Json();
        return restore["state"] != "running";
      }))
      << JsonText(restore);
  return restore;
}

class ObjectStore : public ::testing::TestWithParam<ObjectServer::Kind>
{
protected:
  void SetUp() override
  {
    if (!ObjectServer::IsInstalled(GetParam()))
    {
      GTEST_SKIP() << "this server is not installed";
    }
    server_ = &ObjectServer::Shared(GetParam());
    bucket_ = server_->NewBucket();
  }

  std::string Object(const std::string& key) const
  {
    return server_->Call("GET", "/" + bucket_ + "/clinic/images/" + key).body;
  }

  // Waits until the study's newest manifest lists so many instances, and gives it.
  Json::Value WaitForManifest(const Clinic& clinic, const std::string& uid, unsigned instances) const
  {
    Json::Value manifest;
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          if (const int version = StateOf(clinic, uid)["manifest_version"].asInt(); version > 0)
          {
            manifest = ParseJsonText(Object(ManifestKey(uid, version)));
          }
          return manifest["instances"].size() == instances;
        },
        std::chrono::seconds(60)))
        << JsonText(manifest) << JsonText(StateOf(clinic, uid)) << JsonText(TargetOf(clinic));
    return manifest;
  }

  ObjectServer* server_ = nullptr;
  std::string bucket_;
};

TEST_P(ObjectStore, HoldsEveryInstanceBitForBitAndAManifest)
{
  Clinic clinic({.configuration = Configuration(server_->Target("montreal", bucket_))});
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT");
  const std::string uid = clinic.Send(image);
  clinic.Becomes(uid, "matched", "p1");  // before the manifest is written, which says so
  for (int i = 1; i < 5; i++)
  {
    clinic.Send(image.NextInstance());
  }

  const Json::Value manifest = WaitForManifest(clinic, uid, 5);
  const Json::Value state = WaitForCopies(clinic, uid, 5);

  for (const Json::Value& instance : state["instances"])
  {
    const std::string key = instance["key"].asString();
    EXPECT_EQ(0u, key.find(uid + "/")) << "no patient data, only UIDs";
    EXPECT_EQ(clinic.Http().Get("/instances/" + instance["orthanc_instance_id"].asString() + "/file").body,
              Object(key));
  }
  EXPECT_EQ(uid, manifest["study_instance_uid"].asString());
  EXPECT_EQ("p1", manifest["patient_id"].asString());
  EXPECT_EQ("1.2.840.10008.1.2.1", manifest["instances"][0]["transfer_syntax_uid"].asString());
  Json::Value target;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        target = TargetOf(clinic);
        return target["verified_instances"] == 5 && target["pending_instances"] == 0 &&
               target["ready"].asBool();
      }))
      << JsonText(target);

  clinic.Send(image.NextInstance());
  EXPECT_LT(manifest["version"].asInt(), WaitForManifest(clinic, uid, 6)["version"].asInt());
  EXPECT_THAT(clinic.Orthanc().Log(), ::testing::Not(HasSubstr(server_->Secret())));
}

TEST_P(ObjectStore, TakesLargeInstancesInParts)
{
  Json::Value target = server_->Target("montreal", bucket_);
  target["PartMebibytes"] = 5;
  Clinic clinic({.configuration = Configuration(target)});
  DicomFile image("CT", 3000);  // 18 MB
  image.Set("PatientID", "4720");

  const std::string uid = clinic.Send(image);

  const Json::Value state = WaitForCopies(clinic, uid);
  ASSERT_EQ(1u, state["instances"].size());
  const std::string key = state["instances"][0]["key"].asString();
  EXPECT_EQ(FilesOf(clinic).begin()->second, Object(key));
  EXPECT_EQ(4, server_->Parts(bucket_, "clinic/images/" + key));
}

TEST_P(ObjectStore, GivesEverythingBackAfterADisaster)
{
  const Json::Value configuration = Configuration(server_->Target("montreal", bucket_));
  std::map<std::string, std::string> before;
  std::vector<std::string> uids;
  std::map<std::string, Json::Value> manifests;
  {
    Clinic clinic({.configuration = configuration});
    clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
    for (int i = 0; i < 3; i++)
    {
      DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT");
      clinic.Send(image);
      uids.push_back(clinic.Send(image.NextInstance()));
    }
    for (const std::string& uid : uids)
    {
      manifests[uid] = WaitForManifest(clinic, uid, 2);
    }
    before = FilesOf(clinic);
  }

  // Another machine, with nothing on it.
  Clinic clinic({.configuration = configuration});
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  Json::Value body;
  body["target"] = "montreal";
  EXPECT_EQ(422, clinic.Http().Post("/api/v1/replication/restore", body).status);
  body["all"] = true;
  const Json::Value restore = Restore(clinic, body);

  EXPECT_EQ("completed", restore["state"].asString()) << JsonText(restore);
  EXPECT_EQ(3, restore["studies_done"].asInt());
  EXPECT_EQ(6, restore["instances_done"].asInt());
  EXPECT_EQ(before, FilesOf(clinic));
  for (const std::string& uid : uids)
  {
    clinic.Becomes(uid, "matched", "p1");
    // The clinic knows no manifests any more, and yet overwrites none.
    const int version = manifests[uid]["version"].asInt();
    EXPECT_LT(version, WaitForCopies(clinic, uid, 2)["manifest_version"].asInt());
    EXPECT_EQ(manifests[uid], ParseJsonText(Object(ManifestKey(uid, version))));
  }
}

TEST_P(ObjectStore, MayBeAwayWhileImagesCome)
{
  Json::Value target = server_->Target("montreal", bucket_);
  const std::string url = target["Endpoint"].asString();
  target["Endpoint"] = server_->Url(1);
  Clinic clinic({.configuration = Configuration(target)});
  WaitForSweep(clinic);
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT"));
  clinic.Decided(uid);
  Json::Value away;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        away = TargetOf(clinic);
        return !away["error"].isNull() && away["pending_instances"] == 1;
      }))
      << JsonText(away);
  EXPECT_EQ("pending", StateOf(clinic, uid)["state"].asString());
  EXPECT_EQ(200, clinic.Http().Get("/api/v1/health").status) << "images are still received";
  clinic.Orthanc().Stop();

  target["Endpoint"] = url;
  clinic.Orthanc().NextStart().configuration = Configuration(target);
  clinic.Orthanc().Start();

  WaitForCopies(clinic, uid);
}

TEST_P(ObjectStore, CatchesUpWithTheArchive)
{
  Clinic clinic({.configuration = Configuration(Json::nullValue)});
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT"));
  clinic.Decided(uid);
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const auto events = clinic.Events();
        return std::any_of(events.begin(), events.end(),
                           [](const Json::Value& event) { return event["type"] == "study.settled"; });
      }));
  clinic.Orthanc().Stop();
  clinic.Orthanc().NextStart().configuration = Configuration(server_->Target("montreal", bucket_));
  clinic.Orthanc().Start();

  WaitForCopies(clinic, uid);
}

TEST_P(ObjectStore, GetsNothingWhereItMustNotBe)
{
  struct Case
  {
    const char* key;
    std::string value;
    const char* reason;
  };
  std::vector<Case> cases = {{"Bucket", "bucket-none", "404"},
                             {"Endpoint", "http://storage.example.org", "TLS"},
                             {"Endpoint", "https://storage.example.org", "not known to be in Canada"}};
  if (GetParam() == ObjectServer::Kind::Azurite)
  {
    for (const Case& item :
         {Case{"Region", "eastus", "eastus"}, Case{"AccountKey", "d3Jvbmc=", "403"},
          Case{"Endpoint", "https://clinic.blob.core.windows.net.example.org", "not known to be in Canada"},
          Case{"PrivacyImpactAssessment", "", "second copy"},
          Case{"Bucket", server_->NewBucket(false, true), "Anybody may read"}})
    {
      cases.push_back(item);
    }
  }
  else
  {
    for (const Case& item : {Case{"Region", "us-east-1", "region"}, Case{"SecretKey", "wrong", "403"},
                             Case{"Endpoint", "https://s3.us-east-1.amazonaws.com", "region"}})
    {
      cases.push_back(item);
    }
  }
  for (const Case& item : cases)
  {
    Json::Value target = server_->Target("montreal", bucket_);
    target[item.key] = item.value;
    const Clinic clinic({.configuration = Configuration(target)});
    const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT"));
    clinic.Decided(uid);
    Json::Value state;
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          state = TargetOf(clinic);
          return !state["error"].isNull();
        }))
        << item.value;
    EXPECT_THAT(state["error"].asString(), HasSubstr(item.reason)) << item.value;
    EXPECT_FALSE(state["ready"].asBool());
    EXPECT_EQ("pending", StateOf(clinic, uid)["state"].asString());
    EXPECT_THAT(server_->Keys(target["Bucket"].asString()), IsEmpty()) << "not a single object";
  }
}

// A file that rots on Orthanc's disk before it was copied must not become the copy.
TEST_P(ObjectStore, TakesNoFileThatIsDamaged)
{
  Json::Value target = server_->Target("montreal", bucket_);
  target["PartMebibytes"] = 5;
  target["Endpoint"] = server_->Url(1);
  Clinic clinic({.configuration = Configuration(target)});
  DicomFile large("CT", 2000);  // 8 MB
  large.Set("PatientID", "4720");
  const std::string uid = clinic.Send(large);
  clinic.Decided(uid);
  clinic.Orthanc().Stop();
  int damaged = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(clinic.Orthanc().Directory()))
  {
    if (file.is_regular_file() && file.file_size() > 7'000'000)
    {
      std::fstream stream(file.path(), std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(6'000'000);
      stream.write("rot", 3);
      damaged++;
    }
  }
  ASSERT_EQ(1, damaged);

  target["Endpoint"] = server_->Url();
  clinic.Orthanc().NextStart().configuration = Configuration(target);
  clinic.Orthanc().Start();

  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const std::string error = TargetOf(clinic)["error"].asString();
        return error.find("is Orthanc's file damaged?") != std::string::npos;
      },
      std::chrono::seconds(60)))
      << JsonText(TargetOf(clinic));
  EXPECT_EQ("pending", StateOf(clinic, uid)["state"].asString());
  EXPECT_THAT(server_->Keys(bucket_), IsEmpty());
}

TEST_P(ObjectStore, LocksWhatMustNotBeDeleted)
{
  if (GetParam() == ObjectServer::Kind::Azurite)
  {
    GTEST_SKIP() << "Azure locks by a policy of the container, which is the administrator's";
  }
  const std::string locked = server_->NewBucket(true);
  Json::Value target = server_->Target("montreal", locked);
  target["ObjectLockMode"] = "COMPLIANCE";
  target["ObjectLockDays"] = 1;
  const Clinic clinic({.configuration = Configuration(target)});
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT"));
  if (GetParam() == ObjectServer::Kind::Swift)
  {
    EXPECT_TRUE(WaitUntil([&] { return !TargetOf(clinic)["error"].isNull(); }));
    EXPECT_THAT(TargetOf(clinic)["error"].asString(), HasSubstr("Object Lock"))
        << "it would take the headers and lock nothing";
    return;
  }

  const std::string key = WaitForCopies(clinic, uid)["instances"][0]["key"].asString();

  const std::string path = "/" + locked + "/clinic/images/" + key;
  const HttpReply head = server_->Call("HEAD", path);
  EXPECT_EQ("COMPLIANCE", head.headers.at("x-amz-object-lock-mode"));
  const std::string version = head.headers.at("x-amz-version-id");
  EXPECT_EQ(403, server_->Call("DELETE", path + "?versionId=" + version).status);
}

TEST_P(ObjectStore, SaysThatTheClockIsWrong)
{
  if (GetParam() == ObjectServer::Kind::Azurite)
  {
    GTEST_SKIP() << "Azurite does not look at the time";
  }
  const char* const library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
  if (!std::filesystem::exists(library) || std::getenv("ORTHANC_CLINIC_PRELOAD") != nullptr)
  {
    GTEST_SKIP() << "faketime is not installed, or cannot be loaded beside a sanitizer";
  }
  OrthancServer::Options options;
  options.configuration = Configuration(server_->Target("montreal", bucket_));
  options.environment["LD_PRELOAD"] = library;
  options.environment["FAKETIME"] = "-2h";
  const Clinic clinic(options);

  EXPECT_TRUE(WaitUntil([&] { return !TargetOf(clinic)["error"].isNull(); }));
  EXPECT_THAT(TargetOf(clinic)["error"].asString(),
              HasSubstr("the clock of this machine or of the store is wrong"));
}

TEST_P(ObjectStore, MayBehaveBadly)
{
  FaultyProxy proxy(server_->Port());
  Json::Value target = server_->Target("montreal", bucket_);
  target["Endpoint"] = server_->Url(proxy.Port());
  const Clinic clinic({.configuration = Configuration(target)});
  struct Case
  {
    Fault fault;
    const char* what;
  };
  for (const Case& item : {Case{Fault::InternalError, "500"}, Case{Fault::SlowDown, "503"},
                           Case{Fault::Forbidden, "403"}, Case{Fault::Reset, "reset"},
                           Case{Fault::WrongChecksum, "wrong checksum"}, Case{Fault::Swallow, "swallowed"},
                           Case{Fault::Truncate, "half an answer"}, Case{Fault::Hang, "hangs"}})
  {
    if (item.fault == Fault::Hang && GetParam() == ObjectServer::Kind::Azurite)
    {
      continue;  // half a minute, for what the client does whatever the server speaks
    }
    proxy.Plan({item.fault, item.fault == Fault::Hang ? Fault::None : item.fault});
    const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT"));
    const Json::Value state = WaitForCopies(clinic, uid, 1, std::chrono::seconds(120));
    ASSERT_EQ(1u, state["instances"].size()) << item.what;
    EXPECT_EQ(clinic.Http()
                  .Get("/instances/" + state["instances"][0]["orthanc_instance_id"].asString() + "/file")
                  .body,
              Object(state["instances"][0]["key"].asString()))
        << item.what;
  }
  EXPECT_EQ(0, TargetOf(clinic)["dead_letters"].asInt());
}

TEST_P(ObjectStore, GoesOnWithALargeUploadAfterKill9)
{
  FaultyProxy proxy(server_->Port());
  std::vector<Fault> faults(6, Fault::None);
  faults.push_back(Fault::Hang);
  proxy.Plan(faults);
  Json::Value target = server_->Target("montreal", bucket_);
  target["Endpoint"] = server_->Url(proxy.Port());
  target["PartMebibytes"] = 5;
  Clinic clinic({.configuration = Configuration(target)});
  DicomFile image("CT", 5750);  // 63 MiB: 13 parts
  image.Set("PatientID", "4720");
  const std::string uid = clinic.Send(image);
  clinic.Decided(uid);
  EXPECT_TRUE(WaitUntil([&] { return proxy.IsHanging(); }, std::chrono::seconds(60)));
  clinic.Orthanc().Kill9();
  const int before = proxy.Uploads();
  clinic.Orthanc().Start();

  const Json::Value state = WaitForCopies(clinic, uid, 1, std::chrono::seconds(120));

  EXPECT_LT(proxy.Uploads() - before, 13) << "only the parts that were missing";
  ASSERT_EQ(1u, state["instances"].size());
  const std::string stored = Object(state["instances"][0]["key"].asString());
  EXPECT_EQ(static_cast<size_t>(state["instances"][0]["size"].asInt64()), stored.size());
  EXPECT_TRUE(FilesOf(clinic).begin()->second == stored);
  EXPECT_FALSE(server_->HasUnfinished(bucket_, "clinic/images/" + state["instances"][0]["key"].asString()))
      << "nothing half";
}

TEST_P(ObjectStore, HoldsEachInstanceOnceAfterKill9)
{
  Clinic clinic({.configuration = Configuration(server_->Target("montreal", bucket_))});
  const TemporaryDirectory folder;
  std::vector<std::filesystem::path> files;
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT");
  for (int i = 0; i < 500; i++)
  {
    files.push_back(image.NextInstance().SaveIn(folder.Path()));
  }
  std::set<std::filesystem::path> left(files.begin(), files.end());
  for (int kills = 0; kills < 2; kills++)
  {
    Storescu sender({.port = clinic.Orthanc().DicomPort()}, {left.begin(), left.end()});
    EXPECT_TRUE(WaitUntil([&] { return sender.AcknowledgedSoFar() >= 150 || !sender.IsRunning(); },
                          std::chrono::seconds(60)));
    clinic.Orthanc().Kill9();
    for (const auto& file : sender.Wait().acknowledged)
    {
      left.erase(file);
    }
    clinic.Orthanc().Start();
  }
  EXPECT_EQ(left.size(), clinic.Orthanc().Store({left.begin(), left.end()}).acknowledged.size());

  const Json::Value state = WaitForCopies(clinic, image.StudyUid(), 500, std::chrono::seconds(120));

  std::set<std::string> keys;
  for (const Json::Value& instance : state["instances"])
  {
    keys.insert(instance["key"].asString());
  }
  EXPECT_EQ(500u, keys.size());
  EXPECT_EQ(0, TargetOf(clinic)["dead_letters"].asInt());
}

TEST_P(ObjectStore, TakesTheKeysOfTheEnvironment)
{
  OrthancServer::Options options;
  options.environment = server_->Environment();
  options.configuration = Configuration(server_->TargetWithoutKeys("montreal", bucket_));
  const Clinic clinic(options);

  WaitForCopies(clinic, clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT")));

  EXPECT_THAT(clinic.Orthanc().Log(), ::testing::Not(HasSubstr(server_->Secret())));
}

TEST_P(ObjectStore, EncryptsWithTheKeyThatIsConfigured)
{
  if (GetParam() != ObjectServer::Kind::Ceph)
  {
    GTEST_SKIP() << "Swift encrypts by its own configuration only, Azure always";
  }
  Json::Value target = server_->Target("montreal", bucket_);
  target["Encryption"] = "aws:kms";
  target["KmsKeyId"] = "clinic-key";
  target["PartMebibytes"] = 5;
  Clinic clinic({.configuration = Configuration(target)});
  DicomFile small = ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT");
  DicomFile large("CT", 2000);  // 8 MB
  large.Set("PatientID", "4720");
  for (const DicomFile* image : {&small, &large})
  {
    const Json::Value state = WaitForCopies(clinic, clinic.Send(*image));
    ASSERT_EQ(1u, state["instances"].size());
    const std::string key = state["instances"][0]["key"].asString();
    const HttpReply head = server_->Call("HEAD", "/" + bucket_ + "/clinic/images/" + key);
    EXPECT_EQ("aws:kms", head.headers.at("x-amz-server-side-encryption"));
    EXPECT_EQ("clinic-key", head.headers.at("x-amz-server-side-encryption-aws-kms-key-id"));
    const std::string id = state["instances"][0]["orthanc_instance_id"].asString();
    EXPECT_TRUE(clinic.Http().Get("/instances/" + id + "/file").body == Object(key));
  }
  clinic.Orthanc().Stop();

  target["KmsKeyId"] = "no-such-key";
  clinic.Orthanc().NextStart().configuration = Configuration(target);
  clinic.Orthanc().Start();
  const std::string uid = clinic.Send(ImageOf("Tremblay^Luc", "19800101", "M", "4721", "CT"));
  EXPECT_TRUE(WaitUntil(
      [&] { return !TargetOf(clinic)["error"].isNull() || TargetOf(clinic)["dead_letters"] == 1; }));
  EXPECT_THAT(StateOf(clinic, uid)["state"].asString(), ::testing::AnyOf("pending", "failed"))
      << "not stored without it";
}

// AWS's instance metadata service (IMDSv2), which gives keys only to who asked for a token first.
ServedReply Metadata(const ServedRequest& request, const Json::Value& keys)
{
  const std::string token = "token-of-the-session";
  const auto header = [&](const char* name)
  {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? "" : found->second;
  };
  if (header("x-forwarded-for") != "")
  {
    return {.status = 403};
  }
  if (request.target == "/latest/api/token")
  {
    const std::string seconds = header("x-aws-ec2-metadata-token-ttl-seconds");
    const bool right =
        request.method == "PUT" && !seconds.empty() && std::stoi(seconds) >= 1 && std::stoi(seconds) <= 21600;
    return right ? ServedReply{.body = token, .contentType = "text/plain"} : ServedReply{.status = 400};
  }
  if (request.method != "GET" || header("x-aws-ec2-metadata-token") != token)
  {
    return {.status = 401};
  }
  if (request.target == "/latest/meta-data/iam/security-credentials/")
  {
    return {.body = "clinic-role", .contentType = "text/plain"};
  }
  if (request.target == "/latest/meta-data/iam/security-credentials/clinic-role")
  {
    return {.body = JsonText(keys), .contentType = "text/plain"};
  }
  return {.status = 404};
}

TEST_P(ObjectStore, TakesTheKeysOfTheMachinesRole)
{
  if (GetParam() != ObjectServer::Kind::Ceph)
  {
    GTEST_SKIP() << "Swift gives no session tokens, Azure knows none";
  }
  const Json::Value session = server_->SessionToken();
  HttpServer metadata([&](const ServedRequest& request) { return Metadata(request, session); });
  Json::Value target = server_->Target("montreal", bucket_);
  target.removeMember("AccessKey");
  target.removeMember("SecretKey");
  target["Credentials"] = "InstanceRole";
  OrthancServer::Options options;
  options.configuration = Configuration(target);
  options.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.Url();
  const Clinic clinic(options);

  WaitForCopies(clinic, clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT")));
  const size_t asked = metadata.Requests().size();
  WaitForCopies(clinic, clinic.Send(ImageOf("Tremblay^Luc", "19800101", "M", "4721", "CT")));

  EXPECT_EQ(asked, metadata.Requests().size()) << "asked once, and kept until they expire";
  EXPECT_THAT(clinic.Orthanc().Log(), ::testing::Not(HasSubstr(session["SecretAccessKey"].asString())));
}

INSTANTIATE_TEST_SUITE_P(, ObjectStore,
                         ::testing::Values(ObjectServer::Kind::Ceph, ObjectServer::Kind::Swift,
                                           ObjectServer::Kind::Azurite),
                         [](const auto& kind)
                         {
                           return kind.param == ObjectServer::Kind::Ceph    ? "Ceph"
                                  : kind.param == ObjectServer::Kind::Swift ? "Swift"
                                                                            : "Azurite";
                         });

TEST(CopiesInAFolder, AreThereAndComeBack)
{
  const TemporaryDirectory nas;
  Clinic clinic({.configuration = Configuration(Folder(nas.Path()))});
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT");
  const std::string uid = clinic.Send(image);
  const Json::Value state = WaitForCopies(clinic, uid);
  const std::string key = state["instances"][0]["key"].asString();
  const auto files = FilesOf(clinic);
  EXPECT_EQ(files.begin()->second, ReadFile(nas.Path() / key));

  // Whose it is is known only now: the manifest tells it, and a restore finds it by that.
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  clinic.Becomes(uid, "matched", "p1");
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const int version = StateOf(clinic, uid)["manifest_version"].asInt();
        return ParseJsonText(ReadFile(nas.Path() / ManifestKey(uid, version)))["patient_id"] == "p1";
      }))
      << JsonText(StateOf(clinic, uid));

  EXPECT_EQ(200, clinic.Http().Delete("/studies/" + clinic.Study(uid)["orthanc_study_id"].asString()).status);
  Json::Value body;
  body["target"] = "nas";
  body["patient_id"] = "p1";
  EXPECT_EQ("completed", Restore(clinic, body)["state"].asString());
  EXPECT_EQ(files, FilesOf(clinic));

  // A copy that rots is seen, and sent again.
  WriteFile(nas.Path() / key, "rot");
  EXPECT_EQ(202, clinic.Http().Call("POST", "/api/v1/replication/verify", "").status);
  EXPECT_TRUE(WaitUntil([&] { return ReadFile(nas.Path() / key) == files.begin()->second; }));
  const auto events = clinic.Events();
  EXPECT_TRUE(std::any_of(events.begin(), events.end(),
                          [](const Json::Value& event) { return event["type"] == "replication.failed"; }));
  body.removeMember("patient_id");
  body["study_uids"].append("1.2.3");
  const Json::Value missing = Restore(clinic, body);
  EXPECT_EQ("failed", missing["state"].asString());
  EXPECT_THAT(missing["errors"][0].asString(), HasSubstr("no manifest"));
}
// What `GET /api/v1/studies/{uid}` says of the only target.
std::string ReplicationOf(const Clinic& clinic, const std::string& uid)
{
  return clinic.Study(uid)["replication"][0]["state"].asString();
}

TEST(CopiesInAFolder, FollowAnInstanceThatComesAgainWithOtherContent)
{
  const TemporaryDirectory nas;
  Json::Value configuration = Configuration(Folder(nas.Path()));
  configuration["OverwriteInstances"] = true;
  const Clinic clinic({.configuration = configuration});
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT");
  const std::string uid = clinic.Send(image);
  const Json::Value first = WaitForCopies(clinic, uid)["instances"][0];
  const std::string key = first["key"].asString();
  const std::string before = ReadFile(nas.Path() / key);

  clinic.Send(image.Set("ImageComments", "Sent again"));

  EXPECT_TRUE(WaitUntil([&] { return ReadFile(nas.Path() / key) != before; }));
  EXPECT_EQ(FilesOf(clinic).begin()->second, ReadFile(nas.Path() / key));
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const int version = StateOf(clinic, uid)["manifest_version"].asInt();
        const std::string text = version > 1 ? ReadFile(nas.Path() / ManifestKey(uid, version)) : "";
        return !text.empty() && ParseJsonText(text)["instances"][0]["sha256"] != first["sha256"];
      }))
      << "a new manifest tells of the new content: " << JsonText(StateOf(clinic, uid));
}

// The disaster drill with a backup of the bundle's database: what people decided comes back, too.
TEST(CopiesInAFolder, GiveTheDecisionsOfPeopleTheirImagesBack)
{
  const TemporaryDirectory nas;
  const TemporaryDirectory backup;
  Json::Value target = Folder(nas.Path());
  target["DeleteAfterDays"] = 0;  // the worst case: what is missing would be deleted at once
  OrthancServer::Options options;
  options.user = "lise";
  options.password = "secret-of-lise";
  options.configuration = Configuration(target);
  options.databaseUrl = (backup.Path() / "clinic.db").string();
  std::string uid;
  std::string order;
  std::map<std::string, std::string> before;
  {
    Clinic clinic(options);
    clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F"));
    clinic.PutPatient(Person("p2", "Roy", "Marc", "1970-01-01", "M"));
    uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT"));
    clinic.Decided(uid);
    Json::Value body;
    body["patient_id"] = "p2";
    EXPECT_EQ(200, clinic.Http().Post("/api/v1/studies/" + uid + "/match", body).status);
    body["modality_id"] = "CT";
    body["clinical_indication"] = "Control";
    const HttpAnswer made = clinic.Http().Post("/api/v1/orders", body);
    ASSERT_EQ(201, made.status) << made.body;
    order = made.Json()["id"].asString();
    body = Json::objectValue;
    body["order_id"] = order;
    EXPECT_EQ(200, clinic.Http().Post("/api/v1/studies/" + uid + "/orders", body).status);
    WaitForCopies(clinic, uid);
    before = FilesOf(clinic);
    clinic.Orthanc().Stop();
  }

  // Another machine: an empty Orthanc, and the backup.
  Clinic clinic(options);
  EXPECT_TRUE(clinic.Http().Get("/instances").Json().empty());
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=forget.study") == 1; }))
      << "waits for its images";
  EXPECT_TRUE(std::filesystem::exists(nas.Path() / uid)) << "the copies are what is left";
  Json::Value body;
  body["target"] = "nas";
  body["all"] = true;
  EXPECT_EQ("completed", Restore(clinic, body)["state"].asString());

  EXPECT_EQ(before, FilesOf(clinic));
  const Json::Value study = clinic.Becomes(uid, "matched", "p2");
  EXPECT_EQ("lise", study["match"]["decided_by"].asString());
  EXPECT_EQ(order, study["orders"][0]["order_id"].asString());
}

TEST(CopiesInAFolder, AreOnlyOfTheStudiesThatAreWanted)
{
  const TemporaryDirectory nas;
  Json::Value target = Folder(nas.Path());
  target["MinimumAgeDays"] = 7;
  target["MaximumAgeDays"] = 30;
  target["Modalities"].append("CT");
  Clinic clinic({.configuration = Configuration(target)});
  WaitForSweep(clinic);
  const auto send = [&](const char* modality, int daysAgo)
  {
    DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720", modality);
    image.Set("StudyDate", LocalDay(-daysAgo));
    return clinic.Send(image);
  };
  const std::string wanted = send("CT", 10);
  const std::string young = send("CT", 1);
  const std::string old = send("CT", 60);
  const std::string other = send("PX", 10);

  WaitForCopies(clinic, wanted);
  for (const std::string& uid : {young, old, other})
  {
    clinic.Decided(uid);
  }

  EXPECT_TRUE(WaitUntil([&] { return TargetOf(clinic)["pending_instances"] == 1; })) << "the young one waits";
  EXPECT_EQ("verified", ReplicationOf(clinic, wanted));
  EXPECT_EQ("pending", ReplicationOf(clinic, young));
  EXPECT_EQ("not_wanted", ReplicationOf(clinic, old));
  EXPECT_EQ("not_wanted", ReplicationOf(clinic, other));
  EXPECT_EQ(1, std::distance(std::filesystem::directory_iterator(nas.Path()), {}));
}

TEST(CopiesInAFolder, WaitForTheHour)
{
  const TemporaryDirectory nas;
  Json::Value target = Folder(nas.Path());
  // An hour that begins in twelve, wherever the clock is.
  const auto later =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + std::chrono::hours(12));
  std::tm utc{};
  gmtime_r(&later, &utc);
  char hours[16];
  std::snprintf(hours, sizeof(hours), "%02d:00-%02d:00", utc.tm_hour, (utc.tm_hour + 1) % 24);
  target["Hours"] = hours;
  target["TimeZone"] = "Etc/UTC";
  Clinic clinic({.configuration = Configuration(target)});
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT"));
  clinic.Decided(uid);
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const Json::Value tasks = clinic.Http().Get("/api/v1/tasks?kind=replicate.nas").Json()["items"];
        return tasks.size() == 1 && tasks[0]["due_at"].asString().find(":00:00") != std::string::npos;
      }))
      << clinic.Http().Get("/api/v1/tasks?kind=replicate.nas").body;
  EXPECT_TRUE(std::filesystem::is_empty(nas.Path()));
  EXPECT_EQ("pending", ReplicationOf(clinic, uid));
  clinic.Orthanc().Stop();

  target.removeMember("Hours");
  clinic.Orthanc().NextStart().configuration = Configuration(target);
  clinic.Orthanc().Start();
  WaitForCopies(clinic, uid);
}

TEST(CopiesInAFolder, AreDeletedWhereThePolicySaysSo)
{
  const TemporaryDirectory nas;
  Json::Value target = Folder(nas.Path());
  Clinic clinic({.configuration = Configuration(target)});
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT");
  const std::string kept = clinic.Send(image);
  WaitForCopies(clinic, kept);
  const auto remove = [&](const std::string& uid)
  {
    const std::string id = clinic.Study(uid)["orthanc_study_id"].asString();
    EXPECT_EQ(200, clinic.Http().Delete("/studies/" + id).status);
  };
  remove(kept);
  clinic.Orthanc().Stop();
  EXPECT_TRUE(std::filesystem::exists(nas.Path() / kept)) << "a deletion in Orthanc deletes no copy";

  target["DeleteAfterDays"] = 0;
  clinic.Orthanc().NextStart().configuration = Configuration(target);
  clinic.Orthanc().Start();
  const std::string gone = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT"));
  WaitForCopies(clinic, gone);
  remove(gone);

  EXPECT_TRUE(WaitUntil([&] { return !std::filesystem::exists(nas.Path() / gone); }));
  std::vector<Json::Value> audit;
  EXPECT_TRUE(
      WaitUntil([&] { return !(audit = clinic.All("/api/v1/audit?action=replication.delete")).empty(); }));
  ASSERT_FALSE(audit.empty());
  EXPECT_EQ(gone, audit.back()["study_instance_uid"].asString());
  EXPECT_EQ(1u, audit.back()["detail"]["keys"].size());
}

TEST(CopiesInAFolder, AreCountedAndTheirPlaceIsRecordedOnce)
{
  const TemporaryDirectory nas;
  Clinic clinic({.configuration = Configuration(Folder(nas.Path()))});
  WaitForSweep(clinic);
  WaitForCopies(clinic, clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT")));
  const std::string metrics = clinic.Http().Get("/api/v1/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("orthanc_clinic_replication_verified_instances{target=\"nas\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("orthanc_clinic_replication_lag_seconds{target=\"nas\"} 0\n"));
  EXPECT_EQ(1u, clinic.All("/api/v1/audit?action=replication.target").size());

  clinic.Orthanc().Restart();
  EXPECT_EQ(1u, clinic.All("/api/v1/audit?action=replication.target").size());
  EXPECT_TRUE(WaitUntil([&] { return TargetOf(clinic)["ready"].asBool(); }));

  clinic.Orthanc().Stop();
  Json::Value target = Folder(nas.Path());
  target["Name"] = "other";
  clinic.Orthanc().NextStart().configuration = Configuration(target);
  clinic.Orthanc().Start();
  EXPECT_TRUE(WaitUntil([&] { return clinic.All("/api/v1/audit?action=replication.target").size() == 2; }));
}
}  // namespace
}  // namespace OrthancClinic::Testing
