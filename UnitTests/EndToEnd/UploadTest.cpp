// SPDX-License-Identifier: GPL-3.0-or-later
//
// Uploads by REST, as the EHR's client makes them.

#include <gmock/gmock.h>
#include <zip.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "EndToEnd/Clinic.h"
#include "Support/Form.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string Bytes(const DicomFile& file)
{
  const TemporaryDirectory folder;
  return ReadFile(file.SaveIn(folder.Path()));
}

std::string Zip(const std::vector<std::pair<std::string, std::string>>& files)
{
  const TemporaryDirectory folder;
  const std::string path = (folder.Path() / "a.zip").string();
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  for (const auto& [name, bytes] : files)
  {
    zip_file_add(zip, name.c_str(), zip_source_buffer(zip, bytes.data(), bytes.size(), 0), ZIP_FL_ENC_UTF_8);
  }
  zip_close(zip);
  return ReadFile(path);
}

// One Orthanc for all of them.
class UploadedFiles : public ::testing::Test
{
protected:
  static void SetUpTestSuite()
  {
    clinic_ = std::make_unique<Clinic>();
    clinic_->PutPatient(Person("p-roy", "Roy", "Alice", "1980-05-06", "F", "R1"));
    clinic_->PutPatient(Person("p-cote", "Côté", "Luc", "1971-12-24", "M", "C1"));
  }
  static void TearDownTestSuite() { clinic_.reset(); }

  static HttpAnswer Post(const Form& form, const std::string& path = "upload")
  {
    return form.PostTo(clinic_->Http(), "/api/v1/dicom/" + path);
  }

  // Uploads, and gives the answer. It says what is decided of the study, unless that takes longer than an
  // answer waits for it.
  static Json::Value Decided(const std::function<HttpAnswer()>& upload, const std::string& status,
                             const std::string& patientId = "")
  {
    const auto begin = std::chrono::steady_clock::now();
    const HttpAnswer answer = upload();
    const bool tooLong = std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(1500);
    EXPECT_EQ(200, answer.status) << answer.body;
    Json::Value json = answer.Json();
    if (tooLong && json["match"]["status"] != status)
    {
      json["match"] = clinic_->Becomes(json["study_instance_uid"].asString(), status, patientId)["match"];
    }
    EXPECT_EQ(status, json["match"]["status"].asString()) << answer.body;
    EXPECT_EQ(patientId, json["match"]["patient_id"].asString()) << answer.body;
    return json;
  }

  static Json::Value Decided(const Form& form, const std::string& status, const std::string& patientId = "")
  {
    return Decided([&] { return Post(form); }, status, patientId);
  }

  static DicomFile Roy() { return ImageOf("Roy^Alice", "19800506", "F", "R1"); }

  static std::unique_ptr<Clinic> clinic_;
};

std::unique_ptr<Clinic> UploadedFiles::clinic_;

TEST_F(UploadedFiles, OfOneFileAreStoredMatchedAndLogged)
{
  const DicomFile image = Roy();
  const Json::Value json = Decided(
      Form().Field("patient_id", "p-roy").File("file", "Été 1.dcm", Bytes(image)), "matched", "p-roy");
  EXPECT_EQ(image.StudyUid(), json["study_instance_uid"].asString());
  EXPECT_EQ("uploaded", json["status"].asString());
  EXPECT_EQ("PX", json["modality"].asString());
  EXPECT_EQ(1, json["number_of_instances"].asInt());

  const Json::Value entry =
      clinic_->Http().Get("/api/v1/dicom/uploads/" + json["upload_log_id"].asString()).Json();
  EXPECT_EQ("Été 1.dcm", entry["file_names"][0].asString());
  EXPECT_EQ("uploaded", entry["upload_status"].asString());
  EXPECT_EQ("Roy^Alice", entry["patient_name"].asString());
  for (const char* path : {"/api/v1/dicom/uploads", "/api/v1/dicom/upload-logs/patient/p-roy"})
  {
    const HttpAnswer list = clinic_->Http().Get(path);
    EXPECT_EQ(json["upload_log_id"], list.Json()[0]["id"]) << path;
    EXPECT_NE("", list.headers.at("x-total-count"));
  }

  const HttpAnswer again = Post(Form().Field("patient_id", "p-roy").File("file", "a.dcm", Bytes(image)));
  EXPECT_EQ(200, again.status);
  EXPECT_EQ("already_stored", again.Json()["files"][0]["status"].asString());
}

