// SPDX-License-Identifier: GPL-3.0-or-later
//
// The archive as people and systems read it: lists, series, downloads, pictures; and which of the real files
// that lie in a folder this Orthanc can show.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "EndToEnd/GuardedClinic.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* DICOM = "/api/v1/dicom/";

// One clinic for all tests of the suite, which only read: in the north a CT of five slices with a report, a
// PDF, and one of the twins; in the south the other twin.
class Studies : public ::testing::Test
{
protected:
  static void SetUpTestSuite()
  {
    clinic_ = std::make_unique<GuardedClinic>();
    clinic_->MakePractice("north", "CT-NORTH");
    clinic_->MakePractice("south", "CT-SOUTH");
    Json::Value anne = Person("anne", "Roy", "Anne", "1985-01-01", "F", "4711");
    anne["practice_id"] = "north";
    anne["identifiers"][0]["type"] = "mrn";
    clinic_->PutPatient(anne);
    clinic_->MakeUser("nora", Roles("radiologist", "north"));
    clinic_->MakeUser("sam", Roles("radiologist", "south"));
    nora_ = clinic_->SignIn("nora");
    sam_ = clinic_->SignIn("sam");

    DicomFile slice("CT", 300);
    slice.Set("PatientName", "ROY^ANNE").Set("PatientID", "4711").Set("PatientBirthDate", "19850101");
    slice.Set("PatientSex", "F").Set("StudyDate", "20260208").Set("StudyDescription", "CT crâne");
    slice.Set("AccessionNumber", "ACC-7").Set("ReferringPhysicianName", "DUPUIS^LUC");
    slice.Set("SeriesNumber", "2").Set("RescaleIntercept", "-1024").Set("RescaleSlope", "1");
    ct_ = slice.StudyUid();
    ctSeries_ = slice.Get("SeriesInstanceUID");
    TemporaryDirectory folder;
    for (int i = 0; i < 5; i++)
    {
      middle_ = i == 2 ? slice.InstanceUid() : middle_;
      slice.SaveIn(folder.Path());
      slice.NextInstance();
    }
    slice.Set("Modality", "SR").Set("SeriesInstanceUID", NewUid()).Set("SeriesNumber", "9");
    slice.Set("SOPClassUID", "1.2.840.10008.5.1.4.1.1.88.11").Remove("PixelData").Remove("Rows");
    slice.SaveIn(folder.Path());
    EXPECT_EQ(0, clinic_->Orthanc().Store({folder.Path()}, "CT-NORTH").exitCode);
    // One after the other: studies that are read from Orthanc together are received at once, in any order.
    clinic_->Becomes(ct_, "matched", "anne");

    DicomFile report("OT");
    report.Set("PatientName", "ROY^ANNE").Set("PatientID", "4711").Set("PatientBirthDate", "19850101");
    report.Set("PatientSex", "F").Set("SOPClassUID", "1.2.840.10008.5.1.4.1.1.104.1");
    report.Remove("PixelData").Remove("Rows").Remove("Columns");
    pdf_ = clinic_->Send(report, "CT-NORTH");
    clinic_->Becomes(pdf_, "matched", "anne");

    DicomFile twin("CT");
    twin.Set("PatientName", "TWIN^ONE").Set("PatientID", "T1").Set("PatientBirthDate", "19700101");
    twin_ = clinic_->Send(twin, "CT-NORTH");
    twin.Set("PatientName", "TWIN^TWO").Set("PatientID", "T2").NextInstance();
    clinic_->Send(twin, "CT-SOUTH");
    EXPECT_TRUE(WaitUntil(
        []
        {
          return clinic_->Study(ct_)["number_of_instances"].asInt() == 6 &&
                 Array(nora_, "studies").size() == 3 && Array(sam_, "studies").size() == 1;
        }));
  }
  static void TearDownTestSuite() { clinic_.reset(); }

