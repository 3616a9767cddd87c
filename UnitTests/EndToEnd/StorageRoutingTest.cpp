// SPDX-License-Identifier: GPL-3.0-or-later
//
// Targets that people make by REST in a real object store, and the rules by which images go there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "EndToEnd/Clinic.h"
#include "Support/ObjectServer.h"
#include "Support/PostgresServer.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Json::Value Configuration(const std::filesystem::path& nas)
{
  Json::Value configuration;
  Json::Value& target = configuration["Clinic"]["Replication"]["Targets"][0];
  target["Name"] = "nas";
  target["Type"] = "Directory";
  target["Path"] = nas.string();
  configuration["Clinic"]["Studies"]["QuietSeconds"] = 1;
  configuration["Clinic"]["Studies"]["QuietSecondsByModality"] = Json::objectValue;
  return configuration;
}

// One Orthanc for all; each test has a practice of its own, named after it, whose modality and CRM user are,
// too.
class StorageRouting : public ::testing::Test
{
protected:
  static void SetUpTestSuite()
  {
    if (ObjectServer::IsInstalled(ObjectServer::Kind::Ceph))
    {
      nas_ = std::make_unique<TemporaryDirectory>();
      clinic_ =
          std::make_unique<Clinic>(OrthancServer::Options{.configuration = Configuration(nas_->Path())});
    }
  }

  static void TearDownTestSuite()
  {
    clinic_.reset();
    nas_.reset();
  }

  void SetUp() override
  {
    if (!clinic_)
    {
      GTEST_SKIP() << "Ceph is not installed";
    }
    server_ = &ObjectServer::Shared(ObjectServer::Kind::Ceph);
    Json::Value practice;
    practice["id"] = Name();
    practice["name"] = "Clinique " + Name();
    practice["calling_ae_titles"].append(Modality());
    practice["crm_user_id"] = "user-" + Name();
    clinic_->PutPractice(practice);
  }

  static std::string Name() { return ::testing::UnitTest::GetInstance()->current_test_info()->name(); }
  static std::string Modality() { return Name().substr(0, 16); }

  // What a form sends.
  Json::Value Form(const std::string& name, const std::string& bucket) const
  {
    Json::Value form;
    form["userId"] = "user-" + Name();
    form["name"] = name;
    form["type"] = "OTHER";
    form["endpoint"] = server_->Url();
    form["region"] = ObjectServer::REGION;
    form["bucket"] = bucket;
    form["pathPrefix"] = "images";
    form["credentials"]["accessKeyId"] = server_->AccessKey();
    form["credentials"]["secretAccessKey"] = "clinic-secret";
    return form;
  }

  static Json::Value Make(const Json::Value& form)
  {
    const HttpAnswer answer = clinic_->Http().Post("/api/dental/vna", form);
    EXPECT_EQ(201, answer.status) << answer.body;
    const Json::Value vna = answer.Json()["vna"];
    const Json::Value result = answer.Json()["testResult"];
    EXPECT_TRUE((IsLate(result) ? Test(vna) : result)["success"].asBool()) << answer.body;
    return vna;
  }

  static HttpAnswer Change(const Json::Value& vna, const Json::Value& body)
  {
    return clinic_->Http().Put("/api/dental/vna/" + vna["id"].asString(), body);
  }

  // Whether the store took longer than a test waits for it, which says nothing of the target.
  static bool IsLate(const Json::Value& result)
  {
    return result["message"].asString().find("did not answer in time") != std::string::npos;
  }

  static Json::Value Test(const Json::Value& vna)
  {
    Json::Value result;
    WaitUntil(
        [&]
        {
          const HttpAnswer answer =
              clinic_->Http().Call("POST", "/api/dental/vna/" + vna["id"].asString() + "/test");
          EXPECT_EQ(200, answer.status) << answer.body;
          result = answer.Json()["testResult"];
          EXPECT_EQ(answer.Json()["success"], result["success"]);
          return !IsLate(result);
        },
        std::chrono::seconds(60));
    return result;
  }

  static std::string Send(const std::string& modality = "IO")
  {
    return clinic_->Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", modality), Modality());
  }

  // The state of the study in a target; empty if it has nothing to do with it.
  static std::string State(const std::string& uid, const std::string& target)
  {
    const Json::Value study = clinic_->Http().Get("/api/v1/studies/" + uid).Json();
    for (const Json::Value& one : study["replication"])
    {
      if (one["target"] == target)
      {
        return one["state"].asString();
      }
    }
    return "";
  }

