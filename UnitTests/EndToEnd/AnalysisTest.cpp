// SPDX-License-Identifier: GPL-3.0-or-later
//
// Studies that are analysed: by what is built in, and by services on the network that are as strict as the
// real ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <string_view>
#include <thread>

#include "Core/Database/Database.h"
#include "Core/Digest.h"
#include "Core/Records/Xray.h"
#include "EndToEnd/Clinic.h"
#include "Support/ChatServer.h"
#include "Support/HostileInput.h"
#include "Support/HttpServer.h"
#include "Support/Wait.h"
#include "Support/WebhookReceiver.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;
using ::testing::Not;

// The pauses between the attempts of a task double: the fifth may come after 20 seconds.
constexpr std::chrono::seconds RETRIED(60);

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
      },
      RETRIED))
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
      },
      RETRIED))
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
  Json::Value other = body;
  other["findings"][0]["image"] = "1.2.3";
  EXPECT_EQ(422, clinic.Http().Post("/api/v1/analyses/" + id + "/review", other).status)
      << "of no image of the study";
  other = body;
  for (const int value : {150, 150, 100, 10})
  {
    other["findings"][0]["box"].append(value);
  }
  EXPECT_EQ(422, clinic.Http().Post("/api/v1/analyses/" + id + "/review", other).status)
      << "outside of the image";
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
  std::vector<std::string> events;
  for (const Json::Value& event : clinic.Events())
  {
    if (event["type"].asString().starts_with("analysis."))
    {
      events.push_back(event["type"].asString() + " " + event["data"]["status"].asString());
      EXPECT_EQ(id, event["data"]["analysis_id"].asString());
    }
  }
  EXPECT_THAT(events, ::testing::ElementsAre("analysis.requested requested", "analysis.completed completed",
                                             "analysis.reviewed edited"));
}

TEST(QualityOfAnImage, IsRejectedInDicomToo)
{
  const Clinic clinic(
      WithUser(Configuration(R"({"Rules": [{"Provider": "quality", "Modalities": ["IO"]}]})")));
  const std::string uid = clinic.Send(DicomFile("IO", 200));
  const Json::Value analysis = OnlyAnalysis(clinic, uid);
  EXPECT_TRUE(analysis["rejection_note_uid"].isNull());

  Json::Value body;
  body["decision"] = "reject";
  body["comment"] = "Not of use.";
  const HttpAnswer reviewed =
      clinic.Http().Post("/api/v1/analyses/" + analysis["id"].asString() + "/review", body);
  ASSERT_EQ(200, reviewed.status) << reviewed.body;
  const std::string noteUid = reviewed.Json()["rejection_note_uid"].asString();

  EXPECT_TRUE(WaitUntil([&] { return !FileOf(clinic, noteUid).empty(); }));
  const std::string note = Dump(FileOf(clinic, noteUid));
  EXPECT_THAT(note, HasSubstr("Rejected for Quality Reasons"));
  EXPECT_THAT(FileOf(clinic, noteUid), HasSubstr(analysis["report_uid"].asString()));
  EXPECT_THAT(note, HasSubstr("lise"));
  EXPECT_THAT(note, Not(HasSubstr("Error")));
  EXPECT_TRUE(WaitUntil([&] { return clinic.Study(uid)["number_of_instances"] == 3; }));
  EXPECT_EQ(1u, clinic.Http().Get("/api/v1/analyses?study_uid=" + uid).Json()["items"].size());
}

TEST(QualityOfAnImage, NeedsAPersonWithANameToBeReviewed)
{
  Json::Value configuration = Configuration("{}");
  configuration["Dictionary"]["4321,1012"] = ParseJsonText(R"(["LO", "RoomOfTheClinic", 1, 1])");
  const Clinic clinic({.configuration = configuration});
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
  body = Json::objectValue;
  body["Level"] = "Study";
  body["Query"]["RoomOfTheClinic"] = "";
  EXPECT_EQ(200, clinic.Http().Post("/tools/find", body).status)
      << "the report was made by DCMTK, whose dictionary is the process's: Orthanc's own entries are still "
         "there";
  EXPECT_EQ(404, clinic.Http().Get("/api/v1/analyses/none").status);
  body = Json::objectValue;
  body["study_uid"] = "1.2.3";
  EXPECT_EQ(404, clinic.Http().Post("/api/v1/analyses", body).status);
  body["study_uid"] = uid;
  body["provider"] = "none";
  EXPECT_EQ(404, clinic.Http().Post("/api/v1/analyses", body).status);
}

using Mood = ChatServer::Mood;

// A provider "montreal" at the server, asked for every IO image.
Json::Value Chat(const ChatServer& server, const std::string& more = "")
{
  return Configuration(R"({"Providers": [{"Name": "montreal", "Type": "openai", "Endpoint": ")" +
                       server.Endpoint() + R"(", "Model": ")" + ChatServer::MODEL + R"(", "ApiKey": ")" +
                       ChatServer::KEY + R"(", "InputPrice": 2.5, "OutputPrice": 10)" + more +
                       R"(}], "Rules": [{"Provider": "montreal"}]})");
}

DicomFile Tooth(unsigned size = 64)
{
  DicomFile image("IO", size);
  image.Set("PatientName", "Khoury^Nour")
      .Set("PatientID", "KHON96052814")
      .Set("PatientBirthDate", "19960528");
  image.Set("AccessionNumber", "ACC77").Set("InstitutionName", "Clinique Rosemont");
  return image;
}

