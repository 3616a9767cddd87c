// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dental CRM as it calls today, in its own words: X-rays of a lead, by DICOM and by upload.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "Core/Database/Database.h"
#include "Core/Tasks/TaskStore.h"
#include "EndToEnd/Clinic.h"
#include "Support/Form.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;

Json::Value Lead(const std::string& id, const std::string& family, const std::string& given)
{
  Json::Value lead = Person(id, family, given, "1985-01-01", "M", id);
  lead["kind"] = "lead";
  return lead;
}

Json::Value Quiet()
{
  Json::Value configuration;
  configuration["Clinic"]["Studies"]["QuietSeconds"] = 1;
  configuration["Clinic"]["Studies"]["QuietSecondsByModality"] = Json::objectValue;
  return configuration;
}

class Dental : public ::testing::Test
{
protected:
  Dental()
  {
    Json::Value practice = clinic_.Http().Get("/api/v1/practices/default").Json();
    practice["crm_user_id"] = "user-1";
    clinic_.PutPractice(practice);
    clinic_.PutPatient(Lead("cml1", "Tremblay", "Jean-François"));
    clinic_.PutPatient(Lead("cml2", "Nguyen", "Minh"));
  }

  HttpAnswer Get(const std::string& path) const { return clinic_.Http().Get("/api/dental" + path); }

  // An image of the lead's by their PatientID, as the worklist gave it out.
  static DicomFile ImageOfLead(const std::string& lead, const std::string& modality)
  {
    return lead == "cml1" ? ImageOf("TREMBLAY^JEAN-FRANCOIS", "19850101", "M", "cml1", modality)
                          : ImageOf("NGUYEN^MINH", "19850101", "M", "cml2", modality);
  }

  // The lead's X-rays, once there are so many.
  Json::Value XraysOf(const std::string& lead, unsigned count) const
  {
    Json::Value xrays;
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          xrays = Get("/xrays?leadId=" + lead).Json();
          return xrays.size() == count;
        }))
        << JsonText(xrays);
    return xrays;
  }

  Clinic clinic_{OrthancServer::Options{.configuration = Quiet()}};
};

std::map<std::string, std::string> TypesById(const Json::Value& xrays)
{
  std::map<std::string, std::string> types;
  for (const Json::Value& xray : xrays)
  {
    types[xray["id"].asString()] = xray["xrayType"].asString();
  }
  return types;
}