  static void ExpectIn(const std::string& uid, const Json::Value& vna)
  {
    EXPECT_TRUE(
        WaitUntil([&] { return State(uid, vna["id"].asString()) == "verified"; }, std::chrono::seconds(60)))
        << clinic_->Http().Get("/api/v1/replication/studies/" + uid).body;
  }

  // The copies of the study in a target.
  static Json::Value CopiesIn(const std::string& uid, const Json::Value& vna)
  {
    const Json::Value study = clinic_->Http().Get("/api/v1/replication/studies/" + uid).Json();
    for (const Json::Value& one : study["targets"])
    {
      if (one["target"] == vna["id"])
      {
        return one["instances"];
      }
    }
    return Json::arrayValue;
  }

  // The key of the study's only instance in a target, and Orthanc's id of it.
  static std::string KeyIn(const std::string& uid, const Json::Value& vna)
  {
    return CopiesIn(uid, vna)[0]["key"].asString();
  }
  static std::string InstanceIn(const std::string& uid, const Json::Value& vna)
  {
    return CopiesIn(uid, vna)[0]["orthanc_instance_id"].asString();
  }

  std::vector<std::string> Keys(const std::string& bucket) const { return server_->Keys(bucket); }

  bool HasKey(const std::string& bucket, const std::string& key) const
  {
    const std::vector<std::string> keys = Keys(bucket);
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  }

  static inline std::unique_ptr<TemporaryDirectory> nas_;
  static inline std::unique_ptr<Clinic> clinic_;
  ObjectServer* server_ = nullptr;
};

Json::Value Rule(const char* condition, const Json::Value& value, const Json::Value& vna = Json::Value())
{
  Json::Value rule;
  rule["name"] = condition;
  rule["conditions"][condition] = value;
  rule["action"]["vnaId"] = vna.isNull() ? Json::Value() : vna["id"];
  return rule;
}

Json::Value List(const char* text)
{
  Json::Value list;
  list.append(text);
  return list;
}

TEST_F(StorageRouting, TestsATargetAndSaysWhatIsWrong)
{
  const std::string bucket = server_->NewBucket();
  const Json::Value vna = Make(Form("Montréal", bucket));
  EXPECT_TRUE(Test(vna)["success"].asBool());
  EXPECT_GE(Test(vna)["latencyMs"].asInt(), 0);
  EXPECT_THAT(Keys(bucket), IsEmpty()) << "nothing is left of the probe";
  struct Case
  {
    const char* field;
    Json::Value value;
    const char* reason;
  };
  Json::Value wrongSecret;
  wrongSecret["secretAccessKey"] = "no";
  Json::Value wrongKey;
  wrongKey["accessKeyId"] = "nobody";
  for (const Case& item :
       {Case{"credentials", wrongSecret, "the access key or its secret is wrong"},
        Case{"credentials", wrongKey, "the access key or its secret is wrong"},
        Case{"bucket", "bucket-none", "no such bucket"}, Case{"endpoint", "http://127.0.0.1:1", "127.0.0.1"},
        Case{"region", "us-east-1", "region"}})
  {
    EXPECT_EQ(200, Change(vna, Form("Montréal", bucket)).status);
    Json::Value body;
    body[item.field] = item.value;
    EXPECT_EQ(200, Change(vna, body).status) << JsonText(body);
    const Json::Value result = Test(vna);
    EXPECT_FALSE(result["success"].asBool()) << JsonText(body);
    EXPECT_THAT(result["message"].asString(), HasSubstr(item.reason)) << JsonText(body);
  }
  Json::Value form = Form("Ailleurs", "bucket-none");
  const HttpAnswer made = clinic_->Http().Post("/api/dental/vna", form);
  EXPECT_EQ(201, made.status);
  EXPECT_TRUE(made.Json()["success"].asBool());
  EXPECT_FALSE(made.Json()["testResult"]["success"].asBool()) << "kept, and told to be wrong";
}