TEST(AModelOnTheNetwork, SeesPixelsAloneAndIsAskedOnce)
{
  ChatServer server;
  const TemporaryDirectory prompts;
  WriteFile(prompts.Path() / "periapical.es.txt", "Mire la imagen.");
  const Clinic clinic(
      WithUser(Chat(server, R"(, "LongEdge": 100, "Prompts": ")" + prompts.Path().string() + "\"")));
  const DicomFile image = Tooth(200);
  const std::string uid = clinic.Send(image);

  const Json::Value analysis = OnlyAnalysis(clinic, uid);

  EXPECT_THAT(server.Refusals(), ::testing::IsEmpty());
  EXPECT_THAT(server.Images(), ::testing::ElementsAre(std::pair(100U, 100U)));
  for (const std::string& secret :
       {std::string("Khoury"), std::string("Nour"), std::string("KHON96052814"), std::string("19960528"),
        std::string("ACC77"), std::string("Rosemont"), uid, image.InstanceUid(),
        analysis["orthanc_study_id"].asString(), analysis["id"].asString()})
  {
    EXPECT_THAT(server.Everything(), Not(HasSubstr(secret)));
  }
  const Json::Value& finding = analysis["findings"][0];
  EXPECT_EQ("caries", finding["kind"].asString());
  EXPECT_EQ("Carie distale.", finding["text"]["fr"].asString());
  EXPECT_EQ(image.InstanceUid(), finding["image"].asString());
  EXPECT_EQ("[50,100,100,50]", JsonText(finding["box"])) << "pixels of the stored image";
  EXPECT_EQ("vision-1-2026-01-01", analysis["model"].asString());
  const Json::Value& dispatch = analysis["dispatches"][0];
  EXPECT_EQ("answered", dispatch["outcome"].asString());
  EXPECT_EQ("QC", dispatch["jurisdiction"].asString());
  EXPECT_EQ(1200, dispatch["tokens"].asInt());
  EXPECT_DOUBLE_EQ((1000 * 2.5 + 200 * 10) / 1e6, dispatch["cost"].asDouble());
  EXPECT_EQ(64u, dispatch["prompt_version"].asString().size());
  EXPECT_EQ(1u, clinic.All("/api/v1/audit?action=analysis.dispatch").size());
  const std::string report = Dump(FileOf(clinic, analysis["report_uid"].asString()));
  EXPECT_THAT(report, HasSubstr("Carie distale."));
  EXPECT_THAT(report, HasSubstr("50/100,150/100,150/150,50/150,50/100"));
  EXPECT_THAT(report, Not(HasSubstr("Error")));

  // Asked again, the answer that was paid for is used.
  Json::Value body;
  body["study_uid"] = uid;
  const std::string again = clinic.Http().Post("/api/v1/analyses", body).Json()["id"].asString();
  EXPECT_EQ("reused", WaitFor(clinic, again, "completed")["dispatches"][0]["outcome"].asString());
  EXPECT_EQ(1, server.Accepted());
  body["language"] = "es";
  const Json::Value spanish =
      WaitFor(clinic, clinic.Http().Post("/api/v1/analyses", body).Json()["id"].asString(), "completed");
  EXPECT_EQ(2, server.Accepted()) << "another question";
  EXPECT_THAT(server.Everything(), HasSubstr("Mire la imagen.")) << "the administrator's own instructions";
  EXPECT_EQ(Sha256Of("Mire la imagen."), spanish["prompt_version"].asString());
  EXPECT_THAT(clinic.Orthanc().Log(), Not(HasSubstr(ChatServer::KEY)));
}

TEST(AModelOnTheNetwork, MayMisbehave)
{
  ChatServer server;
  // Only what drips, which takes a minute and more, is to be given up: not what comes late.
  const Clinic clinic(WithUser(Chat(server, R"(, "TimeoutSeconds": 8)")));
  struct Case
  {
    std::vector<Mood> moods;
    const char* status;
    const char* error;
  };
  for (const Case& item :
       {Case{{Mood::TooManyRequests}, "completed", ""}, Case{{Mood::Broken}, "completed", ""},
        Case{{Mood::Prose}, "failed", "cannot be used"},
        Case{{Mood::OutOfRange}, "failed", "box: lies outside of the image"},
        Case{{Mood::Refusal}, "failed", "refused"}, Case{{Mood::Length}, "failed", "stopped"},
        Case{{Mood::Malicious}, "failed", "cannot be used"},
        Case{{Mood::NotJson}, "failed", "cannot be used"}, Case{{Mood::Enormous}, "failed", "too large"},
        Case{{Mood::Drip}, "completed", ""}})
  {
    server.Plan(item.moods);
    const std::string uid = clinic.Send(Tooth());
    const Json::Value analysis = OnlyAnalysis(clinic, uid, item.status);
    EXPECT_THAT(analysis["error"].asString(), HasSubstr(item.error));
    EXPECT_EQ(std::string(item.status) == "completed" ? 1u : 0u, analysis["findings"].size());
    EXPECT_EQ(analysis["report_uid"].isNull(), std::string(item.status) == "failed")
        << "nothing is half stored";
    EXPECT_EQ(std::string(item.status) == "failed" ? "bad_answer" : "", analysis["failure"].asString());
  }
  EXPECT_EQ(13, server.Accepted()) << "what was answered, and paid for, is not asked again";
  EXPECT_THAT(server.Refusals(), ::testing::IsEmpty());
  EXPECT_EQ(200, clinic.Http().Get("/api/v1/health").status);
}

// It is left alone for longer and longer, also when a person is impatient, and asked again until it answers.
TEST(AModelOnTheNetwork, MayBeAwayForAWhile)
{
  ChatServer server;
  server.Plan(std::vector<Mood>(4, Mood::Broken));
  const Clinic clinic(WithUser(Chat(server)));
  const std::string uid = clinic.Send(Tooth());
  Json::Value analyses;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const Json::Value tasks =
            clinic.Http().Get("/api/v1/tasks?kind=analyse.montreal&state=due").Json()["items"];
        for (const Json::Value& task : tasks)
        {
          clinic.Http().Call("POST", "/api/v1/tasks/" + task["id"].asString() + "/retry");
        }
        analyses = clinic.Http().Get("/api/v1/analyses?study_uid=" + uid).Json()["items"];
        return analyses.size() == 1 && analyses[0]["status"] == "completed";
      },
      std::chrono::seconds(120)))
      << JsonText(analyses);
  EXPECT_EQ(5, server.Accepted());
  EXPECT_EQ(0, clinic.CountTasks("state=dead"));
  EXPECT_EQ(1u, clinic.Http().Get("/api/v1/analyses?study_uid=" + uid).Json()["total"].asUInt());
}

TEST(AModelOnTheNetwork, MayBeInterruptedAndCancelled)
{
  ChatServer server;
  server.Plan({Mood::Hang, Mood::Good, Mood::Hang});
  Clinic clinic(WithUser(Chat(server)));
  const std::string uid = clinic.Send(Tooth());
  EXPECT_TRUE(WaitUntil([&] { return server.Accepted() == 1; }));
  clinic.Orthanc().Kill9();
  clinic.Orthanc().Start();

  const Json::Value analysis = OnlyAnalysis(clinic, uid);

  EXPECT_EQ(2, server.Accepted());
  EXPECT_EQ(2u, clinic.Http().Get("/instances").Json().size()) << "one report";
  EXPECT_EQ(2u, analysis["dispatches"].size()) << "both are on record";

  // Nothing more is asked or paid, however often it is killed after the answer.
  for (int i = 0; i < 3; i++)
  {
    clinic.Orthanc().Kill9();
    clinic.Orthanc().Start();
  }
  EXPECT_EQ(2, server.Accepted());

  const std::string other = clinic.Send(Tooth());
  EXPECT_TRUE(WaitUntil([&] { return server.Accepted() == 3; }));
  const std::string id = OnlyAnalysis(clinic, other, "requested")["id"].asString();
  EXPECT_EQ(204, clinic.Http().Delete("/api/v1/analyses/" + id).status);
  EXPECT_EQ("cancelled", WaitFor(clinic, id, "cancelled")["status"].asString());
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=analyse.montreal") == 0; }));
}