TEST_F(UploadedFiles, ThatContradictTheChosenPatientWaitForAPerson)
{
  const DicomFile image = Roy();
  const Json::Value json =
      Decided(Form().Field("patient_id", "p-cote").File("file", "a.dcm", Bytes(image)), "review");
  EXPECT_EQ("contradicts_filing", json["match"]["reason"].asString());
  EXPECT_EQ("p-cote", json["match"]["candidates"][0]["patient_id"].asString());
  EXPECT_EQ("p-roy", json["match"]["candidates"][1]["patient_id"].asString());

  // Nor is the decision told that was made before the user said so.
  for (int i = 0; i < 5; i++)
  {
    const std::string known = Bytes(Roy());
    Decided(Form().File("file", "a.dcm", known), "matched", "p-roy");
    Decided(Form().Field("patient_id", "p-cote").File("file", "a.dcm", known), "review");
  }
}

TEST_F(UploadedFiles, ThatSayNothingOfThePatientAreFiledAsTheUserSays)
{
  const DicomFile image = ImageOf("", "", "");
  const Json::Value json =
      Decided(Form().Field("patient_id", "p-cote").File("file", "a.dcm", Bytes(image)), "matched", "p-cote");
  EXPECT_NE("machine", json["match"]["decided_by"].asString());
}

TEST_F(UploadedFiles, OfAStudyThatIsFiledUnderSomebodyElseAreRefused)
{
  DicomFile image = ImageOf("", "", "");
  const std::string first = Bytes(image);
  const std::string second = Bytes(image.NextInstance());
  ASSERT_EQ(200, Post(Form().Field("patient_id", "p-cote").File("file", "a.dcm", first)).status);
  for (const std::string& bytes : {first, second})
  {
    const HttpAnswer refused = Post(Form().Field("patient_id", "p-roy").File("file", "a.dcm", bytes));
    EXPECT_EQ(409, refused.status) << refused.body;
    EXPECT_THAT(refused.body, HasSubstr("filed under somebody else"));
  }
  const Json::Value study = clinic_->Becomes(image.StudyUid(), "matched", "p-cote");
  EXPECT_EQ(1, study["number_of_instances"].asInt());
  EXPECT_EQ(200, Post(Form().Field("patient_id", "p-cote").File("file", "b.dcm", second)).status);
}

TEST_F(UploadedFiles, WithNamesInAnyCharacterSetAreStoredAsAJob)
{
  const HttpAnswer begun =
      Post(Form().Field("async", "true").File("files", "R\xF6ntgen.dcm", Bytes(Roy())), "upload-multiple");
  ASSERT_EQ(202, begun.status) << begun.body;
  const std::string job = "/api/v1/dicom/upload-jobs/" + begun.Json()["job_id"].asString();
  EXPECT_TRUE(WaitUntil([&] { return clinic_->Http().Get(job).Json()["status"] == "completed"; }));
  EXPECT_EQ("Röntgen.dcm", clinic_->Http().Get(job).Json()["results"][0]["filename"].asString());
}

