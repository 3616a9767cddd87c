// SPDX-License-Identifier: GPL-3.0-or-later

#include <gmock/gmock.h>

#include <thread>

#include "Core/DatabaseFixture.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/StudyStore.h"
#include "Core/Records/Xray.h"

namespace OrthancClinic::Testing
{
namespace
{
// X-rays and the studies that they go with.
class XrayFilingOn : public DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    for (const char* id : {"cml1", "cml2"})
    {
      Patient patient;
      patient.id = id;
      patient.practiceId = "default";
      patient.names = {{.family = id}};
      patient.updatedAt = Now();
      WithStore<PatientStore>([&](PatientStore& store) { store.Put(patient); });
      AddStudy(std::string("study-") + id, id);
      Xray xray = MakeXray(std::string("xray-") + id, std::string("study-") + id);
      xray.patientId = id;
      WithStore<XrayStore>([&](XrayStore& store) { store.Put(xray); });
    }
  }

  void AddStudy(const std::string& id, const std::string& patientId)
  {
    Study study;
    study.orthancStudyId = id;
    study.studyInstanceUid = "1.2." + std::to_string(id.size());
    study.practiceId = "default";
    study.receivedAt = study.lastInstanceAt = Now();
    study.match.status = MatchStatus::Matched;
    study.match.patientId = patientId;
    study.match.decidedBy = StudyMatch::MACHINE;
    study.match.decidedAt = Now();
    WithStore<StudyStore>([&](StudyStore& store) { store.Insert(study); });
  }

  static Xray MakeXray(const std::string& id, const std::string& study)
  {
    Xray xray;
    xray.id = id;
    xray.practiceId = "default";
    xray.orthancStudyId = study;
    xray.type = "panoramic";
    xray.takenAt = ParseTimestamp("2026-02-08T10:30:00Z").value();
    return xray;
  }

  std::string PatientOf(const std::string& id)
  {
    return WithStore<XrayStore>([&](XrayStore& store) { return store.Find(id).value().patientId; });
  }

  template <typename Function>
  void With(Function&& function)
  {
    WithStore<XrayStore>(std::forward<Function>(function));
  }
};
ON_BOTH_DATABASES(XrayFilingOn);

TEST_P(XrayFilingOn, GoesWithTheStudy)
{
  With([](XrayStore& store) { store.SetPatient("study-cml1", "cml2"); });
  EXPECT_EQ("cml2", PatientOf("xray-cml1"));
  With([](XrayStore& store) { store.SetPatient("study-cml1", ""); });
  EXPECT_EQ("", PatientOf("xray-cml1"));
  With([](XrayStore& store) { store.MoveToStudy("study-cml1", "study-corrected"); });
  With([](XrayStore& store) { store.DeleteOfStudy("study-cml1"); });
  EXPECT_EQ("", PatientOf("xray-cml1"));
  With([](XrayStore& store) { store.DeleteOfStudy("study-corrected"); });
  EXPECT_FALSE(WithStore<XrayStore>([](XrayStore& store) { return store.Find("xray-cml1"); }));
  EXPECT_EQ("cml2", PatientOf("xray-cml2"));
}

TEST_P(XrayFilingOn, FollowsMergedAndSeparatedPatients)
{
  Xray waiting = MakeXray("xray-waiting", "study-not-recorded-yet");
  waiting.patientId = "cml1";
  With([&](XrayStore& store) { store.Put(waiting); });

  WithStore<PatientStore>([](PatientStore& store) { store.Merge("cml1", "cml2", "lise"); });
  With([](XrayStore& store) { store.FollowStudiesOf("cml1"); });
  EXPECT_EQ("cml2", PatientOf("xray-cml1"));
  EXPECT_EQ("cml2", PatientOf("xray-cml2"));
  EXPECT_EQ("cml1", PatientOf("xray-waiting")) << "its study will say";

  WithStore<PatientStore>([](PatientStore& store) { store.Unmerge("cml1"); });
  With([](XrayStore& store) { store.FollowStudiesOf("cml1"); });
  EXPECT_EQ("cml1", PatientOf("xray-cml1"));
  EXPECT_EQ("cml2", PatientOf("xray-cml2"));

  WithStore<PatientStore>([](PatientStore& store) { store.Delete("cml1"); });
  With([](XrayStore& store) { store.FollowStudiesOf("cml1"); });
  EXPECT_EQ("", PatientOf("xray-cml1"));
}

TEST_P(XrayFilingOn, LosesNothingThatTwoWriteAtOnce)
{
  const auto change = [&](const char* field)
  {
    Transaction transaction(GetDatabase());
    XrayStore store(transaction);
    Xray xray = store.Lock(MakeXray("new", "study-cml1"));
    xray.document[field] = true;
    std::this_thread::sleep_for(Milliseconds(50));
    store.Put(xray);
    transaction.Commit();
  };
  std::thread one([&] { change("one"); });
  std::thread other([&] { change("other"); });
  one.join();
  other.join();
  const Xray xray = WithStore<XrayStore>([](XrayStore& store) { return store.Find("new").value(); });
  EXPECT_TRUE(xray.document["one"].asBool());
  EXPECT_TRUE(xray.document["other"].asBool());
}
}  // namespace
}  // namespace OrthancClinic::Testing