  static HttpAnswer As(const std::string& who, const std::string& path,
                       const std::vector<std::string>& headers = {})
  {
    return clinic_->As(who, "GET", path, "", headers);
  }
  static HttpAnswer Get(const std::string& path, const std::vector<std::string>& headers = {})
  {
    return As(nora_, path.starts_with('/') ? path : DICOM + path, headers);
  }
  static Json::Value Array(const std::string& who, const std::string& path)
  {
    const HttpAnswer answer = As(who, DICOM + path);
    return answer.status == 200 ? answer.Json() : Json::Value(Json::arrayValue);
  }
  static std::vector<std::string> Uids(const std::string& path)
  {
    const HttpAnswer answer = Get(path);
    EXPECT_EQ(200, answer.status) << path << answer.body;
    std::vector<std::string> uids;
    for (const Json::Value& study : answer.Json())
    {
      uids.push_back(study["study_instance_uid"].asString());
    }
    return uids;
  }

  static inline std::unique_ptr<GuardedClinic> clinic_;
  static inline std::string nora_, sam_, ct_, ctSeries_, middle_, pdf_, twin_;
};
}  // namespace

TEST_F(Studies, AreListedAsTheEhrKnowsThem)
{
  const HttpAnswer answer = Get("studies?skip=0&limit=100&modality=SR");
  ASSERT_EQ(200, answer.status) << answer.body;
  EXPECT_EQ("1", answer.headers.at("x-total-count"));
  const Json::Value study = answer.Json()[0];
  EXPECT_EQ(ct_, study["study_instance_uid"].asString());
  EXPECT_EQ("4711", study["patient_dicom_id"].asString());
  EXPECT_EQ("ROY^ANNE", study["patient_name"].asString());
  EXPECT_EQ("20260208", study["study_date"].asString());
  EXPECT_EQ("CT crâne", study["study_description"].asString());
  EXPECT_EQ("ACC-7", study["accession_number"].asString());
  EXPECT_EQ("CT", study["modality"].asString());
  EXPECT_EQ("DUPUIS^LUC", study["referring_physician"].asString());
  EXPECT_EQ(2, study["number_of_series"].asInt());
  EXPECT_EQ(6, study["number_of_instances"].asInt());
  EXPECT_TRUE(study.isMember("study_time") && study.isMember("orthanc_study_id"));
  EXPECT_EQ(study, Get("studies/" + ct_).Json());
}

TEST_F(Studies, AreFilteredPagedAndSorted)
{
  EXPECT_EQ(3U, Uids("studies").size());
  const HttpAnswer page = Get("studies?skip=1&limit=1&sort=received_at");
  EXPECT_EQ("3", page.headers.at("x-total-count"));
  EXPECT_EQ(pdf_, page.Json()[0]["study_instance_uid"].asString());
  EXPECT_THAT(Uids("studies?q=crane%20anne"), ElementsAre(ct_));
  EXPECT_THAT(Uids("studies?q=crane%20luce"), ElementsAre());
  EXPECT_THAT(Uids("studies?study_date_from=20260208&study_date_to=20260208"), ElementsAre(ct_));
  EXPECT_THAT(Uids("studies?status=matched&sort=-received_at"), ElementsAre(pdf_, ct_));
  EXPECT_THAT(Uids("studies?accession_number=ACC-7&practice=north"), ElementsAre(ct_));
  EXPECT_EQ(400, Get("studies?sort=nothing").status);
  EXPECT_EQ(400, Get("studies?limit=0").status);
  EXPECT_EQ(400, Get("studies?skip=-1").status);
  EXPECT_EQ(403, Get("studies?practice=south").status);
  const Json::Value core = Get("/api/v1/studies?q=crane&sort=patient_name").Json();
  EXPECT_EQ(1, core["total"].asInt());
}