TEST_F(Dental, ImagesOfALeadAreListedAndGoWithTheStudy)
{
  DicomFile image = ImageOfLead("cml1", "IO");
  image.Set("AcquisitionDateTime", "20260208103000").Set("SeriesDescription", "Bitewing left");
  const std::string uid = clinic_.Send(image);

  const Json::Value xray = XraysOf("cml1", 1)[0];
  EXPECT_EQ(image.InstanceUid(), xray["id"].asString());
  EXPECT_EQ("cml1", xray["leadId"].asString());
  EXPECT_EQ("user-1", xray["userId"].asString());
  EXPECT_EQ("BITEWING", xray["xrayType"].asString());
  EXPECT_EQ("2026-02-08T15:30:00.000Z", xray["dateTaken"].asString());
  EXPECT_GT(xray["originalSize"].asInt(), 500);
  EXPECT_EQ("1", Get("/xrays?leadId=cml1").headers.at("x-total-count"));
  EXPECT_EQ(xray["id"], Get("/xrays/" + image.InstanceUid()).Json()["id"]);
  EXPECT_EQ(200, clinic_.Http().Get(xray["dicomFile"].asString()).status);
  for (const char* url : {"imageUrl", "thumbnailUrl", "previewUrl", "fullUrl"})
  {
    const HttpAnswer answer = clinic_.Http().Get(xray[url].asString());
    EXPECT_EQ(200, answer.status) << url << answer.body;
    EXPECT_EQ("image/jpeg", answer.headers.at("content-type"));
    EXPECT_EQ("\xff\xd8", answer.body.substr(0, 2));
    EXPECT_EQ(304, clinic_.Http()
                       .Call("GET", xray[url].asString(), "", {"If-None-Match: " + answer.headers.at("etag")})
                       .status);
    EXPECT_EQ(answer.body, clinic_.Http()
                               .Call("GET", xray[url].asString(), "",
                                     {"If-None-Match: \"of another, " + answer.headers.at("etag").substr(1)})
                               .body);
  }
  EXPECT_EQ("\x89PNG", clinic_.Http().Get(xray["imageUrl"].asString() + "?format=png").body.substr(0, 4));
  EXPECT_GT(Get("/xrays/" + image.InstanceUid()).Json()["compressedSize"].asInt(), 0);

  // A person corrects it; the one list has it and the other not, at once.
  Json::Value body;
  body["patient_id"] = "cml2";
  EXPECT_EQ(200, clinic_.Http().Post("/api/v1/studies/" + uid + "/match", body).status);
  EXPECT_EQ(0u, Get("/xrays?leadId=cml1").Json().size());
  EXPECT_EQ(1u, Get("/xrays?leadId=cml2").Json().size());
  EXPECT_EQ(200, clinic_.Http().Call("POST", "/api/v1/studies/" + uid + "/match/reject").status);
  EXPECT_EQ(0u, Get("/xrays?leadId=cml2").Json().size());
  body["patient_id"] = "cml1";
  EXPECT_EQ(200, clinic_.Http().Post("/api/v1/studies/" + uid + "/match", body).status);

  // The two leads are one person, and then are not.
  body = Json::objectValue;
  body["into"] = "cml2";
  EXPECT_EQ(200, clinic_.Http().Post("/api/v1/patients/cml1/merge", body).status);
  EXPECT_EQ("cml2", Get("/xrays?leadId=cml2").Json()[0]["leadId"].asString());
  EXPECT_EQ(1u, Get("/xrays?leadId=cml1").Json().size()) << "who asks by the old id is answered too";
  EXPECT_EQ(200, clinic_.Http().Call("POST", "/api/v1/patients/cml1/unmerge").status);
  EXPECT_EQ(0u, Get("/xrays?leadId=cml2").Json().size());
  EXPECT_EQ(1u, Get("/xrays?leadId=cml1").Json().size());

  // And it goes with its study.
  const std::string id = clinic_.Study(uid)["orthanc_study_id"].asString();
  EXPECT_EQ(200, clinic_.Http().Delete("/studies/" + id).status);
  XraysOf("cml1", 0);
  EXPECT_EQ(404, Get("/xrays/" + image.InstanceUid()).status);
  EXPECT_EQ(404, Get("/xrays/" + image.InstanceUid() + "/image").status);
}

