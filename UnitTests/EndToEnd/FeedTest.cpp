// SPDX-License-Identifier: GPL-3.0-or-later
//
// The records follow Orthanc, whatever happened to its archive while our plugins were away or looked on:
// filled before, emptied, replaced, deleted, overwritten, shared by two Orthancs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "EndToEnd/Clinic.h"
#include "Support/PostgresServer.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using Files = std::vector<std::filesystem::path>;

// An archive that outlives the Orthancs which serve it.
class Archive : public ::testing::Test
{
protected:
  OrthancServer::Options Options(bool withClinic) const
  {
    OrthancServer::Options options;
    options.clinic = withClinic;
    options.databaseUrl = (records_.Path() / "clinic.db").string();
    options.configuration["StorageDirectory"] = (archive_.Path() / "storage").string();
    options.configuration["IndexDirectory"] = (archive_.Path() / "storage").string();
    return options;
  }

  // Studies of one image each.
  Files MakeStudies(int number) const
  {
    Files files;
    for (int i = 0; i < number; i++)
    {
      files.push_back(
          ImageOf("Family" + std::to_string(i) + "^Given", "19800101", "F", "K" + std::to_string(i))
              .SaveIn(images_.Path()));
    }
    return files;
  }

  // Does something to the archive while our plugins are not there.
  void WithoutClinic(const std::function<void(const OrthancServer&)>& action) const
  {
    OrthancServer orthanc(Options(false));
    action(orthanc);
    EXPECT_EQ(0, orthanc.Stop());
  }

  TemporaryDirectory archive_;
  TemporaryDirectory records_;
  TemporaryDirectory images_;
};

int Count(const std::vector<Json::Value>& events, const std::string& type, const std::string& uid)
{
  return static_cast<int>(std::count_if(events.begin(), events.end(),
                                        [&](const Json::Value& event) {
                                          return event["type"] == type &&
                                                 event["data"]["study_instance_uid"] == uid;
                                        }));
}

std::string OrthancIdOf(const HttpClient& http, const std::string& uid)
{
  const Json::Value found = http.Call("POST", "/tools/lookup", uid).Json();
  for (const Json::Value& resource : found)
  {
    if (resource["Type"] == "Study")
    {
      return resource["ID"].asString();
    }
  }
  return "";
}

TEST_F(Archive, ThatWasFilledBeforeIsRecordedAndDecided)
{
  const Files files = MakeStudies(10);
  WithoutClinic([&](const OrthancServer& orthanc)
                { EXPECT_EQ(10u, orthanc.Store(files).acknowledged.size()); });

  Clinic clinic(Options(true));

  clinic.ExpectComplete(files);
}

TEST_F(Archive, WhoseLogWasEmptiedIsSwept)
{
  const Files known = MakeStudies(2);
  Files all = known;
  {
    Clinic clinic(Options(true));
    EXPECT_EQ(2u, clinic.Orthanc().Store(known).acknowledged.size());
    clinic.ExpectComplete(known);
    EXPECT_EQ(0, clinic.Orthanc().Stop());
  }
  WithoutClinic(
      [&](const OrthancServer& orthanc)
      {
        const Files missed = MakeStudies(3);
        all.insert(all.end(), missed.begin(), missed.end());
        EXPECT_EQ(3u, orthanc.Store(missed).acknowledged.size());
        EXPECT_EQ(200, orthanc.Http().Delete("/changes").status);
      });

  Clinic clinic(Options(true));

  clinic.ExpectComplete(all);
}

TEST_F(Archive, WhoseLogWasEmptiedAndGrewAgainIsSwept)
{
  Files all = MakeStudies(1);
  {
    Clinic clinic(Options(true));
    EXPECT_EQ(1u, clinic.Orthanc().Store(all).acknowledged.size());
    clinic.ExpectComplete(all);
    EXPECT_EQ(0, clinic.Orthanc().Stop());
  }
  // An instance more of a known study: only a sweep that looks at the numbers finds it.
  DicomFile image = ImageOf("Later^Study", "19800101", "F", "L", "CT");
  all.push_back(image.SaveIn(images_.Path()));
  {
    Clinic clinic(Options(true));
    EXPECT_EQ(1u, clinic.Orthanc().Store({all.back()}).acknowledged.size());
    clinic.ExpectComplete(all);
    EXPECT_EQ(0, clinic.Orthanc().Stop());
  }
  WithoutClinic(
      [&](const OrthancServer& orthanc)
      {
        all.push_back(image.NextInstance().SaveIn(images_.Path()));
        EXPECT_EQ(1u, orthanc.Store({all.back()}).acknowledged.size());
        EXPECT_EQ(200, orthanc.Http().Delete("/changes").status);
        const Files more = MakeStudies(2);
        all.insert(all.end(), more.begin(), more.end());
        EXPECT_EQ(2u, orthanc.Store(more).acknowledged.size());
      });

  Clinic clinic(Options(true));

  clinic.ExpectComplete(all);
}