TEST_F(UploadedFiles, FulfilTheOrderThatTheUserNames)
{
  Json::Value order;
  order["patient_id"] = "p-roy";
  order["priority"] = "routine";
  order["modality_id"] = "XRAY";
  const HttpAnswer created = clinic_->Http().Post("/api/v1/orders", order);
  ASSERT_EQ(201, created.status) << created.body;
  const std::string id = created.Json()["id"].asString();

  EXPECT_EQ(400,
            Post(Form().Field("patient_id", "p-cote").Field("order_id", id).File("file", "a", Bytes(Roy())))
                .status);
  const DicomFile image = Roy();
  ASSERT_EQ(
      200,
      Post(Form().Field("patient_id", "p-roy").Field("order_id", id).File("file", "a", Bytes(image))).status);
  EXPECT_TRUE(WaitUntil([&] { return !clinic_->Study(image.StudyUid())["orders"].empty(); }));
  EXPECT_EQ(id, clinic_->Study(image.StudyUid())["orders"][0]["order_id"].asString());
}

TEST_F(UploadedFiles, AnswerForEachFileOfAnArchive)
{
  DicomFile first = Roy();
  const std::string one = Bytes(first);
  const std::string two = Bytes(first.NextInstance());
  const std::string zip = Zip({{"CD/A/IM1", one},
                               {"CD/A/IM2.dcm", two},
                               {"CD/A/copy", one},
                               {"CD/readme.txt", "hello"},
                               {"CD/cut", two.substr(0, two.size() - 10)},
                               {"../../etc/passwd", Bytes(Roy()).substr(132)}});
  const HttpAnswer answer =
      Post(Form().Field("patient_id", "p-roy").File("file", "cd.zip", zip), "upload-zip");
  ASSERT_EQ(200, answer.status) << answer.body;
  const Json::Value json = answer.Json();
  EXPECT_EQ(6, json["total_files"].asInt());
  EXPECT_EQ(4, json["successful"].asInt()) << answer.body;
  EXPECT_EQ(1, json["failed"].asInt());
  EXPECT_EQ("CD/cut", json["errors"][0]["filename"].asString());
  EXPECT_THAT(json["errors"][0]["error"].asString(), HasSubstr("cut off"));
  EXPECT_EQ("CD/readme.txt", json["skipped"][0]["filename"].asString());
  EXPECT_EQ(2, json["studies"].size());
  EXPECT_EQ("partial", json["uploads"][0]["status"].asString());
}

TEST_F(UploadedFiles, OfAKnownStudyAreToldAsFiledOnce)
{
  DicomFile image = Roy();
  ASSERT_EQ(200, Post(Form().File("file", "a.dcm", Bytes(image))).status);
  clinic_->Decided(image.StudyUid());
  Form form;
  form.Field("patient_id", "p-roy");
  for (int i = 0; i < 5; i++)
  {
    form.File("files", std::to_string(i), Bytes(image.NextInstance()));
  }
  ASSERT_EQ(200, Post(form, "upload-multiple").status);
  const std::vector<Json::Value> events = clinic_->Events();
  EXPECT_EQ(1, std::count_if(events.begin(), events.end(),
                             [&](const Json::Value& event) {
                               return event["type"] == "study.filed" &&
                                      event["data"]["study_instance_uid"] == image.StudyUid();
                             }));
}

TEST_F(UploadedFiles, CorrectTagsBeforeTheyStore)
{
  const DicomFile image = ImageOf("Roy^Alice", "19800506", "F", "WRONG");
  const Json::Value json =
      Post(Form()
               .Field("patient_id", "p-roy")
               .Field("tag_modifications", R"({"PatientID": "R1", "AccessionNumber": "A77"})")
               .File("file", "a.dcm", Bytes(image)))
          .Json();
  const Json::Value entry =
      clinic_->Http().Get("/api/v1/dicom/uploads/" + json["upload_log_id"].asString()).Json();
  EXPECT_TRUE(entry["tags_modified"].asBool());
  EXPECT_EQ("WRONG", entry["original_patient_id"].asString());
  EXPECT_EQ("R1", entry["modified_patient_id"].asString());
  clinic_->Decided(image.StudyUid());
  const Json::Value tags = clinic_->Http().Get("/api/v1/dicom/tags/" + image.StudyUid()).Json()["tags"];
  EXPECT_EQ("R1", tags["PatientID"].asString());
  EXPECT_EQ("A77", tags["AccessionNumber"].asString());
  EXPECT_EQ("WRONG",
            tags["OriginalAttributesSequence"][0]["ModifiedAttributesSequence"][0]["PatientID"].asString());

  for (const char* changes : {R"({"StudyInstanceUID": "1.2"})", R"({"StudyDate": "x"})", "no json"})
  {
    const HttpAnswer refused =
        Post(Form().Field("patient_id", "p-roy").Field("tags", changes).File("file", "a.dcm", Bytes(Roy())));
    EXPECT_EQ(422, refused.status) << changes << refused.body;
    EXPECT_FALSE(refused.Json()["errors"].empty());
  }
}