TEST_F(Dental, EachKindIsOneOfTheTable)
{
  std::map<std::string, std::string> expected;
  for (const auto& [modality, type] : std::map<std::string, std::string>{{"PX", "PANORAMIC"},
                                                                         {"IO", "PERIAPICAL"},
                                                                         {"DX", "PERIAPICAL"},
                                                                         {"XA", "PERIAPICAL"},
                                                                         {"CR", "PERIAPICAL"},
                                                                         {"XC", "BITEWING"}})
  {
    DicomFile image = ImageOfLead("cml1", modality);
    image.Set("SeriesDescription", modality == "PX" ? "Panoramique" : "");
    clinic_.Send(image);
    expected[image.InstanceUid()] = type;
  }
  DicomFile ceph = ImageOfLead("cml1", "PX");
  clinic_.Send(ceph.Set("SeriesDescription", "Ceph lateral"));
  expected[ceph.InstanceUid()] = "CEPHALOMETRIC";

  // A volume is one X-ray, and what is no dental image is none.
  DicomFile slice = ImageOfLead("cml1", "CT");
  for (int i = 0; i < 5; i++)
  {
    slice.Set("SOPInstanceUID", NewUid()).Set("InstanceNumber", std::to_string(i + 1));
    clinic_.Send(slice);
  }
  const std::string volume = slice.Get("SeriesInstanceUID");
  expected[volume] = "CBCT";
  DicomFile chest = ImageOfLead("cml1", "DX");
  const std::string chestStudy = clinic_.Send(chest.Set("BodyPartExamined", "CHEST"));
  const std::string brain = clinic_.Send(ImageOfLead("cml1", "MR"));

  const auto settled = [&](const std::string& uid) { return clinic_.Study(uid)["stable"].asBool(); };
  EXPECT_TRUE(WaitUntil([&] { return settled(slice.StudyUid()) && settled(chestStudy) && settled(brain); }));
  EXPECT_TRUE(WaitUntil([&] { return clinic_.CountTasks("kind=record.xrays") == 0; }));
  const Json::Value xrays = XraysOf("cml1", static_cast<unsigned>(expected.size()));
  EXPECT_EQ(expected, TypesById(xrays));
  EXPECT_EQ(200, Get("/xrays/" + volume + "/image?size=200").status);
  std::vector<std::string> dates;
  for (const Json::Value& xray : xrays)
  {
    dates.push_back(xray["dateTaken"].asString());
  }
  EXPECT_TRUE(std::is_sorted(dates.rbegin(), dates.rend()));
  EXPECT_EQ(2u, Get("/xrays?leadId=cml1&limit=2").Json().size());
}

TEST_F(Dental, OneImageUnderTwoPatientsIsListedForEach)
{
  DicomFile image = ImageOfLead("cml1", "IO");
  clinic_.Send(image);
  XraysOf("cml1", 1);
  image.Set("PatientName", "NGUYEN^MINH").Set("PatientID", "cml2");
  const std::string uid = clinic_.Send(image);

  // The StudyInstanceUID came under two PatientIDs: both go to a person.
  const auto inReview = [&]
  { return clinic_.Http().Get("/api/v1/matches?status=review").Json()["total"].asInt() == 2; };
  EXPECT_TRUE(WaitUntil(inReview));
  EXPECT_TRUE(WaitUntil([&] { return Get("/xrays").Json().size() == 2; }));
  const Json::Value reviews = clinic_.Http().Get("/api/v1/matches?status=review").Json();
  for (const Json::Value& study : reviews["items"])
  {
    Json::Value body;
    body["patient_id"] = study["patient_dicom_id"];
    EXPECT_EQ(200, clinic_.Http()
                       .Post("/api/v1/studies/" + study["orthanc_study_id"].asString() + "/match", body)
                       .status);
  }
  EXPECT_NE(XraysOf("cml1", 1)[0]["id"], XraysOf("cml2", 1)[0]["id"]);

  // The first was the mistake: its image goes, and the other's stays.
  const Json::Value mistaken = clinic_.Http().Get("/api/v1/studies?patient_id=cml1").Json();
  for (const Json::Value& study : mistaken["items"])
  {
    EXPECT_EQ(200, clinic_.Http().Delete("/studies/" + study["orthanc_study_id"].asString()).status);
  }
  XraysOf("cml1", 0);
  XraysOf("cml2", 1);
}

TEST_F(Dental, HealthSaysWhatAnswersAndWhere)
{
  const HttpAnswer answer = Get("/dicom/health");
  ASSERT_EQ(200, answer.status) << answer.body;
  const Json::Value health = answer.Json();
  EXPECT_EQ("healthy", health["status"].asString());
  EXPECT_FALSE(health["message"].asString().empty());
  EXPECT_EQ(clinic_.Orthanc().DicomPort(), health["details"]["dicomPort"].asUInt());
  EXPECT_EQ(clinic_.Orthanc().HttpPort(), health["details"]["httpPort"].asUInt());
  EXPECT_THAT(health["details"]["url"].asString(),
              HasSubstr(":" + std::to_string(clinic_.Orthanc().HttpPort())));
  EXPECT_EQ("1.10.1", health["details"]["version"].asString());
  EXPECT_FALSE(health["details"]["timestamp"].asString().empty());
}