TEST_F(Archive, ThatWasReplacedIsReadFromTheBeginning)
{
  {
    Clinic clinic(Options(true));
    const Files old = MakeStudies(5);
    EXPECT_EQ(5u, clinic.Orthanc().Store(old).acknowledged.size());
    clinic.ExpectComplete(old);
    EXPECT_EQ(0, clinic.Orthanc().Stop());
  }
  std::filesystem::remove_all(archive_.Path() / "storage");

  Clinic clinic(Options(true));
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F"));

  clinic.Decided(uid);
  // The images may come back: until then the records of the old ones wait.
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=forget.study") == 5; }));
  EXPECT_EQ(6u, clinic.All("/api/v1/studies").size());
}

TEST_F(Archive, LosesTheRecordOfADeletedStudy)
{
  Clinic clinic(Options(true));
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F"));
  clinic.Decided(uid);

  EXPECT_EQ(200, clinic.Http().Delete("/studies/" + OrthancIdOf(clinic.Http(), uid)).status);

  EXPECT_TRUE(WaitUntil([&] { return clinic.Study(uid).isNull(); }));
  EXPECT_EQ(1, Count(clinic.Events(), "study.deleted", uid));
  EXPECT_EQ(0, clinic.CountTasks("kind=settle.study"));
}

TEST_F(Archive, LosesTheRecordOfAStudyThatWasDeletedMeanwhile)
{
  std::string gone;
  std::string kept;
  {
    Clinic clinic(Options(true));
    gone = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F"));
    kept = clinic.Send(ImageOf("Roy^Marc", "19700101", "M"));
    clinic.Decided(gone);
    clinic.Decided(kept);
    EXPECT_EQ(0, clinic.Orthanc().Stop());
  }
  WithoutClinic(
      [&](const OrthancServer& orthanc)
      { EXPECT_EQ(200, orthanc.Http().Delete("/studies/" + OrthancIdOf(orthanc.Http(), gone)).status); });

  Clinic clinic(Options(true));

  EXPECT_TRUE(WaitUntil([&] { return clinic.Study(gone).isNull(); }));
  EXPECT_EQ(1, Count(clinic.Events(), "study.deleted", gone));
  EXPECT_FALSE(clinic.Study(kept).isNull());
}

class Overwriting : public Archive
{
protected:
  Overwriting() : clinic_(WithOverwriting()) {}

  OrthancServer::Options WithOverwriting() const
  {
    OrthancServer::Options options = Options(true);
    options.configuration["OverwriteInstances"] = true;
    return options;
  }

  Clinic clinic_;
};

TEST_F(Overwriting, WithTheSameChangesNothing)
{
  clinic_.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  const DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720");
  const std::string uid = clinic_.Send(image);
  clinic_.Becomes(uid, "matched", "p1");

  for (int i = 0; i < 5; i++)
  {
    clinic_.Send(image);
  }

  clinic_.ExpectComplete({});
  EXPECT_TRUE(WaitUntil([&] { return clinic_.CountTasks("kind=forget.study") == 0; }));
  const Json::Value study = clinic_.Becomes(uid, "matched", "p1");
  EXPECT_EQ(1, study["number_of_instances"].asInt());
  EXPECT_EQ(0, Count(clinic_.Events(), "study.deleted", uid));
}

TEST_F(Overwriting, WithAnotherPatientGoesToReview)
{
  clinic_.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720");
  const std::string uid = clinic_.Send(image);
  clinic_.Becomes(uid, "matched", "p1");

  image.Set("PatientName", "Tremblay^Gilles").Set("PatientBirthDate", "19500131").Set("PatientSex", "M");
  clinic_.Send(image);

  const Json::Value study = clinic_.Becomes(uid, "review");
  EXPECT_EQ("contradictory_instances", study["match"]["reason"].asString());
}

TEST(OneStudyUid, UnderTwoPatientsGoesToReviewTwice)
{
  Clinic clinic;
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720");
  const std::string uid = clinic.Send(image);
  clinic.Becomes(uid, "matched", "p1");

  image.Set("PatientID", "4799").Set("PatientName", "Roy^Marc").NextInstance();
  clinic.Send(image);

  std::vector<Json::Value> studies;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        studies = clinic.All("/api/v1/studies?status=review");
        return studies.size() == 2;
      }));
  const HttpAnswer answer = clinic.Http().Get("/api/v1/studies/" + uid);
  EXPECT_EQ(409, answer.status);
  std::set<std::string> reasons;
  for (const Json::Value& study : studies)
  {
    const std::string id = study["orthanc_study_id"].asString();
    reasons.insert(study["match"]["reason"].asString());
    EXPECT_THAT(answer.Json()["detail"].asString(), ::testing::HasSubstr(id));
    const HttpAnswer one = clinic.Http().Get("/api/v1/studies/" + id);
    ASSERT_EQ(200, one.status);
    EXPECT_EQ(uid, one.Json()["study_instance_uid"].asString());
  }
  EXPECT_THAT(reasons, ::testing::Contains("study_instance_uid_reused"));
}