TEST_F(Studies, AreFoundByPatientAccessionAndOrder)
{
  EXPECT_THAT(Uids("studies/patient/anne"), ElementsAre(pdf_, ct_));
  EXPECT_THAT(Uids("studies/patient/4711?limit=1"), ElementsAre(pdf_)) << "by MRN";
  EXPECT_EQ(404, Get("studies/patient/T1").status) << "an id of DICOM is nobody's of the directory";
  EXPECT_EQ(ct_, Get("studies/accession/ACC-7").Json()["study_instance_uid"].asString());
  EXPECT_EQ(404, Get("studies/accession/ACC-8").status);
  EXPECT_EQ(404, Get("studies/order/none").status);

  Json::Value order;
  order["patient_id"] = "anne";
  order["modality_id"] = "CT";
  order["clinical_indication"] = "headache";
  const HttpAnswer made = clinic_->Http().Post("/api/v1/orders", order);
  ASSERT_EQ(201, made.status) << made.body;
  const std::string id = made.Json()["id"].asString();
  Json::Value link;
  link["order_id"] = id;
  ASSERT_LT(clinic_->Http().Post("/api/v1/studies/" + ct_ + "/orders", link).status, 300);
  EXPECT_THAT(Uids("studies/order/" + id), ElementsAre(ct_));
  EXPECT_EQ(404, As(sam_, DICOM + ("studies/order/" + id)).status);
}

TEST_F(Studies, ShowTheirSeriesAndInstances)
{
  const Json::Value series = Get("studies/" + ct_ + "/series").Json();
  ASSERT_EQ(2U, series.size());
  EXPECT_EQ("CT", series[0]["modality"].asString());
  EXPECT_EQ(5, series[0]["number_of_instances"].asInt());
  EXPECT_EQ("SR", series[1]["modality"].asString());
  const Json::Value instances = Get("studies/" + ct_ + "/series/" + ctSeries_ + "/instances").Json();
  ASSERT_EQ(5U, instances.size());
  EXPECT_EQ(middle_, instances[2]["sop_instance_uid"].asString());
  EXPECT_EQ(200, Get(instances[2]["preview_url"].asString()).status);
  EXPECT_EQ(404, Get("studies/" + ct_ + "/series/1.2.3/instances").status);
}

TEST_F(Studies, OfAnotherPracticeDoNotExist)
{
  for (const std::string& path :
       {std::string(DICOM) + "studies/" + ct_, std::string(DICOM) + "studies/accession/ACC-7",
        std::string(DICOM) + "studies/patient/anne", std::string(DICOM) + "studies/" + ct_ + "/series",
        std::string(DICOM) + "studies/" + ct_ + "/series/" + ctSeries_ + "/instances",
        std::string(DICOM) + "studies/" + ct_ + "/thumbnail", std::string(DICOM) + "thumbnail/" + ct_,
        std::string(DICOM) + "download/" + ct_, "/api/v1/studies/" + ct_ + "/preview",
        "/api/v1/instances/" + middle_ + "/preview", "/api/v1/instances/" + middle_ + "/file"})
  {
    EXPECT_EQ(404, As(sam_, path).status) << path;
    EXPECT_EQ(401, As("", path).status) << path;
    EXPECT_EQ(200, As(nora_, path).status) << path;
  }
  EXPECT_GE(2, As(sam_, std::string(DICOM) + "statistics").Json()["count_studies"].asInt());
  EXPECT_EQ(3, Get("statistics").Json()["count_studies"].asInt());
}

TEST_F(Studies, OfOneUidAreToldApartByTheirPractice)
{
  const Json::Value mine = Get("studies/" + twin_).Json();
  const Json::Value theirs = As(sam_, DICOM + ("studies/" + twin_)).Json();
  EXPECT_EQ("T1", mine["patient_dicom_id"].asString());
  EXPECT_EQ("T2", theirs["patient_dicom_id"].asString());
  EXPECT_EQ(200, Get("studies/" + twin_ + "/thumbnail").status);
  const HttpAnswer both = clinic_->Http().Get(DICOM + ("studies/" + twin_));
  EXPECT_EQ(409, both.status);
  EXPECT_THAT(both.body, HasSubstr(mine["orthanc_study_id"].asString()));
  EXPECT_EQ(200, clinic_->Http().Get(DICOM + ("studies/" + mine["orthanc_study_id"].asString())).status);
}

