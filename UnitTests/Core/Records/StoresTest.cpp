// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/DatabaseFixture.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"

namespace OrthancClinic::Testing
{
namespace
{
class StoresOn : public DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    if (!IsSkipped())
    {
      transaction_ = std::make_unique<Transaction>(GetDatabase());
    }
  }

  // Before the database goes.
  void TearDown() override { transaction_.reset(); }

  Transaction& InTransaction() { return *transaction_; }

  static Patient MakePatient(const std::string& id, const std::string& family)
  {
    Patient patient;
    patient.id = id;
    patient.practiceId = "default";
    patient.names.push_back({.family = family, .given = "Marie-Ève"});
    patient.updatedAt = Now();
    return patient;
  }

  static Study MakeStudy(const std::string& orthancId, const std::string& uid, const std::string& patientId)
  {
    Study study;
    study.orthancStudyId = orthancId;
    study.studyInstanceUid = uid;
    study.practiceId = "default";
    study.modalities = {"CT", "PX"};
    study.demographics.patientName = "Côté^Marie";
    study.receivedAt = study.lastInstanceAt = Now();
    study.match.status = MatchStatus::Matched;
    study.match.patientId = patientId;
    study.match.decidedBy = StudyMatch::MACHINE;
    study.match.decidedAt = Now();
    study.match.probability = 0.9999;
    return study;
  }

private:
  std::unique_ptr<Transaction> transaction_;
};

TEST_P(StoresOn, AStudyBelongsToThePracticeOfItsModalityFirst)
{
  PracticeStore store(InTransaction());
  Practice east;
  east.id = "east";
  east.callingAeTitles = {"PANO1"};
  east.institutionNames = {"Clinique de l'Est"};
  Practice west;
  west.id = "west";
  west.calledAeTitles = {"WEST"};
  EXPECT_TRUE(store.Put(east));
  EXPECT_TRUE(store.Put(west));
  EXPECT_FALSE(store.Put(west)) << "not new";

  EXPECT_EQ(store.Resolve("PANO1", "WEST", ""), "east");
  EXPECT_EQ(store.Resolve("PANO2", "WEST", "CLINIQUE DE L EST"), "west");
  EXPECT_EQ(store.Resolve("PANO2", "ORTHANC", "CLINIQUE DE L EST"), "east");
  EXPECT_EQ(store.Resolve("", "", ""), "default");

  Practice rival;
  rival.id = "rival";
  rival.callingAeTitles = {"PANO1"};
  EXPECT_THROW(store.Put(rival), Conflict);
  EXPECT_THROW(store.Delete("default"), Conflict);
  EXPECT_THROW(store.Delete("missing"), NotFound);
}

TEST_P(StoresOn, AMergeMovesStudiesAndItsUndoReturnsThem)
{
  PatientStore patients(InTransaction());
  StudyStore studies(InTransaction());
  patients.Put(MakePatient("a", "Côté"));
  patients.Put(MakePatient("b", "Roy"));
  studies.Insert(MakeStudy("s1", "1.1", "a"));
  studies.Insert(MakeStudy("s2", "1.2", "b"));

  EXPECT_EQ(patients.Merge("a", "b", "alice"), std::vector<std::string>{"s1"});
  EXPECT_EQ(studies.Get("s1").match.patientId, "b");
  EXPECT_EQ(patients.Find("a")->mergedInto, "b");
  EXPECT_THROW(patients.Merge("a", "b", "alice"), Conflict);
  EXPECT_THROW(patients.Merge("b", "b", "alice"), Conflict);
  EXPECT_THROW(patients.Delete("b"), Conflict);

  patients.Unmerge("a");
  EXPECT_EQ(studies.Get("s1").match.patientId, "a");
  EXPECT_EQ(studies.Get("s2").match.patientId, "b");
  EXPECT_FALSE(patients.Find("a")->mergedInto);
  EXPECT_THROW(patients.Unmerge("a"), Conflict);
}

TEST_P(StoresOn, ChangesOfPatientsAreNumberedAlsoWhenTheyAreDeleted)
{
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    EXPECT_TRUE(PatientStore(transaction).ChangedSince(0, 10).empty());
  }
  PatientStore(InTransaction()).Put(MakePatient("a", "Côté"));
  PatientStore(InTransaction()).Put(MakePatient("b", "Roy"));
  InTransaction().Commit();

  Transaction deleting(GetDatabase());
  PatientStore(deleting).Delete("a");
  deleting.Commit();

  Transaction reading(GetDatabase(), Transaction::Mode::ReadOnly);
  const auto changes = PatientStore(reading).ChangedSince(0, 10);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].first, "b");
  EXPECT_EQ(changes[1].first, "a");
  EXPECT_TRUE(PatientStore(reading).ChangedSince(changes[1].second, 10).empty());
}

TEST_P(StoresOn, AStudyComesBackAsItWasStored)
{
  StudyStore store(InTransaction());
  Study study = MakeStudy("s1", "1.1", "a");
  study.contradictions = {"patient_name"};
  study.settledAt = Now();
  study.match.evidence.append("x");
  store.Insert(study);
  EXPECT_EQ(ToJson(store.Get("1.1")), ToJson(study));
  EXPECT_EQ(store.Get("s1").demographics, study.demographics);

  store.UpdateMatch("s1", StudyMatch{});
  EXPECT_EQ(store.Get("s1").match.status, MatchStatus::Pending);
  EXPECT_FALSE(store.Get("s1").match.patientId);

  store.Insert(MakeStudy("s2", "1.1", "b"));
  EXPECT_THROW(store.Get("1.1"), Conflict);
  EXPECT_EQ(store.Twins(study), std::vector<std::string>{"s2"});
  EXPECT_THROW(store.Get("1.3"), NotFound);
}

TEST_P(StoresOn, StudiesAreSearchedByEachFilter)
{
  StudyStore store(InTransaction());
  store.Insert(MakeStudy("s1", "1.1", "a"));
  Study other = MakeStudy("s2", "1.2", "b");
  other.modalities = {"CTA"};
  other.studyDate = "20260208";
  other.accessionNumber = "A1";
  other.match.status = MatchStatus::Review;
  store.Insert(other);
  const auto count = [&](const StudyFilter& filter) { return store.Search(filter).second; };
  EXPECT_EQ(count({}), 2);
  EXPECT_EQ(count({.modality = "CT"}), 1);
  EXPECT_EQ(count({.patientId = "a"}), 1);
  EXPECT_EQ(count({.status = "review"}), 1);
  EXPECT_EQ(count({.accessionNumber = "A1"}), 1);
  EXPECT_EQ(count({.studyDateFrom = "20260208", .studyDateTo = "20260208"}), 1);
  EXPECT_EQ(count({.practiceId = "other"}), 0);
  EXPECT_EQ(store.Search({.limit = 1, .offset = 1}).first.size(), 1U);
}

ON_BOTH_DATABASES(StoresOn);
}  // namespace
}  // namespace OrthancClinic::Testing