TEST(AModelOnTheNetwork, IsNotPaidTwiceByTwoWhoAskAtOnce)
{
  ChatServer server;
  server.Plan({Mood::Hang});
  Json::Value configuration = Chat(server);
  configuration["Clinic"]["Analysis"]["Rules"] = Json::arrayValue;
  const Clinic clinic(WithUser(configuration));
  Json::Value body;
  body["study_uid"] = clinic.Send(Tooth());
  clinic.Decided(body["study_uid"].asString());
  const std::string first = clinic.Http().Post("/api/v1/analyses", body).Json()["id"].asString();
  EXPECT_TRUE(WaitUntil([&] { return server.Accepted() == 1; }));
  const std::string second = clinic.Http().Post("/api/v1/analyses", body).Json()["id"].asString();
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        return clinic.Http().Get("/api/v1/analyses/" + second).Json()["error"] ==
               "The same question is being asked";
      }));
  server.LetGo();

  EXPECT_EQ("answered", WaitFor(clinic, first, "completed")["dispatches"][0]["outcome"].asString());
  EXPECT_EQ("reused", WaitFor(clinic, second, "completed")["dispatches"][0]["outcome"].asString());
  EXPECT_EQ(1, server.Accepted());
}

TEST(AModelOnTheNetwork, MayClaimAnyNumberOfTokens)
{
  ChatServer server;
  const Clinic clinic(WithUser(Chat(server, R"(, "DailyTokens": 1000)")));
  server.Plan({Mood::Countless});
  const Json::Value analysis = OnlyAnalysis(clinic, clinic.Send(Tooth()));
  EXPECT_GT(analysis["dispatches"][0]["tokens"].asInt64(), 1'000'000'000);
  EXPECT_THAT(OnlyAnalysis(clinic, clinic.Send(Tooth()), "requested")["dispatches"],
              Json::Value(Json::arrayValue));
  EXPECT_EQ(200, clinic.Http().Get("/api/v1/metrics").status);
}

// A study that moves to another patient takes its analysis along, and the report is that patient's.
TEST(AModelOnTheNetwork, MayAnswerWhenTheStudyHasMoved)
{
  ChatServer server;
  server.Plan({Mood::Hang});
  const Clinic clinic(WithUser(Chat(server)));
  const DicomFile image = Tooth();
  const std::string uid = clinic.Send(image);
  EXPECT_TRUE(WaitUntil([&] { return server.Accepted() == 1; }));
  const std::string before = clinic.Study(uid)["orthanc_study_id"].asString();
  Json::Value body;
  body["tag_modifications"]["PatientID"] = "4711";
  ASSERT_EQ(202, clinic.Http().Put("/api/v1/dicom/tags/" + uid, body).status);
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=correct.study") == 0; }));
  server.LetGo();

  const Json::Value analysis = OnlyAnalysis(clinic, uid);

  EXPECT_NE(before, analysis["orthanc_study_id"].asString());
  // Until the former record is forgotten, the UID alone names two studies.
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        return clinic.Http().Get("/api/v1/studies/" + before).status == 404 &&
               clinic.Http().Get("/api/v1/studies/" + uid).status == 200;
      }));
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=settle.study") == 0; }));
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=analysis-rules") == 0; }));
  EXPECT_EQ(analysis["id"], clinic.Study(uid)["analyses"][0]);
  EXPECT_THAT(Dump(FileOf(clinic, analysis["report_uid"].asString())), HasSubstr("4711"));
  body = Json::objectValue;
  body["decision"] = "accept";
  const HttpAnswer review =
      clinic.Http().Post("/api/v1/analyses/" + analysis["id"].asString() + "/review", body);
  const std::string verified = review.Json()["verified_report_uid"].asString();
  EXPECT_TRUE(WaitUntil([&] { return !FileOf(clinic, verified).empty(); })) << review.body;
  EXPECT_EQ(404, clinic.Http().Get("/studies/" + before).status) << "nothing is left of the old one";
  EXPECT_EQ(1u, clinic.Study(uid)["analyses"].size()) << "it is not analysed again";
  EXPECT_EQ(1, server.Accepted());
}

// An image that cannot be read for a while keeps the correction from its end: the others lie under the new
// PatientID for longer than the quiet period.
TEST(AModelOnTheNetwork, IsNotAskedAgainWhileAStudyMoves)
{
  ChatServer server;
  Json::Value configuration = Chat(server);
  configuration["MaximumStorageCacheSize"] = 0;
  configuration["Clinic"]["Studies"]["QuietSeconds"] = 4;
  const Clinic clinic(WithUser(configuration));
  const auto rules = [&] { return clinic.CountTasks("kind=analysis-rules"); };
  const auto corrections = [&]
  { return clinic.Http().Get("/api/v1/tasks?kind=correct.study").Json()["items"]; };
  const TemporaryDirectory images;
  DicomFile image = Tooth();
  for (int i = 0; i < 3; i++)
  {
    image.NextInstance().SaveIn(images.Path());
  }
  ASSERT_EQ(3u, clinic.Orthanc().Store({images.Path()}).acknowledged.size());
  const std::string uid = image.StudyUid();
  const Json::Value analysis = OnlyAnalysis(clinic, uid);
  const std::string before = analysis["orthanc_study_id"].asString();
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=settle.study") == 0 && rules() == 0; }));

  // The one that the correction comes to last.
  const Json::Value stored = clinic.Http().Get("/studies/" + before + "/instances").Json();
  ASSERT_EQ(4u, stored.size()) << "with the report";
  const std::string last = stored[3]["ID"].asString();
  const std::string content = clinic.Http().Get("/instances/" + last + "/file").body;
  std::filesystem::path file;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(clinic.Orthanc().Directory()))
  {
    if (entry.is_regular_file() && entry.file_size() == content.size() && ReadFile(entry.path()) == content)
    {
      file = entry.path();
    }
  }
  ASSERT_FALSE(file.empty());
  const std::filesystem::path away = images.Path() / "away";
  std::filesystem::rename(file, away);
  Json::Value body;
  body["tag_modifications"]["PatientID"] = "4711";
  ASSERT_EQ(202, clinic.Http().Put("/api/v1/dicom/tags/" + uid, body).status);
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const auto events = clinic.Events();
        return std::any_of(
            events.begin(), events.end(),
            [&](const Json::Value& event)
            { return event["type"] == "study.settled" && event["data"]["orthanc_study_id"] != before; });
      },
      RETRIED));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(1, rules()) << "they wait";
  EXPECT_EQ(1u, corrections().size());

  std::filesystem::rename(away, file);
  for (const Json::Value& task : corrections())
  {
    clinic.Http().Call("POST", "/api/v1/tasks/" + task["id"].asString() + "/retry");
  }
  EXPECT_TRUE(WaitUntil([&] { return corrections().empty(); }, RETRIED));
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=settle.study") == 0 && rules() == 0; }));
  const Json::Value items = clinic.Http().Get("/api/v1/analyses").Json()["items"];
  EXPECT_EQ(1u, items.size()) << JsonText(items);
  EXPECT_EQ(analysis["id"].asString(), items[0]["id"].asString());
  EXPECT_NE(before, items[0]["orthanc_study_id"].asString());
  EXPECT_EQ(1, server.Accepted());
}