Form XrayForm(const std::string& lead, const std::string& type = "BITEWING")
{
  return Form()
      .Field("leadId", lead)
      .Field("userId", "user-1")
      .Field("xrayType", type)
      .Field("dateTaken", "2026-02-08T10:30:00.000Z");
}

class DentalUpload : public Dental
{
protected:
  DentalUpload() = default;

  std::string Bytes(const DicomFile& image) const { return ReadFile(image.SaveIn(folder_.Path())); }

  // The pictures of an image that Orthanc has: "image/jpeg" is baseline.
  std::string Picture(const std::string& contentType) const
  {
    const std::string uid = clinic_.Send(DicomFile("OT", 64));
    clinic_.Decided(uid);
    const Json::Value found = clinic_.Http().Call("POST", "/tools/lookup", uid).Json();
    const Json::Value instances =
        clinic_.Http().Get("/studies/" + found[0]["ID"].asString() + "/instances").Json();
    return clinic_.Http()
        .Call("GET", "/instances/" + instances[0]["ID"].asString() + "/preview", "",
              {"Accept: " + contentType})
        .body;
  }

  HttpAnswer Post(const Form& form, const std::string& path = "/xrays") const
  {
    return form.PostTo(clinic_.Http(), "/api/dental" + path);
  }

  Json::Value Batch(const std::string& id, const std::string& status) const
  {
    Json::Value batch;
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          batch = Get("/xrays/batch?jobId=" + id).Json();
          return batch["status"] == status;
        },
        std::chrono::seconds(60)))
        << JsonText(batch);
    return batch;
  }

  TemporaryDirectory folder_;
};

TEST_F(DentalUpload, OfDicomKeepsWhatTheUserSays)
{
  DicomFile image = ImageOfLead("cml1", "IO");
  const HttpAnswer answer = Post(XrayForm("cml1")
                                     .Field("teethIncluded", R"(["3", "14", "A"])")
                                     .Field("notes", "Douleur à droite\nsuite")
                                     .Field("clinicId", "clinic-1")
                                     .File("file", "é.dcm", Bytes(image)));
  ASSERT_EQ(201, answer.status) << answer.body;
  const Json::Value xray = answer.Json();
  EXPECT_EQ(image.InstanceUid(), xray["id"].asString());

  EXPECT_TRUE(WaitUntil([&] { return clinic_.Study(image.StudyUid())["stable"].asBool(); }));
  EXPECT_TRUE(WaitUntil([&] { return clinic_.CountTasks("kind=record.xrays") == 0; }));
  for (const Json::Value& one : {xray, Get("/xrays/" + image.InstanceUid()).Json(), XraysOf("cml1", 1)[0]})
  {
    EXPECT_EQ("cml1", one["leadId"].asString());
    EXPECT_EQ("user-1", one["userId"].asString());
    EXPECT_EQ("clinic-1", one["clinicId"].asString());
    EXPECT_EQ("BITEWING", one["xrayType"].asString()) << "the image alone would be PERIAPICAL";
    EXPECT_EQ("2026-02-08T10:30:00.000Z", one["dateTaken"].asString());
    EXPECT_EQ(3u, one["teethIncluded"].size());
    EXPECT_EQ("Douleur à droite\nsuite", one["notes"].asString());
  }
  EXPECT_EQ(1u, Get("/xrays?leadId=cml1&clinicId=clinic-1").Json().size());
  EXPECT_EQ(0u, Get("/xrays?leadId=cml1&clinicId=clinic-2").Json().size());
  clinic_.Becomes(image.StudyUid(), "matched", "cml1");

  EXPECT_EQ(201, Post(XrayForm("cml1").File("file", "again.dcm", Bytes(image))).status) << "sent again";
  EXPECT_EQ("Douleur à droite\nsuite", XraysOf("cml1", 1)[0]["notes"].asString());
  EXPECT_EQ("clinic-1", XraysOf("cml1", 1)[0]["clinicId"].asString());
  EXPECT_EQ(409, Post(XrayForm("cml2").File("file", "x.dcm", Bytes(image))).status)
      << "it is the other lead's already";
}

