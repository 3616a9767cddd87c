// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the change log cannot tell, and what administrators do to it.

#include <gtest/gtest.h>

#include "EndToEnd/Clinic.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
std::string OrthancIdOf(const Clinic& clinic, const std::string& uid)
{
  return clinic.Study(uid)["orthanc_study_id"].asString();
}

int Count(const std::vector<Json::Value>& events, const std::string& type)
{
  return static_cast<int>(std::count_if(events.begin(), events.end(),
                                        [&](const Json::Value& event) { return event["type"] == type; }));
}

TEST(Feed, CatchesUpWithAnArchiveThatIsOlderThanThePlugins)
{
  OrthancServer::Options options;
  options.clinic = false;
  Clinic clinic(options);
  std::vector<std::string> uids;
  for (int i = 0; i < 5; i++)
  {
    uids.push_back(clinic.Send(ImageOf("Khoury^Nour", "19960528", "F")));
  }
  clinic.Orthanc().Stop();
  clinic.Orthanc().NextStart().clinic = true;
  clinic.Orthanc().Start();
  for (const std::string& uid : uids)
  {
    clinic.Becomes(uid, "unmatched");
  }
}

TEST(Feed, FindsWhatTheEmptiedLogDoesNotTell)
{
  OrthancServer::Options options;
  options.clinic = false;
  Clinic clinic(options);
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F"));
  EXPECT_EQ(clinic.Http().Delete("/changes").status, 200);
  clinic.Orthanc().Stop();
  clinic.Orthanc().NextStart().clinic = true;
  clinic.Orthanc().Start();
  clinic.Becomes(uid, "unmatched");
}

TEST(Feed, ReadsTheLogOfANewIndexFromItsBeginning)
{
  const TemporaryDirectory elsewhere;
  OrthancServer::Options options;
  options.databaseUrl = (elsewhere.Path() / "clinic.db").string();
  Clinic clinic(options);
  std::string last;
  for (int i = 0; i < 3; i++)
  {
    last = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F"));
  }
  clinic.Decided(last);
  clinic.Orthanc().Stop();
  std::filesystem::remove_all(clinic.Orthanc().Directory() / "storage");
  clinic.Orthanc().Start();
  const std::string uid = clinic.Send(ImageOf("Haddad^Rima", "19700203", "F"));
  clinic.Becomes(uid, "unmatched");
}

TEST(Feed, ForgetsWhatOrthancDeleted)
{
  Clinic clinic;
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F"));
  clinic.Decided(uid);
  EXPECT_EQ(clinic.Http().Delete("/studies/" + OrthancIdOf(clinic, uid)).status, 200);
  EXPECT_TRUE(WaitUntil([&] { return clinic.Http().Get("/api/v1/studies/" + uid).status == 404; }));
  EXPECT_EQ(Count(clinic.Events(), "study.deleted"), 1);
}

TEST(Feed, TellsTwoStudiesOfOneUidApart)
{
  Clinic clinic;
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "1001");
  const std::string uid = clinic.Send(image);
  clinic.Decided(uid);
  const std::string first = OrthancIdOf(clinic, uid);
  image.NextInstance().Set("PatientID", "1002");
  clinic.Send(image);
  ASSERT_TRUE(WaitUntil([&] { return clinic.Http().Get("/api/v1/studies/" + uid).status == 409; }));
  const HttpAnswer conflict = clinic.Http().Get("/api/v1/studies/" + uid);
  EXPECT_NE(conflict.body.find(first), std::string::npos) << conflict.body;
  EXPECT_EQ(clinic.Http().Get("/api/v1/studies/" + first).status, 200);
}

TEST(Feed, NeverFilesTwoStudiesOfOneUidByItself)
{
  Clinic clinic;
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "1001"));
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "1001");
  const std::string uid = clinic.Send(image);
  clinic.Becomes(uid, "matched", "p1");
  const std::string first = OrthancIdOf(clinic, uid);
  image.NextInstance().Set("PatientID", "1002");
  clinic.Send(image);
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const Json::Value match = clinic.Http().Get("/api/v1/studies/" + first).Json()["match"];
        return match["status"] == "review" && match["reason"] == "study_instance_uid_reused";
      }));
}

TEST(Feed, NoticesASeriesOfAnotherPatient)
{
  Clinic clinic;
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "1001"));
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "1001");
  const std::string uid = clinic.Send(image);
  clinic.Becomes(uid, "matched", "p1");
  image.NextInstance().Set("SeriesInstanceUID", NewUid()).Set("PatientName", "Smith^Andrew");
  clinic.Send(image);
  const Json::Value study = clinic.Becomes(uid, "review");
  EXPECT_EQ(study["match"]["reason"], "contradictory_instances");
  EXPECT_EQ(study["contradictions"][0], "patient_name");
}

TEST(Feed, SaysWhenAStudyIsComplete)
{
  OrthancServer::Options options;
  options.configuration["Clinic"]["Studies"]["QuietSecondsByModality"]["PX"] = 1;
  Clinic clinic(options);
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F");
  const std::string uid = clinic.Send(image);
  clinic.Send(image.NextInstance());
  EXPECT_FALSE(clinic.Study(uid)["stable"].asBool());
  ASSERT_TRUE(WaitUntil([&] { return clinic.Study(uid)["stable"].asBool(); }));
  EXPECT_EQ(clinic.Study(uid)["number_of_instances"], 2);
  EXPECT_EQ(Count(clinic.Events(), "study.settled"), 1);
  clinic.Send(image.NextInstance());
  ASSERT_TRUE(WaitUntil([&] { return Count(clinic.Events(), "study.settled") == 2; }));
  EXPECT_EQ(clinic.Study(uid)["number_of_instances"], 3);
}
}  // namespace
}  // namespace OrthancClinic::Testing