TEST(AModelOnTheNetwork, MayAnswerWhenTheStudyIsGone)
{
  ChatServer server;
  server.Plan({Mood::Hang});
  const Clinic clinic(WithUser(Chat(server)));
  const std::string uid = clinic.Send(Tooth());
  EXPECT_TRUE(WaitUntil([&] { return server.Accepted() == 1; }));
  const Json::Value items = clinic.Http().Get("/api/v1/analyses").Json()["items"];
  ASSERT_EQ(1u, items.size());
  EXPECT_EQ(200, clinic.Http().Delete("/studies/" + items[0]["orthanc_study_id"].asString()).status);
  server.LetGo();

  const Json::Value analysis = WaitFor(clinic, items[0]["id"].asString(), "completed");

  EXPECT_THAT(analysis["error"].asString(), HasSubstr("deleted"));
  EXPECT_TRUE(analysis["report_uid"].isNull()) << "there is no report";
  EXPECT_EQ(0u, clinic.Http().Get("/studies").Json().size()) << "nor does one bring the study back";
}

TEST(AModelOnTheNetwork, MayCostNoMoreThanIsAllowed)
{
  ChatServer server;
  Json::Value configuration = Chat(server, R"(, "DailyTokens": 1000)");
  Json::Value& providers = configuration["Clinic"]["Analysis"]["Providers"];
  Json::Value other = providers[0];
  other.removeMember("DailyTokens");
  other["Name"] = "laval";
  other["DailyCost"] = 0.004;  // an answer costs 0.0045
  providers.append(other);
  other.removeMember("DailyCost");
  other["Name"] = "gatineau";
  other["RequestsPerMinute"] = 1;
  providers.append(other);
  const Clinic clinic(WithUser(configuration));
  const std::string first = clinic.Send(Tooth());
  OnlyAnalysis(clinic, first);
  const std::string second = clinic.Send(Tooth());
  OnlyAnalysis(clinic, second, "requested");

  int accepted = 1;
  for (const auto& [provider, reason] : {std::pair("montreal", "budget"), std::pair("laval", "budget"),
                                         std::pair("gatineau", "no more often")})
  {
    const auto request = [&, &name = provider](const std::string& study)
    {
      Json::Value body;
      body["study_uid"] = study;
      body["provider"] = name;
      return clinic.Http().Post("/api/v1/analyses", body).Json()["id"].asString();
    };
    WaitFor(clinic, request(first), "completed");
    accepted += std::string(provider) == "montreal" ? 0 : 1;  // which has its answer already
    const std::string id = request(second);
    EXPECT_TRUE(WaitUntil(
        [&, &why = reason]
        {
          return clinic.Http().Get("/api/v1/analyses/" + id).Json()["error"].asString().find(why) !=
                 std::string::npos;
        }))
        << provider;
    EXPECT_EQ(accepted, server.Accepted()) << provider;
  }
  EXPECT_THAT(clinic.Http().Get("/api/v1/metrics").body,
              HasSubstr("orthanc_clinic_analysis_tokens_total{provider=\"montreal\"} 1200"));
}

TEST(AModelOnTheNetwork, IsNotGivenWhatMustNotLeave)
{
  ChatServer server;
  {
    const Clinic clinic(WithUser(Chat(server)));
    DicomFile burned = Tooth();
    burned.Set("BurnedInAnnotation", "YES");
    EXPECT_THAT(OnlyAnalysis(clinic, clinic.Send(burned), "failed")["error"].asString(),
                HasSubstr("BurnedInAnnotation is YES"));
    EXPECT_THAT(OnlyAnalysis(clinic, clinic.Send(DicomFile("US")), "failed")["error"].asString(),
                HasSubstr("of this kind"));
  }
  for (const auto& [endpoint, more, reason] :
       {std::tuple("https://api.openai.com/v1", "", "not known to be in Canada"),
        std::tuple("https://api.openai.com/v1", R"(, "OutsideCanada": true)", "privacy impact assessment"),
        std::tuple("http://ai.example.org/v1", R"(, "Jurisdiction": "QC")", "TLS"),
        std::tuple("https://ai.example.org/v1", R"(, "Jurisdiction": "CA")", "privacy impact assessment")})
  {
    Json::Value configuration = Chat(server, more);
    configuration["Clinic"]["Analysis"]["Providers"][0]["Endpoint"] = endpoint;
    const Clinic clinic(WithUser(configuration));
    EXPECT_THAT(OnlyAnalysis(clinic, clinic.Send(Tooth()), "failed")["error"].asString(), HasSubstr(reason));
  }
  Json::Value configuration =
      Configuration(R"({"Providers": [{"Name": "node", "Type": "dicom", "Modality": "ai"}],
                        "Rules": [{"Provider": "node"}]})");
  configuration["DicomModalities"]["ai"] = ParseJsonText(R"(["AI", "ai.example.org", 104])");
  const Clinic clinic(WithUser(configuration));
  const Json::Value analysis = OnlyAnalysis(clinic, clinic.Send(Tooth()), "failed");
  EXPECT_THAT(analysis["error"].asString(), HasSubstr("not known to be in Canada"));
  EXPECT_EQ("not_sent", analysis["failure"].asString());
  EXPECT_EQ(0u, analysis["dispatches"].size());
  EXPECT_EQ(0, server.Accepted());
  EXPECT_EQ("", server.Everything());
}

TEST(AServiceOfOurProtocol, GetsASignedRequest)
{
  const std::string secret = "secret-of-the-service";
  std::atomic<int> right{0};
  const HttpServer service(
      [&](const ServedRequest& request) -> ServedReply
      {
        // "t=<seconds>,v1=<HMAC-SHA-256 of "<seconds>.<body>">"
        const std::string signature = request.headers.at("x-clinic-signature");
        const size_t comma = signature.find(",v1=");
        const std::string at = signature.substr(2, comma - 2);
        const bool isFresh = std::abs(std::stoll(at) - std::time(nullptr)) < 60;
        const bool isSigned =
            signature.substr(comma + 4) == ToHexadecimal(HmacSha256(secret, at + "." + request.body));
        const std::string type = request.headers.at("content-type");
        const std::string boundary = "--" + type.substr(type.find("boundary=") + 9);
        const bool isMultipart =
            type.starts_with("multipart/form-data") && request.body.starts_with(boundary + "\r\n") &&
            request.body.ends_with(boundary + "--\r\n") &&
            request.body.find("name=\"image\"; filename=\"1.jpeg\"") != std::string::npos &&
            request.body.find("\xff\xd8\xff") != std::string::npos;
        if (!isFresh || !isSigned || !isMultipart)
        {
          return {.status = 400};
        }
        right++;
        return {.body = R"({"model": "teeth 3.1", "result": {"summary": "Nothing.", "findings": []}})"};
      });
  const Clinic clinic(WithUser(
      Configuration(R"({"Providers": [{"Name": "teeth", "Type": "http", "ImageFormat": "jpeg", "Secret": ")" +
                    secret + R"(", "Endpoint": ")" + service.Url("/analyse") +
                    R"("}], "Rules": [{"Provider": "teeth", "XrayTypes": ["periapical"]}]})")));
  const std::string uid = clinic.Send(Tooth());
  const std::string other = clinic.Send(DicomFile("CT"));

  const Json::Value analysis = OnlyAnalysis(clinic, uid);

  EXPECT_EQ(1, right);
  EXPECT_EQ("teeth 3.1", analysis["model"].asString());
  EXPECT_EQ("Nothing.", analysis["summary"]["fr"].asString());
  clinic.Decided(other);
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=analysis-rules") == 0; }));
  EXPECT_EQ(0u, clinic.Http().Get("/api/v1/analyses?study_uid=" + other).Json()["items"].size()) << "no rule";
}