TEST_F(UploadedFiles, AreRefusedWhenTheyAreThereWithoutTheCorrection)
{
  const DicomFile image = ImageOf("Roy^Alice", "19800506", "F", "R1");
  ASSERT_EQ(200, Post(Form().File("file", "a.dcm", Bytes(image))).status);
  const auto correct = [&](const std::string& changes)
  { return Post(Form().Field("tag_modifications", changes).File("file", "a.dcm", Bytes(image))); };
  const HttpAnswer refused = correct(R"({"AccessionNumber": "A78"})");
  EXPECT_EQ(400, refused.status) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("correct the stored study"));
  EXPECT_EQ(200, correct(R"({"PatientID": "R1"})").status) << "it says so already";
}

TEST_F(UploadedFiles, MayNameTheirCorrectionsInBothSpellingsIfTheyAgree)
{
  const auto status = [](const char* changes, const char* tags)
  {
    return Post(
               Form().Field("tag_modifications", changes).Field("tags", tags).File("file", "a", Bytes(Roy())))
        .status;
  };
  EXPECT_EQ(200, status(R"({"AccessionNumber": "A79"})", R"({"AccessionNumber": "A79"})"));
  EXPECT_EQ(422, status(R"({"AccessionNumber": "A79"})", R"({"PatientID": "R1"})"));
}

TEST_F(UploadedFiles, AreRefusedWithTheReason)
{
  const std::string image = Bytes(Roy());
  EXPECT_EQ(404, Post(Form().Field("patient_id", "nobody").File("file", "a", image)).status);
  EXPECT_EQ(
      404,
      Post(Form().Field("patient_id", "p-roy").Field("order_id", "none").File("file", "a", image)).status);
  EXPECT_EQ(422, Post(Form().Field("patient_id", "p-roy")).status);
  const HttpAnswer text = Post(Form().Field("patient_id", "p-roy").File("file", "a.dcm", "no image"));
  EXPECT_EQ(400, text.status);
  EXPECT_THAT(text.body, HasSubstr("no DICOM"));
  EXPECT_EQ(400, Post(Form().Field("patient_id", "p-roy").File("file", "a.zip", "PK\x03\x04 broken")).status);
  Form many;
  many.Field("patient_id", "p-roy");
  for (int i = 0; i < 501; i++)
  {
    many.File("files", "a", "x");
  }
  EXPECT_EQ(400, Post(many, "upload-multiple").status);
  EXPECT_EQ(400, clinic_->Http()
                     .Call("POST", "/api/v1/dicom/upload", "--b\r\nContent-Dis",
                           {"Content-Type: multipart/form-data; boundary=b"})
                     .status);
}

TEST_F(UploadedFiles, ThatAreNoFormsAreTakenAsOneFile)
{
  const DicomFile image = Roy();
  Decided(  // by the images
      [&]
      {
        return clinic_->Http().Call("POST", "/api/v1/dicom/upload", Bytes(image),
                                    {"Content-Type: application/dicom"});
      },
      "matched", "p-roy");
}