TEST_F(StorageRouting, SendsAnImageWhereTheRulesSayAndABackupBesides)
{
  const Json::Value panoramic = Make(Form("Panoramics", server_->NewBucket()));
  Json::Value form = Form("Default", server_->NewBucket());
  form["isDefault"] = true;
  form["routingRules"].append(Rule("imageType", List("PANORAMIC"), panoramic));
  const Json::Value other = Make(form);

  const std::string first = clinic_->Send(
      ImageOf("Khoury^Nour", "19960528", "F", "4720", "PX").Set("SeriesDescription", "Panoramique"),
      Modality());
  const std::string second = Send("IO");
  ExpectIn(first, panoramic);
  ExpectIn(second, other);

  EXPECT_EQ("", State(first, other["id"].asString()));
  EXPECT_EQ("", State(second, panoramic["id"].asString()));
  const std::string bucket = panoramic["bucket"].asString();
  const std::string key = KeyIn(first, panoramic);
  const std::string instance = InstanceIn(first, panoramic);
  EXPECT_EQ(clinic_->Http().Get("/instances/" + instance + "/file").body,
            server_->Call("GET", "/" + bucket + "/images/" + key).body);
  EXPECT_TRUE(WaitUntil([&] { return HasKey(bucket, "images/" + first + "/manifest.000001.json"); }));
  for (const std::string& uid : {first, second})
  {
    EXPECT_TRUE(WaitUntil([&] { return State(uid, "nas") == "verified"; }));
    EXPECT_TRUE(std::filesystem::exists(nas_->Path() / uid)) << "the configuration's target gets everything";
  }

  // Other rules count for the next image, without a restart; what went stays where it is.
  Json::Value body;
  body["routingRules"].append(Rule("imageType", List("IO"), panoramic));
  EXPECT_EQ(200, Change(other, body).status);
  const std::string third = Send("IO");
  ExpectIn(third, panoramic);
  ExpectIn(second, other);
  EXPECT_EQ("", State(second, panoramic["id"].asString()));
}

TEST_F(StorageRouting, NeverShowsCredentialsAndKeepsThoseItHas)
{
  const Json::Value made = Make(Form("Montréal", server_->NewBucket()));
  EXPECT_EQ("********", made["credentials"]["secretAccessKey"].asString());
  Json::Value body;
  body["name"] = "Québec";
  const HttpAnswer renamed = Change(made, body);
  EXPECT_EQ(200, renamed.status) << renamed.body;
  EXPECT_EQ("Québec", renamed.Json()["vna"]["name"].asString());
  EXPECT_TRUE(Test(made)["success"].asBool());
  body["credentials"] = made["credentials"];  // as a form sends back what it was shown
  body["id"] = made["id"];
  EXPECT_EQ(200, clinic_->Http().Put("/api/dental/vna", body).status);
  EXPECT_TRUE(Test(made)["success"].asBool());
  for (const char* path : {"/api/dental/vna", "/api/v1/replication", "/api/v1/audit", "/api/v1/health"})
  {
    EXPECT_THAT(clinic_->Http().Get(path).body, Not(HasSubstr("clinic-secret"))) << path;
  }
  EXPECT_THAT(clinic_->Orthanc().Log(), Not(HasSubstr("clinic-secret")));
}