TEST(AServiceOfOurProtocol, MayBeSentDicomWithoutIdentity)
{
  const HttpServer service(
      [&](const ServedRequest&) -> ServedReply
      {
        return {.body = R"({"model": "teeth 3.1", "result": {"summary": null, "findings": [
          {"kind": "caries", "severity": "low", "text": "Carie.", "recommendation": null, "confidence": null,
           "image": 1, "tooth": null, "box": null}]}})"};
      });
  const Clinic clinic(WithUser(Configuration(
      R"({"Providers": [{"Name": "teeth", "Type": "http", "Content": "dicom", "Secret": "s", "Endpoint": ")" +
      service.Url("/analyse") + R"("}], "Rules": [{"Provider": "teeth"}]})")));
  const DicomFile image = Tooth();
  const std::string uid = clinic.Send(image);

  const Json::Value analysis = OnlyAnalysis(clinic, uid);

  EXPECT_EQ(image.InstanceUid(), analysis["findings"][0]["image"].asString());
  ASSERT_EQ(1u, service.Requests().size());
  const std::string body = service.Requests()[0].body;
  EXPECT_THAT(body, HasSubstr("filename=\"1.dcm\"\r\nContent-Type: application/dicom\r\n"));
  EXPECT_THAT(body, HasSubstr("DICM"));
  EXPECT_THAT(body, HasSubstr(R"("frames":[{"file":1,"frame":1}])"));
  for (const std::string& secret :
       {std::string("Khoury"), std::string("KHON96052814"), std::string("19960528"), std::string("ACC77"),
        std::string("Rosemont"), uid, image.InstanceUid()})
  {
    EXPECT_THAT(body, Not(HasSubstr(secret)));
  }
  EXPECT_EQ(Sha256Of(body), analysis["dispatches"][0]["request_sha256"].asString());
  Json::Value again;
  again["study_uid"] = uid;
  const std::string id = clinic.Http().Post("/api/v1/analyses", again).Json()["id"].asString();
  EXPECT_EQ("reused", WaitFor(clinic, id, "completed")["dispatches"][0]["outcome"].asString());
  EXPECT_EQ(1u, service.Requests().size()) << "the identifiers would differ, the question does not";
}

// The X-rays' records are another plugin's affair: here is what that one would have written.
void PutXray(const Clinic& clinic, const std::string& studyUid, const std::string& sopInstanceUid)
{
  const Json::Value study = clinic.Study(studyUid);
  Database database((clinic.Orthanc().Directory() / "storage" / "orthanc-clinic.db").string());
  Xray xray;
  xray.id = sopInstanceUid;
  xray.practiceId = study["practice_id"].asString();
  xray.patientId = "cml123";
  xray.orthancStudyId = study["orthanc_study_id"].asString();
  xray.studyInstanceUid = studyUid;
  xray.type = "periapical";
  Transaction transaction(database);
  XrayStore(transaction).Put(xray);
  transaction.Commit();
}

TEST(TheFontOfTheOverlays, IsCheckedAtTheStart)
{
  const TemporaryDirectory folder;
  const ChatServer server;
  // What a terminal has: letters of one size.
  WriteFile(folder.Path() / "fixed.bdf",
            "STARTFONT 2.1\nFONT -a-fixed-medium-r-normal--8-80-75-75-c-80-iso10646-1\nSIZE 8 75 75\n"
            "FONTBOUNDINGBOX 8 8 0 0\nSTARTPROPERTIES 2\nFONT_ASCENT 8\nFONT_DESCENT 0\nENDPROPERTIES\n"
            "CHARS 1\nSTARTCHAR A\nENCODING 65\nSWIDTH 1000 0\nDWIDTH 8 0\nBBX 8 8 0 0\nBITMAP\n"
            "18\n24\n42\n42\n7E\n42\n42\n42\nENDCHAR\nENDFONT\n");
  for (const auto& [font, why] :
       {std::pair("missing.otf", "can be read"), std::pair("fixed.bdf", "scalable")})
  {
    Json::Value configuration = Chat(server, R"(, "Overlay": true)");
    configuration["Clinic"]["Analysis"]["OverlayFont"] = (folder.Path() / font).string();
    try
    {
      const Clinic clinic(WithUser(configuration));
      ADD_FAILURE() << "it started with " << font;
    }
    catch (const std::runtime_error& error)
    {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("Clinic.Analysis.OverlayFont"), HasSubstr(why))) << font;
    }
  }
}