TEST_F(DentalUpload, KeepsWhatTheUserSaysWhenTheStudyIsCorrected)
{
  DicomFile image = ImageOfLead("cml1", "IO");
  ASSERT_EQ(201, Post(XrayForm("cml1").Field("notes", "Douleur").File("file", "x.dcm", Bytes(image))).status);
  clinic_.Becomes(image.StudyUid(), "matched", "cml1");
  for (const char* changes :
       {R"({"AccessionNumber": "A-1"})", R"({"PatientID": "cml2", "PatientName": "NGUYEN^MINH"})"})
  {
    const HttpAnswer answer = clinic_.Http().Call("PUT", "/api/v1/dicom/tags/" + image.StudyUid(),
                                                  std::string(R"({"tag_modifications": )") + changes + "}",
                                                  {"Content-Type: application/json"});
    ASSERT_EQ(202, answer.status) << answer.body;
    EXPECT_TRUE(WaitUntil([&] { return clinic_.CountTasks("kind=correct.study") == 0; }));
    EXPECT_TRUE(WaitUntil([&] { return clinic_.CountTasks("kind=forget.study") == 0; }));
    // What is missing is looked for once more ten seconds later, counted from when the study last changed.
    EXPECT_TRUE(
        WaitUntil([&] { return clinic_.CountTasks("kind=record.xrays") == 0; }, std::chrono::seconds(60)));
    const Json::Value xrays = Get("/xrays").Json();
    ASSERT_EQ(1u, xrays.size());
    EXPECT_EQ("Douleur", xrays[0]["notes"].asString());
    EXPECT_EQ("BITEWING", xrays[0]["xrayType"].asString());
    EXPECT_EQ(image.InstanceUid(), xrays[0]["id"].asString());
    EXPECT_TRUE(WaitUntil(
        [&] { return clinic_.Http().Get(Get("/xrays").Json()[0]["imageUrl"].asString()).status == 200; }));
  }
}

TEST_F(DentalUpload, OfAJpegOrPngIsWrappedAndShown)
{
  for (const auto& [contentType, syntax] : std::map<std::string, std::string>{
           {"image/jpeg", "1.2.840.10008.1.2.4.50"}, {"image/png", "1.2.840.10008.1.2.1"}})
  {
    const HttpAnswer answer =
        Post(XrayForm("cml1", "PANORAMIC").File("file", "pano.jpg", Picture(contentType)));
    ASSERT_EQ(201, answer.status) << answer.body;
    const Json::Value xray = answer.Json();
    EXPECT_EQ("PANORAMIC", xray["xrayType"].asString());
    const HttpAnswer image = clinic_.Http().Get(xray["imageUrl"].asString());
    EXPECT_EQ(200, image.status) << image.body;
    EXPECT_EQ("\xff\xd8", image.body.substr(0, 2));
    std::string instance = xray["dicomFile"].asString();
    instance.erase(instance.rfind("/file"));
    EXPECT_EQ(syntax, clinic_.Http().Get(instance + "/metadata/TransferSyntax").body);
    const Json::Value tags = clinic_.Http().Get(instance + "/simplified-tags").Json();
    EXPECT_EQ("PX", tags["Modality"].asString());
    EXPECT_EQ("cml1", tags["PatientID"].asString());
    EXPECT_EQ("Tremblay^Jean-François", tags["PatientName"].asString());
    EXPECT_EQ("20260208", tags["StudyDate"].asString());
    EXPECT_EQ("053000", tags["StudyTime"].asString().substr(0, 6)) << "the practice's local time";
    clinic_.Becomes(tags["StudyInstanceUID"].asString(), "matched", "cml1");
  }
  EXPECT_EQ(2u, XraysOf("cml1", 2).size());
  // A progressive JPEG, as this server gives it.
  const std::string progressive = clinic_.Http().Get(XraysOf("cml1", 2)[0]["imageUrl"].asString()).body;
  EXPECT_EQ(201, Post(XrayForm("cml2", "PERIAPICAL").File("file", "p.jpg", progressive)).status);
  EXPECT_EQ(200, clinic_.Http().Get(XraysOf("cml2", 1)[0]["thumbnailUrl"].asString()).status);
}