TEST_F(UploadedFiles, SayWhatIsWrongWithAFileWithoutStoringIt)
{
  DicomFile bad = Roy();
  bad.Set("SpecificCharacterSet", "KLINGON").Remove("Modality");
  DicomFile shortened = Roy();
  shortened.Set("Rows", "60000");
  DicomFile empty = Roy();
  empty.Remove("PixelData");
  DicomFile undeclared = ImageOf("Roy^Ad\xE8le", "19800506", "F", "R1");
  undeclared.Remove("SpecificCharacterSet");
  const std::string whole = Bytes(Roy());
  struct Case
  {
    std::string bytes;
    bool valid;
    const char* words;
  };
  for (const Case& item :
       {Case{whole, true, "valid"}, Case{Bytes(bad), false, "Modality"},
        Case{Bytes(shortened), false, "shorter than the image"}, Case{Bytes(empty), true, "no pixel data"},
        Case{Bytes(undeclared), true, "SpecificCharacterSet is missing"},
        Case{whole.substr(0, 700), false, "cut off"}, Case{"x", false, "no DICOM"},
        Case{whole.substr(132), true, "preamble"}})
  {
    const HttpAnswer answer = Post(Form().File("file", "a.dcm", item.bytes), "validate");
    ASSERT_EQ(200, answer.status);
    EXPECT_EQ(item.valid, answer.Json()["valid"].asBool()) << answer.body;
    EXPECT_EQ(item.valid, answer.Json()["isValid"].asBool());
    EXPECT_THAT(answer.Json()["message"].asString(), HasSubstr(item.words));
  }
  const Json::Value read = Post(Form().File("file", "a.dcm", whole), "read-tags").Json();
  EXPECT_EQ("Roy^Alice", read["tags"]["PatientName"].asString());
  EXPECT_EQ("1.2.840.10008.1.2.1", read["tags"]["TransferSyntaxUID"].asString());
}

TEST_F(UploadedFiles, FiveAtOnceAreAllStored)
{
  std::vector<std::string> files;
  for (int i = 0; i < 5; i++)
  {
    DicomFile image = Roy();
    std::vector<std::pair<std::string, std::string>> series;
    for (int j = 0; j < 20; j++)
    {
      series.emplace_back(std::to_string(j), Bytes(image.NextInstance()));
    }
    files.push_back(Zip(series));
  }
  std::vector<std::thread> clients;
  std::atomic<int> stored{0};
  for (const std::string& zip : files)
  {
    clients.emplace_back(
        [&]
        {
          const HttpAnswer answer =
              Post(Form().Field("patient_id", "p-roy").File("file", "a.zip", zip), "upload-zip");
          stored += answer.status == 200 ? answer.Json()["successful"].asInt() : 0;
        });
  }
  for (std::thread& client : clients)
  {
    client.join();
  }
  EXPECT_EQ(100, stored);
}

TEST(UploadJobs, SurviveAKill)
{
  Clinic clinic;
  clinic.PutPatient(Person("p-roy", "Roy", "Alice", "1980-05-06", "F", "R1"));
  DicomFile image = ImageOf("Roy^Alice", "19800506", "F", "R1");
  std::vector<std::pair<std::string, std::string>> series;
  for (int j = 0; j < 300; j++)
  {
    series.emplace_back(std::to_string(j), Bytes(image.NextInstance()));
  }
  series.emplace_back("bad", "no image");
  const HttpAnswer begun = Form()
                               .Field("patient_id", "p-roy")
                               .Field("async", "true")
                               .File("file", "a.zip", Zip(series))
                               .PostTo(clinic.Http(), "/api/v1/dicom/upload-zip");
  ASSERT_EQ(202, begun.status) << begun.body;
  const std::string job = "/api/v1/dicom/upload-jobs/" + begun.Json()["job_id"].asString();
  clinic.Orthanc().Kill9();
  clinic.Orthanc().Start();
  EXPECT_TRUE(WaitUntil([&] { return clinic.Http().Get(job).Json()["status"] == "completed"; },
                        std::chrono::minutes(3)));
  const Json::Value json = clinic.Http().Get(job).Json();
  EXPECT_EQ(100, json["progress"].asInt());
  EXPECT_EQ(301, json["results"].size());
  EXPECT_EQ(300, json["uploads"][0]["file_count"].asInt());
  EXPECT_EQ(300, clinic.Http().Get("/statistics").Json()["CountInstances"].asInt());
  EXPECT_EQ(1, clinic.Http().Get("/api/v1/dicom/uploads").Json().size());
  const fs::path folder = clinic.Orthanc().Directory() / "storage" / "orthanc-clinic-uploads";
  EXPECT_TRUE(WaitUntil([&] { return !fs::exists(folder) || fs::is_empty(folder); }));
  EXPECT_EQ(404, clinic.Http().Get("/api/v1/dicom/upload-jobs/none").status);
  EXPECT_EQ(409, clinic.Http().Delete(job).status);
}

