// SPDX-License-Identifier: GPL-3.0-or-later
//
// Studies that are analysed: by what is built in, and by services on the network that are as strict as the
// real ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "EndToEnd/Clinic.h"
#include "Support/HttpServer.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;
using ::testing::Not;

Json::Value Configuration(const std::string& analysis)
{
  Json::Value configuration;
  configuration["Clinic"]["Analysis"] = ParseJsonText(analysis);
  configuration["Clinic"]["Studies"]["QuietSeconds"] = 1;
  configuration["Clinic"]["Studies"]["QuietSecondsByModality"] = Json::objectValue;
  return configuration;
}

OrthancServer::Options WithUser(Json::Value configuration)
{
  OrthancServer::Options options;
  options.user = "lise";
  options.password = "secret-of-lise";
  options.configuration = std::move(configuration);
  return options;
}

Json::Value WaitFor(const Clinic& clinic, const std::string& id, const std::string& status)
{
  Json::Value analysis;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        analysis = clinic.Http().Get("/api/v1/analyses/" + id).Json();
        return analysis["status"] == status;
      }))
      << JsonText(analysis);
  return analysis;
}

// The only analysis of the study, once it is there.
Json::Value OnlyAnalysis(const Clinic& clinic, const std::string& uid,
                         const std::string& status = "completed")
{
  Json::Value items;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        items = clinic.Http().Get("/api/v1/analyses?study_uid=" + uid).Json()["items"];
        return items.size() == 1 && items[0]["status"] == status;
      }))
      << JsonText(items);
  return items[0];
}

std::vector<std::string> Kinds(const Json::Value& analysis)
{
  std::vector<std::string> kinds;
  for (const Json::Value& finding : analysis["findings"])
  {
    kinds.push_back(finding["kind"].asString());
  }
  return kinds;
}

std::string FileOf(const Clinic& clinic, const std::string& sopInstanceUid)
{
  Json::Value query;
  query["Level"] = "Instance";
  query["Query"]["SOPInstanceUID"] = sopInstanceUid;
  const Json::Value found = clinic.Http().Post("/tools/find", query).Json();
  return found.size() == 1 ? clinic.Http().Get("/instances/" + found[0].asString() + "/file").body : "";
}

std::string Dump(const std::string& file)
{
  const TemporaryDirectory folder;
  WriteFile(folder.Path() / "report.dcm", file);
  return RunProgram({"dsrdump", "+Pl", (folder.Path() / "report.dcm").string()}).output +
         RunProgram({"dciodvfy", (folder.Path() / "report.dcm").string()}).output;
}

TEST(QualityOfAnImage, IsMeasuredAndReviewed)
{
  const Clinic clinic(
      WithUser(Configuration(R"({"Rules": [{"Provider": "quality", "Modalities": ["IO"]}]})")));
  DicomFile image("IO", 200);
  image.Set("PatientName", "Khoury^Nour").Set("PatientID", "4720");
  const std::string uid = clinic.Send(image);

  Json::Value analysis = OnlyAnalysis(clinic, uid);

  EXPECT_THAT(Kinds(analysis), ::testing::Contains("quality.measured"));
  EXPECT_EQ("periapical", analysis["xray_type"].asString());
  EXPECT_TRUE(analysis["made_by_software"].asBool());
  const std::string report = Dump(FileOf(clinic, analysis["report_uid"].asString()));
  EXPECT_THAT(report, HasSubstr("UNVERIFIED"));
  EXPECT_THAT(report, HasSubstr("Khoury^Nour"));
  EXPECT_THAT(report, Not(HasSubstr("Error")));
  const std::string id = analysis["id"].asString();
  EXPECT_EQ(id, clinic.Study(uid)["analyses"][0].asString());

  // The report itself is a new instance of the study: it is not analysed again.
  EXPECT_TRUE(WaitUntil([&] { return clinic.Study(uid)["number_of_instances"] == 2; }));
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=analysis-rules") == 0; }));
  EXPECT_EQ(1u, clinic.Http().Get("/api/v1/analyses?study_uid=" + uid).Json()["items"].size());

  WaitFor(clinic, id, "completed");
  Json::Value body;
  body["decision"] = "edit";
  EXPECT_EQ(400, clinic.Http().Post("/api/v1/analyses/" + id + "/review", body).status / 100 * 100);
  body["findings"].append(analysis["findings"][0]);
  body["comment"] = "D'accord.";
  body["patient_informed"] = true;
  const HttpAnswer reviewed = clinic.Http().Post("/api/v1/analyses/" + id + "/review", body);
  ASSERT_EQ(200, reviewed.status) << reviewed.body;
  EXPECT_EQ("lise", reviewed.Json()["review"]["reviewed_by"].asString());
  EXPECT_GT(reviewed.Json()["review"]["seconds_viewed"].asDouble(), 0);
  EXPECT_EQ(409, clinic.Http().Post("/api/v1/analyses/" + id + "/review", body).status) << "once";
  const std::string verifiedUid = reviewed.Json()["verified_report_uid"].asString();
  EXPECT_TRUE(WaitUntil([&] { return !FileOf(clinic, verifiedUid).empty(); }));
  const std::string verified = Dump(FileOf(clinic, verifiedUid));
  EXPECT_THAT(verified, Not(HasSubstr("UNVERIFIED")));
  EXPECT_THAT(verified, HasSubstr("lise"));
  EXPECT_THAT(verified, Not(HasSubstr("Error")));

  const std::string record = clinic.Http().Get("/api/v1/analyses/" + id + "/record?language=fr").body;
  for (const char* text : {"lise", "Principaux facteurs", "quality.measured", "informé?", "Oui"})
  {
    EXPECT_THAT(record, HasSubstr(text));
  }
}

TEST(QualityOfAnImage, NeedsAPersonWithANameToBeReviewed)
{
  const Clinic clinic({.configuration = Configuration("{}")});
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720", "DX"));
  clinic.Decided(uid);
  Json::Value body;
  body["study_uid"] = uid;
  body["language"] = "zh";
  const HttpAnswer requested = clinic.Http().Post("/api/v1/analyses", body);
  ASSERT_EQ(202, requested.status) << requested.body;
  const std::string id = requested.Json()["id"].asString();
  WaitFor(clinic, id, "completed");
  body = Json::objectValue;
  body["decision"] = "accept";
  EXPECT_EQ(409, clinic.Http().Post("/api/v1/analyses/" + id + "/review", body).status);
  EXPECT_EQ(409, clinic.Http().Delete("/api/v1/analyses/" + id).status) << "it has ended";
  EXPECT_EQ(404, clinic.Http().Get("/api/v1/analyses/none").status);
  body = Json::objectValue;
  body["study_uid"] = "1.2.3";
  EXPECT_EQ(404, clinic.Http().Post("/api/v1/analyses", body).status);
  body["study_uid"] = uid;
  body["provider"] = "none";
  EXPECT_EQ(404, clinic.Http().Post("/api/v1/analyses", body).status);
}
}  // namespace
}  // namespace OrthancClinic::Testing