TEST_F(DentalUpload, SaysWhatIsWrong)
{
  const std::string image = Bytes(ImageOfLead("cml1", "IO"));
  const auto expect = [&](const Form& form, int status, const std::string& code)
  {
    const HttpAnswer answer = Post(form);
    ASSERT_EQ(status, answer.status) << answer.body;
    const Json::Value body = answer.Json();
    EXPECT_EQ(code, body["code"].asString()) << answer.body;
    EXPECT_EQ(body["message"], body["error"]);
    EXPECT_FALSE(body["message"].asString().empty());
  };
  expect(XrayForm("nobody").File("file", "x.dcm", image), 404, "NOT_FOUND");
  expect(Form()
             .Field("leadId", "cml1")
             .Field("userId", "user-2")
             .Field("xrayType", "BITEWING")
             .Field("dateTaken", "2026-02-08")
             .File("file", "x.dcm", image),
         403, "FORBIDDEN");
  expect(XrayForm("cml1").File("file", "x.dcm", "this is no DICOM"), 400, "BAD_REQUEST");
  expect(XrayForm("cml1").File("file", "x.dcm", image.substr(0, image.size() / 2)), 400, "BAD_REQUEST");
  expect(XrayForm("cml1").File("file", "x.jpg", Picture("image/jpeg").substr(0, 300)), 400, "BAD_REQUEST");
  expect(XrayForm("cml1").File("file", "a.dcm", image).File("file", "b.dcm", image), 400, "BAD_REQUEST");
  expect(XrayForm("cml1"), 422, "VALIDATION_ERROR");
  expect(XrayForm("cml1", "PHOTO").File("file", "x.dcm", image), 422, "VALIDATION_ERROR");
  expect(XrayForm("cml1").Field("teethIncluded", R"(["33"])").File("file", "x.dcm", image), 422,
         "VALIDATION_ERROR");
  expect(XrayForm("cml1").Field("teethIncluded", "3,4").File("file", "x.dcm", image), 422,
         "VALIDATION_ERROR");
  expect(Form().Field("leadId", "cml1").Field("userId", "user-1").File("file", "x.dcm", image), 422,
         "VALIDATION_ERROR");
  EXPECT_EQ(0u, Get("/xrays?leadId=cml1").Json().size());
}

TEST_F(DentalUpload, OfABatchAnswersForEachFile)
{
  Form form = XrayForm("cml1");
  DicomFile image = ImageOfLead("cml1", "IO");
  for (int i = 0; i < 5; i++)
  {
    form.File("files", std::to_string(i) + ".dcm", Bytes(image.NextInstance()));
  }
  form.File("files", "bad.dcm", "this is no DICOM").File("files", "p.jpg", Picture("image/jpeg"));
  const HttpAnswer begun = Post(form, "/xrays/batch");
  ASSERT_EQ(202, begun.status) << begun.body;
  EXPECT_TRUE(begun.Json()["success"].asBool());
  EXPECT_FALSE(begun.Json()["message"].asString().empty());
  const std::string id = begun.Json()["jobId"].asString();

  const Json::Value batch = Batch(id, "completed");
  EXPECT_EQ(id, batch["id"].asString());
  EXPECT_EQ(100, batch["progress"].asInt());
  EXPECT_FALSE(batch["createdAt"].asString().empty());
  EXPECT_FALSE(batch["completedAt"].asString().empty());
  ASSERT_EQ(7u, batch["results"].size());
  for (const Json::Value& result : batch["results"])
  {
    const bool isBad = result["filename"] == "bad.dcm";
    EXPECT_EQ(!isBad, result["success"].asBool()) << JsonText(result);
    EXPECT_EQ(isBad, result.isMember("error"));
    if (!isBad)
    {
      EXPECT_EQ(200, Get("/xrays/" + result["xrayId"].asString()).status) << JsonText(result);
    }
  }
  const Json::Value xrays = XraysOf("cml1", 6);
  for (const Json::Value& xray : xrays)
  {
    EXPECT_EQ("BITEWING", xray["xrayType"].asString());
  }
  EXPECT_EQ(404, Get("/xrays/batch?jobId=no-such").status);
  EXPECT_EQ(400, Get("/xrays/batch").status);
}