TEST(AnXrayOfTheCrm, IsAnalysedWhileItWaits)
{
  ChatServer server;
  Json::Value configuration = Chat(server, R"(, "Overlay": true)");
  Json::Value& analysis = configuration["Clinic"]["Analysis"];
  analysis["Rules"][0]["Modalities"].append("IO");
  analysis["Providers"] = ParseJsonText(R"([{"Name": "quality", "Type": "quality"}])");
  analysis["Providers"].append(Chat(server, R"(, "Overlay": true)")["Clinic"]["Analysis"]["Providers"][0]);
  analysis["XrayWaitSeconds"] = 30;
  const Clinic clinic(WithUser(configuration));
  DicomFile image = Tooth(400);
  std::string uid = clinic.Send(image);
  EXPECT_EQ("montreal", OnlyAnalysis(clinic, uid)["provider"].asString());
  const std::string other = clinic.Send(image.NextInstance());
  ASSERT_EQ(uid, other);
  EXPECT_TRUE(WaitUntil([&] { return clinic.Study(uid)["analyses"].size() == 2; })) << "there is a new image";
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=analyse.montreal") == 0; }));
  PutXray(clinic, uid, image.InstanceUid());
  const std::string path = "/api/dental/xrays/" + image.InstanceUid() + "/analyze";

  const HttpAnswer answer = clinic.Http().Call("POST", path);

  ASSERT_EQ(200, answer.status) << answer.body;
  const Json::Value json = answer.Json();
  EXPECT_TRUE(json["success"].asBool());
  const Json::Value& result = json["analysis"];
  EXPECT_EQ(1u, result["findings"].size()) << "of this image alone";
  EXPECT_EQ(image.InstanceUid(), result["findings"][0]["image"].asString());
  EXPECT_EQ("Carie distale.", result["findings"][0]["text"].asString());
  EXPECT_EQ(0.83, result["confidence"].asDouble());
  EXPECT_EQ(R"(["Examen clinique."])", JsonText(result["recommendations"]));
  EXPECT_EQ("vision-1-2026-01-01", result["model"].asString()) << "the provider of the rule";
  EXPECT_THAT(result["disclaimer"].asString(), HasSubstr("pas un diagnostic"));
  EXPECT_EQ(image.InstanceUid(), json["xray"]["id"].asString());
  EXPECT_EQ("PERIAPICAL", json["xray"]["xrayType"].asString());
  EXPECT_EQ(JsonText(result), JsonText(json["xray"]["aiAnalysis"]));
  EXPECT_EQ("vision-1-2026-01-01", json["xray"]["aiModel"].asString());
  EXPECT_EQ(result["analyzedAt"], json["xray"]["aiAnalyzedAt"]);

  // The provider that is named, here and by the other route.
  const HttpAnswer quality = clinic.Http().Post(path, ParseJsonText(R"({"provider": "quality"})"));
  EXPECT_EQ("quality-2", quality.Json()["xray"]["aiModel"].asString()) << quality.body;
  EXPECT_TRUE(quality.Json()["analysis"]["confidence"].isNull()) << "none was given";
  Json::Value body;
  body["study_uid"] = uid;
  const Json::Value again = clinic.Http().Post("/api/v1/analyses", body).Json();
  EXPECT_EQ("montreal", again["provider"].asString()) << "by the rules";
  WaitFor(clinic, again["id"].asString(), "completed");

  // The drawn images are in a series of their own, one for each image and analysis, and are not analysed.
  Json::Value find;
  find["Level"] = "Instance";
  find["Query"]["SOPClassUID"] = "1.2.840.10008.5.1.4.1.1.7";
  const Json::Value drawn = clinic.Http().Post("/tools/find", find).Json();
  EXPECT_EQ(4u, drawn.size()) << "the model finds one thing each time; what is measured has no place";
  const TemporaryDirectory folder;
  for (const Json::Value& instance : drawn)
  {
    WriteFile(folder.Path() / "overlay.dcm",
              clinic.Http().Get("/instances/" + instance.asString() + "/file").body);
    EXPECT_THAT(RunProgram({"dciodvfy", (folder.Path() / "overlay.dcm").string()}).output,
                Not(HasSubstr("Error")));
  }
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=settle.study") == 0; }));
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=analysis-rules") == 0; }));
  EXPECT_EQ(5u, clinic.Http().Get("/api/v1/analyses?study_uid=" + uid).Json()["total"].asUInt());
}

TEST(AnXrayOfTheCrm, GetsTheReasonWhenThereIsNoResult)
{
  ChatServer server;
  Json::Value configuration = Chat(server);
  configuration["Clinic"]["Analysis"]["XrayWaitSeconds"] = 2;
  configuration["Clinic"]["Analysis"]["Rules"] = Json::arrayValue;
  Clinic clinic(WithUser(configuration));
  const DicomFile image = Tooth();
  const std::string uid = clinic.Send(image);
  clinic.Decided(uid);
  PutXray(clinic, uid, image.InstanceUid());
  const std::string path = "/api/dental/xrays/" + image.InstanceUid() + "/analyze";

  // 202 is what a slow machine gets: the reason came too late for the wait.
  const auto failureOf = [&](const std::string& analyze, const std::vector<Mood>& moods)
  {
    HttpAnswer failure;
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          server.Plan(moods);
          failure = clinic.Http().Call("POST", analyze);
          return failure.status != 202;
        }))
        << failure.body;
    return failure;
  };
  HttpAnswer answer = failureOf(path, {Mood::Prose});
  EXPECT_EQ(502, answer.status) << answer.body;
  EXPECT_EQ("INTERNAL_ERROR", answer.Json()["code"].asString());
  EXPECT_THAT(answer.Json()["message"].asString(), HasSubstr("cannot be used"));
  EXPECT_EQ(answer.Json()["message"], answer.Json()["error"]);

  // It goes on; who asks again waits for the same.
  const int asked = server.Accepted();
  server.Plan({Mood::Hang});
  answer = clinic.Http().Call("POST", path);
  ASSERT_EQ(202, answer.status) << answer.body;
  EXPECT_TRUE(answer.Json()["success"].asBool());
  const std::string id = answer.Json()["analysisId"].asString();
  EXPECT_EQ(id, clinic.Http().Call("POST", path).Json()["analysisId"].asString());
  server.LetGo();
  EXPECT_EQ("montreal", WaitFor(clinic, id, "completed")["provider"].asString()) << "the only one";
  EXPECT_EQ(asked + 1, server.Accepted());
  EXPECT_EQ(id, clinic.Http().Get("/api/v1/analyses?study_uid=" + uid).Json()["items"][0]["id"].asString());

  DicomFile burned = Tooth();
  burned.Set("BurnedInAnnotation", "YES");
  const std::string second = clinic.Send(burned);
  clinic.Decided(second);
  PutXray(clinic, second, burned.InstanceUid());
  answer = failureOf("/api/dental/xrays/" + burned.InstanceUid() + "/analyze", {});
  EXPECT_EQ(422, answer.status) << answer.body;
  EXPECT_EQ("VALIDATION_ERROR", answer.Json()["code"].asString());

  answer = clinic.Http().Call("POST", "/api/dental/xrays/1.2.3/analyze");
  EXPECT_EQ(404, answer.status) << answer.body;
  EXPECT_EQ("NOT_FOUND", answer.Json()["code"].asString());
  EXPECT_EQ(404, clinic.Http().Post(path, ParseJsonText(R"({"provider": "none"})")).status);
}