TEST_F(Studies, AreDownloadedUnderANameThatSaysNothing)
{
  const HttpAnswer zip = Get("download/" + ct_);
  ASSERT_EQ(200, zip.status);
  EXPECT_THAT(zip.body, StartsWith("PK"));
  EXPECT_EQ("application/zip", zip.headers.at("content-type"));
  EXPECT_THAT(zip.headers.at("content-disposition"),
              ::testing::MatchesRegex("attachment; "
                                      "filename=\"study-[0-9a-f]{8}.zip\""));
  const HttpAnswer file = Get("/api/v1/instances/" + middle_ + "/file");
  ASSERT_EQ(200, file.status);
  EXPECT_EQ("DICM", file.body.substr(128, 4));
  EXPECT_EQ(404, Get("download/1.2.3").status);
  EXPECT_EQ(404, Get("/api/v1/instances/1.2.3/file").status);
  EXPECT_EQ(404, Get("/api/v1/instances/00000000-00000000-00000000-00000000-00000000/file").status);
  const HttpAnswer audit = clinic_->Http().Get("/api/v1/audit?study_instance_uid=" + ct_);
  EXPECT_THAT(audit.body, HasSubstr("image.download"));
}

// 70 MB of pixels: more than is answered from memory.
TEST_F(Studies, ThatAreLargeAreStreamedByOrthancItself)
{
  DicomFile large("DX", 6'000);
  large.Set("PatientName", "LARGE^ONE").Set("PatientID", "L1").Set("PatientBirthDate", "19600101");
  const std::string uid = clinic_->Send(large, "CT-SOUTH");
  ASSERT_TRUE(WaitUntil([&] { return As(sam_, DICOM + ("studies/" + uid)).status == 200; }));
  const HttpAnswer sent = As(sam_, DICOM + ("download/" + uid));
  EXPECT_EQ(307, sent.status);
  const std::string location = sent.headers.at("location");
  EXPECT_THAT(location, ::testing::MatchesRegex("/studies/[0-9a-f-]{44}/archive"));
  EXPECT_EQ(403, As(nora_, location).status);
  const HttpAnswer zip = As(sam_, location);
  EXPECT_EQ(200, zip.status);
  EXPECT_THAT(zip.body, StartsWith("PK"));
  // And it can be looked at.
  const HttpAnswer preview = As(sam_, "/api/v1/studies/" + uid + "/preview?size=2048");
  EXPECT_EQ(200, preview.status);
  EXPECT_LT(preview.body.size(), 2'100'000U);
}

TEST_F(Studies, HaveThumbnailsAndPreviewsWithValidators)
{
  const HttpAnswer thumbnail = Get("studies/" + ct_ + "/thumbnail");
  ASSERT_EQ(200, thumbnail.status) << thumbnail.body;
  EXPECT_EQ("image/png", thumbnail.headers.at("content-type"));
  EXPECT_THAT(thumbnail.body, StartsWith("\x89PNG"));
  EXPECT_EQ(thumbnail.body, Get("thumbnail/" + ct_).body);

  const std::string path = "/api/v1/studies/" + ct_ + "/preview?preset=brain";
  const HttpAnswer preview = Get(path);
  ASSERT_EQ(200, preview.status) << preview.body;
  EXPECT_EQ("image/jpeg", preview.headers.at("content-type"));
  EXPECT_NE(std::string::npos, preview.body.find("\xff\xc2")) << "progressive";
  EXPECT_THAT(preview.headers.at("cache-control"), HasSubstr("private"));
  const std::string tag = preview.headers.at("etag");
  EXPECT_THAT(tag, Not(StartsWith("W/")));
  const HttpAnswer known = Get(path, {"If-None-Match: " + tag});
  EXPECT_EQ(304, known.status);
  EXPECT_TRUE(known.body.empty());
  EXPECT_NE(tag, Get("/api/v1/studies/" + ct_ + "/preview?preset=bone").headers.at("etag"));
  EXPECT_EQ(preview.body, Get("/api/v1/instances/" + middle_ + "/preview?center=40&width=80").body)
      << "the middle slice stands for the study";

  EXPECT_EQ(400, Get("/api/v1/studies/" + ct_ + "/preview?size=4096").status);
  EXPECT_EQ(400, Get("/api/v1/studies/" + ct_ + "/preview?preset=skin").status);
  EXPECT_EQ(400, Get("/api/v1/studies/" + ct_ + "/preview?center=40").status);
  EXPECT_EQ(422, Get("/api/v1/studies/" + ct_ + "/preview?frame=2").status);
  const HttpAnswer metrics = clinic_->Http().Get("/api/v1/metrics");
  EXPECT_THAT(metrics.body, HasSubstr("orthanc_clinic_preview_cache_hits_total"));
}

TEST_F(Studies, WithoutAnImageHaveNoPictureButAReason)
{
  for (const std::string& path :
       {DICOM + ("studies/" + pdf_ + "/thumbnail"), "/api/v1/studies/" + pdf_ + "/preview"})
  {
    const HttpAnswer answer = Get(path);
    EXPECT_EQ(422, answer.status) << answer.body;
    EXPECT_THAT(answer.headers.at("content-type"), HasSubstr("problem+json"));
    EXPECT_THAT(answer.body, HasSubstr("no image"));
  }
  EXPECT_EQ(200, Get("download/" + pdf_).status) << "it can be fetched none the less";
}

TEST_F(Studies, TellHowOrthancIs)
{
  const Json::Value health = Get("health").Json();
  EXPECT_EQ("healthy", health["status"].asString());
  EXPECT_FALSE(health["orthanc_version"].asString().empty());
  EXPECT_TRUE(health["api_version"].isIntegral() && health["database_version"].isIntegral());
  const Json::Value everything = clinic_->Http().Get(std::string(DICOM) + "statistics").Json();
  EXPECT_GE(everything["count_instances"].asInt(), 9);
  EXPECT_GT(everything["total_disk_size"].asInt64(), 0);
}

// Real files, of every transfer syntax and character set: each gets a picture, or an answer that says why
// not; none ends Orthanc.
TEST(RealImages, AreShownOrItIsSaidWhyNot)
{
  const char* const named = std::getenv("CLINIC_DICOM_FOLDER");
  const std::filesystem::path folder =
      named != nullptr ? named : std::filesystem::path(ORTHANC_CLINIC_SOURCE_DIR) / "../shared/dicom";
  if (!std::filesystem::is_directory(folder))
  {
    GTEST_SKIP() << "there are no real files at " << folder << " (CLINIC_DICOM_FOLDER)";
  }
  const Clinic clinic;
  int shown = 0;
  std::map<std::string, int> reasons;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder))
  {
    if (!file.is_regular_file() || file.path().extension() == ".md")
    {
      continue;
    }
    const std::string name = std::filesystem::relative(file.path(), folder).string();
    const HttpAnswer stored = clinic.Http().Call("POST", "/instances", ReadFile(file.path()));
    if (stored.status != 200)
    {
      std::cout << name << ": Orthanc does not store it\n";
      continue;
    }
    const std::string id = stored.Json()["ID"].asString();
    ASSERT_TRUE(WaitUntil(
        [&] {
          return clinic.Http().Get("/api/v1/studies/" + stored.Json()["ParentStudy"].asString()).status ==
                 200;
        }))
        << name;
    const HttpAnswer picture = clinic.Http().Get("/api/v1/instances/" + id + "/preview?size=200");
    if (picture.status == 200)
    {
      shown++;
      EXPECT_THAT(picture.body, StartsWith("\xff\xd8")) << name;
      continue;
    }
    EXPECT_EQ(422, picture.status) << name << ": " << picture.body;
    const Json::Value errors = picture.Json()["errors"];
    const std::string reason = errors.empty() ? "" : errors[0]["message"].asString();
    EXPECT_FALSE(reason.empty()) << name;
    reasons[reason]++;
    std::cout << name << ": " << reason << "\n";
  }
  std::cout << shown << " files are shown\n";
  EXPECT_GT(shown, 0);
  EXPECT_EQ(200, clinic.Http().Get("/system").status);
}
}  // namespace OrthancClinic::Testing