TEST_F(DentalUpload, OfABatchSurvivesARestart)
{
  constexpr int FILES = 60;
  Form form = XrayForm("cml1");
  DicomFile image = ImageOfLead("cml1", "IO");
  for (int i = 0; i < FILES; i++)
  {
    form.File("files", std::to_string(i) + ".dcm", Bytes(image.NextInstance()));
  }
  const HttpAnswer begun = Post(form, "/xrays/batch");
  ASSERT_EQ(202, begun.status) << begun.body;
  clinic_.Orthanc().Kill9();
  clinic_.Orthanc().Start();

  const Json::Value batch = Batch(begun.Json()["jobId"].asString(), "completed");
  EXPECT_EQ(static_cast<unsigned>(FILES), batch["results"].size());
  for (const Json::Value& result : batch["results"])
  {
    EXPECT_TRUE(result["success"].asBool()) << JsonText(result);
  }
  XraysOf("cml1", FILES);
  EXPECT_EQ(0, clinic_.CountTasks("state=dead"));
}

TEST_F(DentalUpload, IsAnalysedWhenTheCrmAsks)
{
  const DicomFile image = ImageOfLead("cml1", "IO");
  ASSERT_EQ(201, Post(XrayForm("cml1").File("file", "x.dcm", Bytes(image))).status);
  const std::string id = XraysOf("cml1", 1)[0]["id"].asString();
  clinic_.Decided(image.StudyUid());  // until its study is recorded, it cannot be analysed
  const HttpAnswer answer = clinic_.Http().Call("POST", "/api/dental/xrays/" + id + "/analyze");
  ASSERT_EQ(200, answer.status) << answer.body;
  EXPECT_TRUE(answer.Json()["success"].asBool());
  EXPECT_FALSE(answer.Json()["analysis"]["findings"].empty());
  const Json::Value xray = XraysOf("cml1", 1)[0];
  EXPECT_EQ(answer.Json()["analysis"]["model"], xray["aiModel"]);
  EXPECT_FALSE(xray["aiAnalysis"].isNull());
  EXPECT_EQ(404, clinic_.Http().Call("POST", "/api/dental/xrays/1.2.3/analyze").status);
}