// An Orthanc is the node: it takes the images, and the test answers from it as an AI would.
TEST(ADicomNode, GetsImagesWithoutIdentityAndItsResultComesHome)
{
  OrthancServer::Options plain;
  plain.clinic = false;
  plain.configuration["Plugins"].append("/usr/share/orthanc/plugins/libOrthancDicomWeb.so");
  const OrthancServer node(plain);
  for (const std::string type : {"dicom", "dicomweb"})
  {
    Json::Value configuration = Configuration(
        type == "dicom"
            ? R"({"Providers": [{"Name": "node", "Type": "dicom", "Modality": "ai"}], "Rules": [{"Provider": "node"}]})"
            : R"({"Providers": [{"Name": "node", "Type": "dicomweb", "Endpoint": "http://127.0.0.1:)" +
                  std::to_string(node.HttpPort()) + R"(/dicom-web"}], "Rules": [{"Provider": "node"}]})");
    configuration["DicomModalities"]["ai"].append("ORTHANC");
    configuration["DicomModalities"]["ai"].append("127.0.0.1");
    configuration["DicomModalities"]["ai"].append(node.DicomPort());
    const Clinic clinic(WithUser(configuration));
    const DicomFile image = Tooth();
    const std::string uid = clinic.Send(image);
    Json::Value analysis = OnlyAnalysis(clinic, uid, "sent");
    Json::Value instances;
    EXPECT_TRUE(WaitUntil([&] { return (instances = node.Http().Get("/instances").Json()).size() == 1; }));
    ASSERT_EQ(1u, instances.size()) << type;
    const std::string received = node.Http().Get("/instances/" + instances[0].asString() + "/file").body;
    for (const std::string& secret :
         {std::string("Khoury"), std::string("KHON96052814"), std::string("19960528"), std::string("ACC77"),
          std::string("Rosemont"), uid, image.InstanceUid()})
    {
      EXPECT_THAT(received, Not(HasSubstr(secret)));
    }
    const Json::Value tags =
        node.Http().Get("/instances/" + instances[0].asString() + "/simplified-tags").Json();

    // The AI's own object, about the image that it was given.
    DicomFile result("OT");
    result.Set("Modality", "SEG").Set("StudyInstanceUID", tags["StudyInstanceUID"].asString());
    result.Set("PatientID", tags["PatientID"].asString()).Set("PatientName", tags["PatientName"].asString());
    result.AddItem("ReferencedImageSequence",
                   {{"ReferencedSOPClassUID", tags["SOPClassUID"].asString()},
                    {"ReferencedSOPInstanceUID", tags["SOPInstanceUID"].asString()}});
    if (type == "dicom")
    {
      clinic.Send(result, "AI");
    }
    else
    {
      // This node keeps what it makes: it is asked for it. What it has of another study is not ours.
      DicomFile foreign("OT");
      foreign.Set("PatientID", tags["PatientID"].asString());
      for (const DicomFile* const file : {&result, &foreign})
      {
        const TemporaryDirectory folder;
        EXPECT_EQ(200, node.Http().Call("POST", "/instances", ReadFile(file->SaveIn(folder.Path()))).status);
      }
    }

    analysis = OnlyAnalysis(clinic, uid);
    EXPECT_EQ("dicom.seg", analysis["findings"][0]["kind"].asString());
    const std::string home = FileOf(clinic, result.InstanceUid());
    for (const std::string& real :
         {std::string("Khoury^Nour"), std::string("KHON96052814"), uid, image.InstanceUid()})
    {
      EXPECT_THAT(home, HasSubstr(real));
    }
    EXPECT_TRUE(WaitUntil([&] { return clinic.Http().Get("/studies").Json().size() == 1; }))
        << "nothing is left under the pseudonym";
    EXPECT_EQ("answered", analysis["dispatches"][0]["outcome"].asString());
    EXPECT_EQ(64u, analysis["dispatches"][0]["request_sha256"].asString().size());
    // The next poll, which finds nothing to do, may be due in a minute.
    EXPECT_TRUE(
        WaitUntil([&] { return clinic.CountTasks("kind=analysis-poll") == 0; }, std::chrono::seconds(80)));

    // Asked again, the node is not: its answer is there.
    Json::Value again;
    again["study_uid"] = uid;
    const Json::Value reused =
        WaitFor(clinic, clinic.Http().Post("/api/v1/analyses", again).Json()["id"].asString(), "completed");
    EXPECT_EQ("reused", reused["dispatches"][0]["outcome"].asString());
    EXPECT_EQ(type == "dicom" ? 1u : 3u, node.Http().Get("/instances").Json().size());

    // What comes late is not lost.
    DicomFile late("OT");
    late.Set("Modality", "SEG").Set("StudyInstanceUID", tags["StudyInstanceUID"].asString());
    late.Set("PatientID", tags["PatientID"].asString());
    clinic.Send(late, "AI");
    EXPECT_TRUE(WaitUntil(
        [&] { return FileOf(clinic, late.InstanceUid()).find("KHON96052814") != std::string::npos; }));
    for (const Json::Value& event : clinic.Events())
    {
      EXPECT_THAT(JsonText(event), Not(HasSubstr(tags["StudyInstanceUID"].asString())))
          << "only the analysis knows of the pseudonym";
    }
    node.Http().Delete("/instances/" + instances[0].asString());
  }
}

// The StudyInstanceUID in a file of explicit little endian.
std::string StudyUidIn(const std::string& file)
{
  constexpr std::string_view TAG("\x20\x00\x0d\x00UI", 6);
  const size_t at = file.find(TAG);
  if (at == std::string::npos || at + 8 > file.size())
  {
    return "";
  }
  const std::string uid = file.substr(at + 8, static_cast<unsigned char>(file[at + 6]));
  return uid.substr(0, uid.find('\0'));
}

DicomFile ResultFor(const std::string& studyUid)
{
  DicomFile result("OT");
  result.Set("Modality", "SEG").Set("StudyInstanceUID", studyUid).Set("PatientID", "of the node");
  return result;
}