TEST_F(StorageRouting, RefusesWhatIsNotInCanadaOrCannotBeDone)
{
  struct Case
  {
    const char* change;
    const char* field;
    const char* reason;
  };
  for (const Case& item :
       {Case{R"({"type": "AWS_S3", "endpoint": null, "region": "us-east-1"})", "endpoint",
             "not known to be in Canada"},
        Case{R"({"type": "AWS_S3", "endpoint": null, "region": "ca-west-1"})", "endpoint",
             "impact assessment"},
        Case{R"({"endpoint": "https://storage.example.org"})", "endpoint", "not known to be in Canada"},
        Case{R"({"endpoint": "http://storage.example.org", "jurisdiction": "QC"})", "endpoint", "TLS"},
        Case{R"({"endpoint": "https://s3.ca-central-1.amazonaws.com/images"})", "endpoint", "without a path"},
        Case{R"({"type": "AZURE_BLOB", "endpoint": null, "region": "canadaeast"})", "credentials.accountName",
             "expected"},
        Case{R"({"bucket": null})", "bucket", "expected"},
        Case{R"({"routingRules": [{"action": {"vnaId": "none"}}]})", "routingRules[0].action.vnaId",
             "expected"},
        Case{R"({"type": "FLOPPY"})", "type", "one of"}})
  {
    Json::Value form = Form("Montréal", "bucket-1");
    const Json::Value change = ParseJsonText(item.change);
    for (const std::string& name : change.getMemberNames())
    {
      form[name] = change[name];
    }
    const HttpAnswer answer = clinic_->Http().Post("/api/dental/vna", form);
    EXPECT_EQ(422, answer.status) << item.change << answer.body;
    EXPECT_EQ(item.field, answer.Json()["errors"][0]["field"].asString()) << item.change << answer.body;
    EXPECT_THAT(answer.Json()["errors"][0]["message"].asString(), HasSubstr(item.reason)) << item.change;
    EXPECT_EQ("VALIDATION_ERROR", answer.Json()["code"].asString());
  }
  const Json::Value listed = clinic_->Http().Get("/api/dental/vna?userId=user-" + Name()).Json();
  ASSERT_EQ(1u, listed["vnas"].size()) << "nothing was made";
  EXPECT_EQ("nas", listed["vnas"][0]["id"].asString());
  EXPECT_TRUE(listed["vnas"][0]["readOnly"].asBool());
  EXPECT_EQ(409, Change(listed["vnas"][0], Json::objectValue).status) << "the configuration's";
  Json::Value form = Form("Montréal", "bucket-1");
  form["userId"] = "nobody";
  EXPECT_EQ(404, clinic_->Http().Post("/api/dental/vna", form).status);
  EXPECT_EQ(404, clinic_->Http().Get("/api/dental/vna/none").status);
}

TEST_F(StorageRouting, SendsToAzureBlobStorage)
{
  if (!ObjectServer::IsInstalled(ObjectServer::Kind::Azurite))
  {
    GTEST_SKIP() << "Azurite is not installed";
  }
  ObjectServer& azure = ObjectServer::Shared(ObjectServer::Kind::Azurite);
  Json::Value form;
  form["userId"] = "user-" + Name();
  form["name"] = "Azure";
  form["type"] = "AZURE_BLOB";
  form["bucket"] = azure.NewBucket();
  form["region"] = "canadaeast";
  form["credentials"]["accountName"] = azure.AccessKey();
  form["credentials"]["accountKey"] = azure.Secret();
  form["isDefault"] = true;
  struct Case
  {
    const char* change;
    const char* field;
    const char* reason;
  };
  for (const Case& item :
       {Case{R"({"region": "eastus"})", "region", "eastus"},
        Case{R"({"region": null})", "region", "expected"},
        Case{R"({"region": "canadacentral"})", "region", "impact assessment"},
        Case{R"({"region": "canadacentral", "jurisdiction": "QC"})", "region", "declared as QC"},
        Case{R"({"endpoint": "https://storage.example.org"})", "endpoint", "not known to be in Canada"},
        Case{R"({"credentials": {"accountName": "clinic.example.org/"}})", "credentials.accountName", ""},
        Case{R"({"credentials": {"accountName": "clinic"}})", "credentials.accountKey", "expected"}})
  {
    Json::Value changed = form;
    const Json::Value change = ParseJsonText(item.change);
    for (const std::string& name : change.getMemberNames())
    {
      changed[name] = change[name];
    }
    const HttpAnswer answer = clinic_->Http().Post("/api/dental/vna", changed);
    EXPECT_EQ(422, answer.status) << item.change << answer.body;
    EXPECT_EQ(item.field, answer.Json()["errors"][0]["field"].asString()) << item.change << answer.body;
    EXPECT_THAT(answer.Json()["errors"][0]["message"].asString(), HasSubstr(item.reason)) << item.change;
    EXPECT_THAT(answer.body, Not(HasSubstr(azure.Secret())));
  }

  form["endpoint"] = azure.Url();
  form["privacyImpactAssessment"] = "PIA-1";  // Azurite says that it is geo-redundant
  const Json::Value vna = Make(form);
  EXPECT_EQ("AZURE_BLOB", vna["type"].asString());
  EXPECT_EQ("********", vna["credentials"]["accountKey"].asString());
  EXPECT_THAT(azure.Keys(form["bucket"].asString()), IsEmpty()) << "nothing is left of the probe";

  const std::string uid = Send();
  ExpectIn(uid, vna);
  const std::string key = KeyIn(uid, vna);
  EXPECT_EQ(clinic_->Http().Get("/instances/" + InstanceIn(uid, vna) + "/file").body,
            azure.Call("GET", "/" + form["bucket"].asString() + "/" + key).body);

  // A form sends back what it was shown, and one key may be changed.
  Json::Value body;
  body["credentials"] = vna["credentials"];
  EXPECT_EQ(200, Change(vna, body).status);
  EXPECT_TRUE(Test(vna)["success"].asBool());
  body["credentials"]["accountKey"] = "d3Jvbmc=";
  EXPECT_EQ(200, Change(vna, body).status);
  EXPECT_THAT(Test(vna)["message"].asString(), HasSubstr("403"));
  body["credentials"]["accountName"] = "another";
  body["endpoint"] = Json::Value();
  EXPECT_EQ(409, Change(vna, body).status) << "it holds copies";
  for (const char* path : {"/api/dental/vna", "/api/v1/replication", "/api/v1/audit", "/api/v1/health"})
  {
    EXPECT_THAT(clinic_->Http().Get(path).body, Not(HasSubstr(azure.Secret()))) << path;
  }
  EXPECT_THAT(clinic_->Orthanc().Log(), Not(HasSubstr(azure.Secret())));
}

TEST_F(StorageRouting, FollowsThePatientOfTheStudy)
{
  const Json::Value special = Make(Form("Special", server_->NewBucket()));
  Json::Value form = Form("Default", server_->NewBucket());
  form["isDefault"] = true;
  form["routingRules"].append(Rule("leadId", "lead-1", special));
  const Json::Value other = Make(form);
  for (const char* id : {"lead-1", "lead-2"})
  {
    Json::Value person =
        Person(id, id == std::string("lead-1") ? "Khoury" : "Roy", "Nour", "1996-05-28", "F");
    person["practice_id"] = Name();
    clinic_->PutPatient(person);
  }

  const std::string hers = clinic_->Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "IO"), Modality());
  const std::string another = clinic_->Send(ImageOf("Roy^Nour", "19960528", "F", "4721", "IO"), Modality());

  ExpectIn(hers, special);
  ExpectIn(another, other);
  EXPECT_EQ("", State(hers, other["id"].asString())) << "it waited for the decision";

  // A person says that it is hers after all.
  Json::Value body;
  body["patient_id"] = "lead-1";
  EXPECT_EQ(200, clinic_->Http().Post("/api/v1/studies/" + another + "/match", body).status);
  ExpectIn(another, special);
  ExpectIn(another, other);  // no copy is deleted
}

TEST_F(StorageRouting, ForgetsATargetThatHoldsCopiesOnlyWhenAsked)
{
  Json::Value form = Form("Old", server_->NewBucket());
  form["isDefault"] = true;
  const Json::Value old = Make(form);
  const std::string uid = Send();
  ExpectIn(uid, old);
  const std::string path = "/api/dental/vna/" + old["id"].asString();
  Json::Value moved;
  moved["bucket"] = server_->NewBucket();
  EXPECT_EQ(409, Change(old, moved).status) << "its copies would be looked for elsewhere";

  const HttpAnswer refused = clinic_->Http().Delete(path);
  EXPECT_EQ(409, refused.status) << refused.body;
  EXPECT_THAT(refused.Json()["detail"].asString(), HasSubstr("/forget"));
  form["bucket"] = server_->NewBucket();
  form["name"] = "New";
  const Json::Value fresh = Make(form);
  EXPECT_FALSE(clinic_->Http().Get(path).Json()["vna"]["isDefault"].asBool()) << "there is one default";
  EXPECT_EQ(200, clinic_->Http().Call("POST", path + "/forget").status);

  EXPECT_EQ(404, clinic_->Http().Get(path).status);
  EXPECT_THAT(Keys(old["bucket"].asString()), Contains(HasSubstr(uid))) << "the copies stay";
  ExpectIn(uid, fresh);
  EXPECT_EQ(409, clinic_->Http().Delete("/api/dental/vna/" + fresh["id"].asString()).status);
  EXPECT_EQ(200,
            clinic_->Http()
                .Delete("/api/dental/vna/" + Make(Form("Empty", moved["bucket"].asString()))["id"].asString())
                .status);
}

TEST_F(StorageRouting, CatchesUpWithTheArchiveAndGivesItBack)
{
  const std::string uid = Send();
  clinic_->Decided(uid);
  EXPECT_TRUE(WaitUntil([&] { return State(uid, "nas") == "verified"; }));
  Json::Value form = Form("Default", server_->NewBucket());
  form["isDefault"] = true;
  const Json::Value vna = Make(form);
  ExpectIn(uid, vna);
  EXPECT_TRUE(
      WaitUntil([&] { return HasKey(vna["bucket"].asString(), "images/" + uid + "/manifest.000001.json"); }));

  const std::string study = clinic_->Study(uid)["orthanc_study_id"].asString();
  EXPECT_EQ(200, clinic_->Http().Delete("/studies/" + study).status);
  Json::Value body;
  body["target"] = vna["id"];
  body["study_uids"].append(uid);
  const HttpAnswer restore = clinic_->Http().Post("/api/v1/replication/restore", body);
  ASSERT_EQ(202, restore.status) << restore.body;
  EXPECT_TRUE(WaitUntil([&] { return clinic_->Http().Get("/studies/" + study).status == 200; }));
}

TEST_F(StorageRouting, CompressesWithoutLossWhereTheRuleSaysSo)
{
  Json::Value form = Form("Small", server_->NewBucket());
  form["routingRules"].append(Rule("location", "clinique " + Name()));
  form["routingRules"][0]["action"]["compress"] = true;
  const Json::Value vna = Make(form);
  DicomFile image("CT", 256);
  const std::string uid = clinic_->Send(image, Modality());
  ExpectIn(uid, vna);

  const std::string copy =
      server_->Call("GET", "/" + vna["bucket"].asString() + "/images/" + KeyIn(uid, vna)).body;
  const std::string instance = InstanceIn(uid, vna);
  EXPECT_LT(copy.size(), clinic_->Http().Get("/instances/" + instance + "/file").body.size());
  EXPECT_THAT(copy, HasSubstr("1.2.840.10008.1.2.4.80"));
  const std::string pixels = clinic_->Http().Get("/instances/" + instance + "/frames/0/image-int16").body;
  EXPECT_EQ(200, clinic_->Http().Delete("/instances/" + instance).status);
  const HttpAnswer back = clinic_->Http().Call("POST", "/instances", copy);
  EXPECT_EQ(instance, back.Json()["ID"].asString()) << "the same image";
  EXPECT_EQ(pixels, clinic_->Http().Get("/instances/" + instance + "/frames/0/image-int16").body);
}

TEST_F(StorageRouting, LosesNothingByAKill9)
{
  Json::Value form = Form("Default", server_->NewBucket());
  form["isDefault"] = true;
  const Json::Value vna = Make(form);
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT");
  const TemporaryDirectory folder;
  std::vector<std::filesystem::path> files;
  for (int i = 0; i < 60; i++)
  {
    files.push_back(image.NextInstance().SaveIn(folder.Path()));
  }
  EXPECT_EQ(60u, clinic_->Orthanc().Store(files, Modality()).acknowledged.size());
  clinic_->Orthanc().Kill9();
  clinic_->Orthanc().Start();

  const auto copies = [&] { return CopiesIn(image.StudyUid(), vna).size(); };
  EXPECT_TRUE(WaitUntil([&] { return copies() == 60; }, std::chrono::seconds(60))) << copies();
  ExpectIn(image.StudyUid(), vna);
}

TEST_F(StorageRouting, SendsToADicomNodeAndSeesTheImageThere)
{
  OrthancServer::Options options;
  options.clinic = false;
  options.configuration["DicomAet"] = "PACS";
  options.configuration["DicomAlwaysAllowFind"] = true;
  const OrthancServer pacs(options);
  Json::Value form;
  form["userId"] = "user-" + Name();
  form["name"] = "PACS";
  form["type"] = "ORTHANC";
  form["aeTitle"] = "PACS";
  form["host"] = "127.0.0.1";
  form["isDefault"] = true;
  EXPECT_EQ("port", clinic_->Http().Post("/api/dental/vna", form).Json()["errors"][0]["field"].asString());
  form["host"] = "pacs.example.org";
  form["port"] = pacs.DicomPort();
  EXPECT_EQ("host", clinic_->Http().Post("/api/dental/vna", form).Json()["errors"][0]["field"].asString());
  form["host"] = "127.0.0.1";
  const Json::Value vna = Make(form);

  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT");
  const std::string uid = clinic_->Send(image, Modality());
  clinic_->Send(image.NextInstance(), Modality());
  EXPECT_TRUE(WaitUntil([&] { return CopiesIn(uid, vna).size() == 2; }, std::chrono::seconds(60)));
  ExpectIn(uid, vna);

  EXPECT_EQ(2u, pacs.Http().Get("/instances").Json().size());
  const std::string instance = pacs.Http().Get("/instances").Json()[0].asString();
  EXPECT_EQ(clinic_->Http().Get("/instances/" + instance + "/file").body,
            pacs.Http().Get("/instances/" + instance + "/file").body);
  Json::Value body;
  body["target"] = vna["id"];
  body["all"] = true;
  EXPECT_EQ(409, clinic_->Http().Post("/api/v1/replication/restore", body).status);

  // What is lost there is seen, and sent again.
  EXPECT_EQ(200, pacs.Http().Delete("/instances/" + instance).status);
  EXPECT_EQ(202, clinic_->Http().Call("POST", "/api/v1/replication/verify").status);
  EXPECT_TRUE(
      WaitUntil([&] { return pacs.Http().Get("/instances").Json().size() == 2; }, std::chrono::seconds(60)));

  const std::string node = "/modalities/vna-" + vna["id"].asString();
  EXPECT_EQ(200, clinic_->Http().Get(node + "/configuration").status);
  EXPECT_EQ(200, clinic_->Http().Call("POST", "/api/dental/vna/" + vna["id"].asString() + "/forget").status);
  EXPECT_TRUE(WaitUntil([&] { return clinic_->Http().Get(node + "/configuration").status == 404; }));
}

TEST_F(StorageRouting, SaysWhenADicomNodeDoesNotAnswerOrIsAnother)
{
  Json::Value form;
  form["userId"] = "user-" + Name();
  form["name"] = "PACS";
  form["type"] = "ORTHANC";
  form["aeTitle"] = "AWAY";
  form["host"] = "127.0.0.1";
  form["port"] = 1;
  const Json::Value made = clinic_->Http().Post("/api/dental/vna", form).Json();
  EXPECT_FALSE(made["testResult"]["success"].asBool());
  EXPECT_THAT(made["testResult"]["message"].asString(), HasSubstr("C-ECHO"));
  EXPECT_EQ(200, clinic_->Http().Call("PUT", "/modalities/known", R"(["KNOWN", "127.0.0.1", 4242])").status);
  form["aeTitle"] = "KNOWN";
  EXPECT_THAT(clinic_->Http().Post("/api/dental/vna", form).Json()["testResult"]["message"].asString(),
              HasSubstr("another node by the AE title"));
}

// Of one database, each Orthanc sends; what one is told the other knows.
TEST(StorageRoutingOfTwo, IsTheSameInEachOrthanc)
{
  if (!PostgresServer::IsInstalled() || !ObjectServer::IsInstalled(ObjectServer::Kind::Ceph))
  {
    GTEST_SKIP() << "PostgreSQL or Ceph is not installed";
  }
  ObjectServer& server = ObjectServer::Shared(ObjectServer::Kind::Ceph);
  PostgresServer postgres;
  OrthancServer::Options options;
  options.databaseUrl = postgres.Url(postgres.NewDatabase());
  const Clinic one(options);
  const Clinic two(options);
  Json::Value form;
  form["name"] = "Montréal";
  form["type"] = "CLOUD_VNA";
  form["endpoint"] = server.Url();
  form["region"] = ObjectServer::REGION;
  form["bucket"] = server.NewBucket();
  form["credentials"]["accessKeyId"] = server.AccessKey();
  form["credentials"]["secretAccessKey"] = "clinic-secret";
  const HttpAnswer made = one.Http().Post("/api/dental/vna", form);
  ASSERT_EQ(201, made.status) << made.body;
  const std::string path = "/api/dental/vna/" + made.Json()["vna"]["id"].asString();
  const auto knows = [&] { return two.Http().Get("/api/v1/replication").Json()["targets"].size() == 1; };
  EXPECT_TRUE(WaitUntil(knows));
  EXPECT_TRUE(WaitUntil([&] { return two.Http().Call("POST", path + "/test").Json()["success"].asBool(); }));
  EXPECT_EQ(200, one.Http().Delete(path).status);
  EXPECT_TRUE(WaitUntil([&] { return !knows(); }));
}
}  // namespace
}  // namespace OrthancClinic::Testing