TEST_F(DentalUpload, AndEveryStepIsMeasured)
{
  const DicomFile sent = ImageOfLead("cml1", "IO");
  ASSERT_EQ(201, Post(XrayForm("cml1").File("file", "x.dcm", Bytes(sent))).status);
  EXPECT_EQ(400, Post(XrayForm("cml1").File("file", "x.dcm", "no DICOM")).status);
  EXPECT_EQ(200, clinic_.Http().Get(XraysOf("cml1", 1)[0]["imageUrl"].asString()).status);
  clinic_.Http().Get(XraysOf("cml1", 1)[0]["imageUrl"].asString());
  EXPECT_TRUE(WaitUntil([&] { return clinic_.Study(sent.StudyUid())["stable"].asBool(); }));
  clinic_.Becomes(sent.StudyUid(), "matched", "cml1");
  EXPECT_TRUE(WaitUntil([&] { return clinic_.CountTasks("kind=record.xrays") == 0; }));
  clinic_.Orthanc().Restart();  // writes what was measured

  const Json::Value upload = Get("/xrays/performance?operation=upload.xray").Json();
  EXPECT_EQ("upload.xray", upload["operation"].asString());
  EXPECT_EQ(2, upload["stats"]["count"].asInt());
  EXPECT_DOUBLE_EQ(50, upload["stats"]["successRate"].asDouble());
  EXPECT_GT(upload["stats"]["maxDuration"].asDouble(), 0);
  EXPECT_GE(upload["stats"]["maxDuration"].asDouble(), upload["stats"]["p95"].asDouble());
  EXPECT_GE(upload["stats"]["p99"].asDouble(), upload["stats"]["p50"].asDouble());
  EXPECT_GE(upload["stats"]["avgDuration"].asDouble(), upload["stats"]["minDuration"].asDouble());
  EXPECT_FALSE(upload["metrics"].empty());
  EXPECT_GE(Get("/xrays/performance?operation=match").Json()["stats"]["count"].asInt(), 1);
  EXPECT_EQ(0, Get("/xrays/performance?operation=nothing").Json()["stats"]["count"].asInt());
  EXPECT_TRUE(Get("/xrays/performance").Json()["operation"].isNull());

  const Json::Value all = clinic_.Http().Get("/api/v1/performance").Json();
  std::map<std::string, Json::Value> steps;
  for (const Json::Value& step : all["steps"])
  {
    steps[step["operation"].asString()] = step;
  }
  for (const char* step : {"match.study", "record.xrays", "settle.study", "preview", "upload.xray"})
  {
    EXPECT_GE(steps[step]["count"].asInt(), 1) << step;
  }
  EXPECT_EQ(2, steps["preview"]["count"].asInt());
  EXPECT_EQ(1, steps["upload.xray"]["refused"].asInt());
  EXPECT_EQ(0, all["retries"]["given_up"].asInt());
  EXPECT_EQ(1, all["storage"]["instances"].asInt());
  EXPECT_GT(all["storage"]["disk_bytes"].asInt(), 0);
  EXPECT_TRUE(all["preview_cache"].isMember("hit_rate"));
  EXPECT_EQ(0, all["tasks"]["dead"].asInt());
  EXPECT_EQ(
      422,
      clinic_.Http().Get("/api/v1/performance?from=2026-02-08T10:00:00Z&to=2026-02-08T09:00:00Z").status);
}

// Orthanc and the rest of the bundle had the images before the plugin came.
TEST(DentalArchive, OfTheTimeBeforeThePluginIsListedToo)
{
  Clinic clinic(OrthancServer::Options{.configuration = Quiet()});
  const std::string uid = clinic.Send(ImageOf("NGUYEN^MINH", "19850101", "M", "cml2", "IO"));
  clinic.Becomes(uid, "unmatched");
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=record.xrays-of-archive") == 0; }));
  EXPECT_TRUE(WaitUntil([&] { return clinic.Study(uid)["stable"].asBool(); }));
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=record.xrays") == 0; }));
  EXPECT_EQ(0, clinic.Orthanc().Stop());

  // As the plugin's first start leaves it.
  {
    Database database((clinic.Orthanc().Directory() / "storage/orthanc-clinic.db").string());
    Transaction transaction(database);
    transaction.Sql([](soci::session& sql) { sql << "DELETE FROM xrays"; });
    TaskStore(transaction).Enqueue("record.xrays-of-archive", "all");
    transaction.Commit();
  }
  clinic.Orthanc().Start();
  EXPECT_TRUE(WaitUntil([&] { return clinic.Http().Get("/api/dental/xrays").Json().size() == 1; }));
}
}  // namespace
}  // namespace OrthancClinic::Testing