// The node answers before it has been sent everything, Orthanc is killed with the result in it, and more
// comes when all is over: nobody is ever told of a study under the pseudonym.
TEST(ADicomNode, KeepsItsPseudonymToItselfAndTheAnalysis)
{
  std::atomic<bool> mayEnd{false};
  std::mutex mutex;
  std::string pseudonym;  // guarded by the mutex
  const HttpServer node(
      [&](const ServedRequest& request) -> ServedReply
      {
        if (request.method != "POST")
        {
          return {.status = 204};
        }
        {
          const std::lock_guard lock(mutex);
          pseudonym = StudyUidIn(request.body);
        }
        WaitUntil([&] { return mayEnd.load(); }, RETRIED);
        return {.body = "{}"};
      });
  const auto known = [&]
  {
    const std::lock_guard lock(mutex);
    return pseudonym;
  };
  const WebhookReceiver crm("secret-of-the-crm");
  const TemporaryDirectory nas;
  Json::Value configuration =
      Configuration(R"({"Providers": [{"Name": "node", "Type": "dicomweb", "Endpoint": ")" +
                    node.Url("/dicom-web") + R"("}], "Rules": [{"Provider": "node"}]})");
  configuration["Clinic"]["Webhooks"]["PrivateAddresses"] = true;
  configuration["Clinic"]["Webhooks"]["MatchWaitSeconds"] = 1;
  Json::Value target;
  target["Name"] = "nas";
  target["Type"] = "Directory";
  target["Path"] = nas.Path().string();
  configuration["Clinic"]["Replication"]["Targets"].append(target);
  Clinic clinic(WithUser(configuration));
  Json::Value practice;
  practice["id"] = "default";
  practice["crm_user_id"] = "user-1";
  clinic.PutPractice(practice);
  Json::Value endpoint = ParseJsonText(R"({"practice_id": "default", "form": "crm"})");
  endpoint["url"] = crm.Url();
  endpoint["secret"] = "secret-of-the-crm";
  ASSERT_EQ(201, clinic.Http().Put("/api/v1/webhook-endpoints/crm", endpoint).status);
  const std::string uid = clinic.Send(Tooth());
  EXPECT_TRUE(WaitUntil([&] { return !known().empty(); }));
  ASSERT_NE(uid, known());

  const DicomFile result = ResultFor(known());
  clinic.Send(result, "AI");
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=analysis-result") == 1; }));
  clinic.Orthanc().Kill9();
  clinic.Orthanc().Start();
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // longer than the quiet period
  EXPECT_EQ("requested", OnlyAnalysis(clinic, uid, "requested")["status"].asString()) << "not sent yet";
  mayEnd = true;

  const Json::Value analysis = OnlyAnalysis(clinic, uid);
  EXPECT_EQ("dicom.seg", analysis["findings"][0]["kind"].asString());
  EXPECT_THAT(FileOf(clinic, result.InstanceUid()), HasSubstr("KHON96052814"));
  const DicomFile late = ResultFor(known());
  clinic.Send(late, "AI");
  EXPECT_TRUE(WaitUntil(
      [&] { return FileOf(clinic, late.InstanceUid()).find("KHON96052814") != std::string::npos; }));
  EXPECT_TRUE(WaitUntil([&] { return clinic.Http().Get("/studies").Json().size() == 1; }));

  // Everybody else has done what they had to do.
  for (const char* kind : {"analysis-result", "forget.study", "settle.study", "announce.webhook",
                           "catch-up.nas", "replicate.nas", "route.new", "deliver.webhook"})
  {
    EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=" + std::string(kind)) == 0; })) << kind;
  }
  for (const Json::Value& event : clinic.Events())
  {
    EXPECT_THAT(JsonText(event), Not(HasSubstr(known())));
  }
  EXPECT_EQ(1u, clinic.All("/api/v1/studies").size());
  EXPECT_THAT(crm.Refusals(), ::testing::IsEmpty());
  EXPECT_FALSE(crm.Requests().empty());
  for (const ServedRequest& request : crm.Requests())
  {
    EXPECT_THAT(request.body, Not(HasSubstr(known())));
  }
  EXPECT_TRUE(std::filesystem::exists(nas.Path() / uid));
  EXPECT_FALSE(std::filesystem::exists(nas.Path() / known()));
}

// DCMTK, which Orthanc reads DICOM with, ends the process over a file whose sequences are nested deeply
// enough.
TEST(ADicomNode, MayHaveAnObjectThatWouldEndOrthanc)
{
  std::atomic<int> listed{0};
  std::atomic<int> fetched{0};
  const HttpServer node(
      [&](const ServedRequest& request) -> ServedReply
      {
        if (request.method == "POST")
        {
          return {.body = "{}"};
        }
        if (request.target.ends_with("/instances"))
        {
          // With another one each time, so that each poll ends with the error.
          return {.body = R"([{"0020000E": {"Value": ["1.2.3.4"]}, "00080018": {"Value": ["1.2.3.5"]}},
                              {"0020000E": {"Value": ["1.2.3.4"]}, "00080018": {"Value": ["1.2.3.6.)" +
                          std::to_string(++listed) + R"("]}}])"};
        }
        fetched += request.target.ends_with("/1.2.3.5") ? 1 : 0;
        const std::string from = request.target.substr(request.target.find("/studies/") + 9);
        return {.body = NestedDicom(from.substr(0, from.find('/'))), .contentType = "application/dicom"};
      });
  const Clinic clinic(
      WithUser(Configuration(R"({"Providers": [{"Name": "node", "Type": "dicomweb", "Endpoint": ")" +
                             node.Url("/dicom-web") + R"("}], "Rules": [{"Provider": "node"}]})")));
  clinic.Send(Tooth());

  Json::Value health;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        health = clinic.Http().Get("/api/v1/health").Json()["parts"]["analysis"]["providers"]["node"];
        return !health["ready"].asBool() && fetched > 0;
      }));
  EXPECT_THAT(health["error"].asString(), HasSubstr("is no DICOM"));
  EXPECT_EQ(1, fetched);
}

// Real images, where somebody has put some beside the project (CLINIC_DICOM_FOLDER says where).
TEST(QualityOfAnImage, IsMeasuredInRealImages)
{
  const char* const named = std::getenv("CLINIC_DICOM_FOLDER");
  const std::filesystem::path folder =
      named != nullptr ? named : std::filesystem::path(ORTHANC_CLINIC_SOURCE_DIR) / "../shared/dicom";
  if (!std::filesystem::is_directory(folder))
  {
    GTEST_SKIP() << "there are no real images";
  }
  const Clinic clinic(WithUser(Configuration(R"({"Rules": [{"Provider": "quality"}]})")));
  int sent = 0;
  for (const char* part :
       {"xray", "dental", "lut", "tcia", "multi-frame", "ct-tilt-28-slices", "transfer-syntaxes"})
  {
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder / part))
    {
      sent += file.is_regular_file() &&
              clinic.Http().Call("POST", "/instances", ReadFile(file.path())).status == 200;
    }
  }
  ASSERT_GT(sent, 0);

  std::vector<Json::Value> analyses;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        if (clinic.CountTasks("kind=settle.study") != 0 || clinic.CountTasks("kind=analysis-rules") != 0 ||
            clinic.CountTasks("kind=analyse.quality") != 0)
        {
          return false;
        }
        analyses = clinic.All("/api/v1/analyses");
        bool hasEnded = !analyses.empty();
        for (const Json::Value& analysis : analyses)
        {
          hasEnded = hasEnded && !analysis["completed_at"].isNull();
        }
        return hasEnded;
      },
      std::chrono::seconds(90)));

  int measured = 0;
  for (const Json::Value& analysis : analyses)
  {
    EXPECT_EQ("completed", analysis["status"].asString()) << JsonText(analysis);
    const auto kinds = Kinds(analysis);
    measured += std::count(kinds.begin(), kinds.end(), "quality.measured") > 0;
    // Not by dsrdump: some of these images have identifiers that DICOM forbids, and are referenced by them.
    EXPECT_THAT(FileOf(clinic, analysis["report_uid"].asString()), HasSubstr("Imaging Measurement Report"));
  }
  std::cout << sent << " instances, " << analyses.size() << " studies analysed, " << measured
            << " of them measured\n";
  EXPECT_GT(measured, 0);
}
}  // namespace
}  // namespace OrthancClinic::Testing