class Corrections : public ::testing::Test
{
protected:
  // Corrects, and waits until it is done.
  static Json::Value Correct(const Clinic& clinic, const std::string& uid, const std::string& changes)
  {
    const HttpAnswer answer =
        clinic.Http().Call("PUT", "/api/v1/dicom/tags/" + uid, R"({"tag_modifications": )" + changes + "}",
                           {"Content-Type: application/json"});
    EXPECT_EQ(202, answer.status) << answer.body;
    const std::string path = "/api/v1/dicom/corrections/" + answer.Json()["id"].asString();
    EXPECT_TRUE(WaitUntil([&] { return clinic.Http().Get(path).Json()["status"] == "completed"; }));
    return clinic.Http().Get(path).Json();
  }

  static std::vector<std::filesystem::path> Series(DicomFile image, int size,
                                                   const TemporaryDirectory& folder)
  {
    std::vector<std::filesystem::path> files;
    for (int i = 0; i < size; i++)
    {
      files.push_back(image.NextInstance().SaveIn(folder.Path()));
    }
    return files;
  }
};

TEST_F(Corrections, OfAWrongPatientIdFileTheStudyUnderTheRightPatient)
{
  Clinic clinic;
  clinic.PutPatient(Person("p-roy", "Roy", "Alice", "1980-05-06", "F", "R1"));
  clinic.PutPatient(Person("p-cote", "Côté", "Luc", "1971-12-24", "M", "C1"));
  const TemporaryDirectory folder;
  DicomFile image = ImageOf("Roy^Alice", "19800506", "F", "C1");
  const std::string uid = image.StudyUid();
  ASSERT_EQ(0, clinic.Orthanc().Store(Series(std::move(image), 5, folder)).exitCode);
  clinic.Becomes(uid, "review");

  const Json::Value done = Correct(clinic, uid, R"({"PatientID": "R1"})");
  EXPECT_NE(done["orthanc_study_id"], done["previous_orthanc_study_id"]);
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        // 409 as long as Orthanc has images of both.
        const Json::Value study = clinic.Http().Get("/api/v1/studies/" + uid).Json();
        return study["match"]["patient_id"] == "p-roy" && study["number_of_instances"] == 5;
      }))
      << JsonText(clinic.Study(uid));
  const Json::Value statistics = clinic.Http().Get("/statistics").Json();
  EXPECT_EQ(5, statistics["CountInstances"].asInt());
  EXPECT_EQ(1, statistics["CountStudies"].asInt());
}