TEST(LaterSeries, ThatNamesAnotherPatientSendsTheStudyToReview)
{
  Clinic clinic;
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720");
  const std::string uid = clinic.Send(image);
  clinic.Becomes(uid, "matched", "p1");

  image.Set("SeriesInstanceUID", NewUid()).Set("PatientName", "Tremblay^Gilles").NextInstance();
  clinic.Send(image);

  const Json::Value study = clinic.Becomes(uid, "review");
  EXPECT_EQ("contradictory_instances", study["match"]["reason"].asString());
  EXPECT_EQ(2, study["number_of_series"].asInt());
}

TEST(AStudy, IsSettledOnceItHasBeenQuiet)
{
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::seconds QUIET(2);
  Json::Value configuration;
  configuration["Clinic"]["Studies"]["QuietSeconds"] = static_cast<int>(QUIET.count());
  Clinic clinic({.configuration = configuration});
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720", "CT");
  const std::string uid = image.StudyUid();
  const auto settled = [&] { return Count(clinic.Events(), "study.settled", uid); };
  int sent = 0;
  Json::Value study;  // with all that was sent
  const auto send = [&]
  {
    clinic.Send(image.NextInstance());
    sent++;
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          study = clinic.Study(uid);
          return study["number_of_instances"].asInt() == sent;
        }));
  };

  // No pause is longer than from the beginning of the send before until the look after this one. A machine
  // that needs so long for it makes the study quiet itself.
  bool isSlow = false;
  const auto begin = Clock::now();
  auto previous = begin;
  while (Clock::now() - begin < std::chrono::seconds(4))
  {
    const auto now = Clock::now();
    send();
    const int times = settled();
    isSlow = isSlow || Clock::now() - previous >= QUIET;
    EXPECT_TRUE(times == 0 || isSlow) << "although instances still come";
    previous = now;
  }
  EXPECT_TRUE(WaitUntil([&] { return clinic.Study(uid)["stable"].asBool(); }));
  const int before = settled();
  EXPECT_TRUE(before == 1 || isSlow) << before;

  send();
  EXPECT_TRUE(!study["stable"].asBool() || settled() > before);
  EXPECT_TRUE(WaitUntil([&] { return settled() > before; }));
}

TEST(TwoOrthancsOfOneArchive, RecordEachStudyOnceAlsoWhenOneDies)
{
  if (!PostgresServer::IsInstalled())
  {
    GTEST_SKIP() << "PostgreSQL is not installed";
  }
  PostgresServer& postgres = PostgresServer::Shared();
  const TemporaryDirectory folder;
  const TemporaryDirectory storage;
  OrthancServer::Options options;
  options.databaseUrl = postgres.Url(postgres.NewDatabase());
  options.indexUrl = postgres.Url(postgres.NewDatabase());
  options.configuration["StorageDirectory"] = storage.Path().string();
  Clinic one(options);
  Clinic other(options);
  // Every study comes to both at once.
  Files toOne;
  Files toOther;
  for (int i = 0; i < 25; i++)
  {
    DicomFile image =
        ImageOf("Family" + std::to_string(i) + "^Given", "19800101", "F", "K" + std::to_string(i));
    for (int j = 0; j < 4; j++)
    {
      (j % 2 == 0 ? toOne : toOther).push_back(image.SaveIn(folder.Path()));
      image.NextInstance();
    }
  }

  Storescu first({.port = one.Orthanc().DicomPort()}, toOne);
  Storescu second({.port = other.Orthanc().DicomPort()}, toOther);
  EXPECT_TRUE(WaitUntil([&] { return first.AcknowledgedSoFar() >= 20 || !first.IsRunning(); },
                        std::chrono::minutes(2)));
  one.Orthanc().Kill9();
  Files acknowledged = first.Wait().acknowledged;
  const Files more = second.Wait().acknowledged;
  EXPECT_EQ(toOther.size(), more.size());
  acknowledged.insert(acknowledged.end(), more.begin(), more.end());

  other.ExpectComplete(acknowledged, std::chrono::seconds(120));
}
}  // namespace
}  // namespace OrthancClinic::Testing