TEST_F(Corrections, WithinTheSamePatientKeepIdsAndWhatPersonsDecided)
{
  Clinic clinic;
  clinic.PutPatient(Person("p-roy", "Roy", "Alice", "1980-05-06", "F", "R1"));
  clinic.PutPatient(Person("p-cote", "Côté", "Luc", "1971-12-24", "M", "C1"));
  const TemporaryDirectory folder;
  DicomFile image = ImageOf("Roy^Alise", "19800506", "F", "R1");
  const std::string uid = image.StudyUid();
  ASSERT_EQ(0, clinic.Orthanc().Store(Series(std::move(image), 3, folder)).exitCode);
  clinic.Decided(uid);
  Json::Value decision;
  decision["patient_id"] = "p-cote";
  ASSERT_EQ(200, clinic.Http().Post("/api/v1/studies/" + uid + "/match", decision).status);
  const Json::Value before = clinic.Study(uid);

  const Json::Value done = Correct(clinic, uid, R"({"PatientName": "Roy^Alice", "AccessionNumber": "A9"})");
  EXPECT_EQ(done["orthanc_study_id"], done["previous_orthanc_study_id"]);
  EXPECT_TRUE(WaitUntil([&] { return clinic.Study(uid)["accession_number"] == "A9"; }));
  const Json::Value after = clinic.Study(uid);
  EXPECT_EQ("Roy^Alice", after["patient_name"].asString());
  EXPECT_EQ(before["orthanc_study_id"], after["orthanc_study_id"]);
  EXPECT_EQ("p-cote", after["match"]["patient_id"].asString());
  EXPECT_EQ(3, clinic.Http().Get("/statistics").Json()["CountInstances"].asInt());
  const Json::Value found = clinic.Http().Get("/studies/" + after["orthanc_study_id"].asString()).Json();
  EXPECT_EQ("A9", found["MainDicomTags"]["AccessionNumber"].asString());
}

TEST_F(Corrections, ThatAreKilledLoseNoImage)
{
  Clinic clinic;
  const TemporaryDirectory folder;
  DicomFile image = ImageOf("Roy^Alice", "19800506", "F", "R1");
  const std::string uid = image.StudyUid();
  ASSERT_EQ(0, clinic.Orthanc().Store(Series(std::move(image), 60, folder)).exitCode);
  clinic.Decided(uid);
  const HttpAnswer answer = clinic.Http().Call("PUT", "/api/v1/dicom/tags/" + uid,
                                               R"({"tag_modifications": {"StudyDate": "20200101"}})",
                                               {"Content-Type: application/json"});
  ASSERT_EQ(202, answer.status) << answer.body;
  clinic.Orthanc().Kill9();
  clinic.Orthanc().Start();
  const std::string path = "/api/v1/dicom/corrections/" + answer.Json()["id"].asString();
  EXPECT_TRUE(WaitUntil([&] { return clinic.Http().Get(path).Json()["status"] == "completed"; },
                        std::chrono::seconds(60)));
  EXPECT_EQ(60, clinic.Http().Get("/statistics").Json()["CountInstances"].asInt());
  EXPECT_TRUE(WaitUntil([&] { return clinic.Study(uid)["study_date"] == "20200101"; }));
}

// Every real file that this machine has.
TEST(RealFiles, AreStoredOrRefusedWithAReason)
{
  const char* const named = std::getenv("CLINIC_DICOM_FOLDER");
  const fs::path folder = named != nullptr ? named : fs::path(ORTHANC_CLINIC_SOURCE_DIR) / "../shared/dicom";
  if (!fs::exists(folder))
  {
    GTEST_SKIP() << "there are no real files at " << folder << " (CLINIC_DICOM_FOLDER)";
  }
  Clinic clinic;
  int stored = 0;
  int refused = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
  {
    if (!entry.is_regular_file() || entry.path().extension() != ".dcm" ||
        fs::file_size(entry.path()) > (20 << 20))
    {
      continue;
    }
    const HttpAnswer answer =
        Form().File("file", "a.dcm", ReadFile(entry.path())).PostTo(clinic.Http(), "/api/v1/dicom/upload");
    EXPECT_TRUE(answer.status == 200 || answer.status == 400) << entry.path() << answer.status << answer.body;
    if (answer.status != 200)
    {
      refused++;
      std::cout << entry.path().lexically_relative(folder).string() << ": "
                << answer.Json()["detail"].asString() << "\n";
    }
    stored += answer.status == 200 ? 1 : 0;
  }
  EXPECT_GT(stored, 10 * refused);
}
}  // namespace
}  // namespace OrthancClinic::Testing
