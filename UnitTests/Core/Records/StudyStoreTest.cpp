// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/StudyStore.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "Core/Database/Query.h"
#include "Core/DatabaseFixture.h"
#include "Core/Errors.h"
#include "Core/Records/CoreMigrations.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Study MakeStudy(const std::string& orthancId, const std::string& uid)
{
  Study study;
  study.orthancStudyId = orthancId;
  study.studyInstanceUid = uid;
  study.practiceId = "default";
  study.modalities = {"CT", "SR"};
  study.studyDate = "20260208";
  study.studyTime = "103000";
  study.studyDescription = "Panoramique « été »";
  study.accessionNumber = "A-1";
  study.institutionName = "Du Parc";
  study.demographics.patientId = "4711";
  study.demographics.issuerOfPatientId = "CLINIC";
  study.demographics.otherPatientIds = {{"TREM85010112", "RAMQ", ""}};
  study.demographics.patientName = "TREMBLAY^JEAN=王^小东";
  study.demographics.otherPatientNames = {"ROY^JEAN"};
  study.demographics.birthDate = "19850101";
  study.demographics.sex = "M";
  study.contradictions = {"patient_name", "sex"};
  study.numberOfSeries = 2;
  study.numberOfInstances = 300;
  study.totalSizeBytes = 5'000'000'000;
  study.source = {"modality", "PANO1", "CLINIC", "127.0.0.1"};
  study.receivedAt = ParseTimestamp("2026-02-08T10:30:00.123Z").value();
  study.lastInstanceAt = ParseTimestamp("2026-02-08T10:31:00.456Z").value();
  study.settledAt = ParseTimestamp("2026-02-08T10:32:00Z").value();
  return study;
}

class StudiesOn : public DatabaseTest
{
protected:
  template <typename Function>
  auto With(Function&& function)
  {
    return WithStore<StudyStore>(std::forward<Function>(function));
  }

  void Insert(const Study& study)
  {
    With([&](StudyStore& store) { store.Insert(study); });
  }

  Study Get(const std::string& id)
  {
    return With([&](StudyStore& store) { return store.Get(id); });
  }

  std::vector<std::string> Search(const StudyFilter& filter)
  {
    std::vector<std::string> ids;
    for (const Study& study : With([&](StudyStore& store) { return store.Search(filter); }).first)
    {
      ids.push_back(study.orthancStudyId);
    }
    return ids;
  }
};

TEST_P(StudiesOn, AreReadAsTheyWereWritten)
{
  Study study = MakeStudy("o1", "1.2.3");
  study.match.status = MatchStatus::Matched;
  study.match.patientId = "p1";
  study.match.decidedBy = "alice";
  study.match.decidedAt = study.receivedAt;
  study.match.probability = 0.99998;
  study.match.reason = "confirmed_by_person";
  Json::Value evidence;
  evidence["field"] = "identifier";
  study.match.evidence.append(evidence);
  Insert(study);

  for (const char* const id : {"o1", "1.2.3"})
  {
    const Study read = Get(id);
    EXPECT_EQ(ToJson(study), ToJson(read));
    EXPECT_EQ(study.demographics, read.demographics);
    EXPECT_EQ(study.contradictions, read.contradictions);
    EXPECT_EQ(study.receivedAt, read.receivedAt);
    EXPECT_EQ(study.settledAt, read.settledAt);
  }
}

TEST_P(StudiesOn, AreReadAsTheyWereWrittenWithNothingInThem)
{
  Study study;
  study.orthancStudyId = "o1";
  study.receivedAt = study.lastInstanceAt = Now();
  Insert(study);

  EXPECT_EQ(ToJson(study), ToJson(Get("o1")));
  EXPECT_FALSE(Get("o1").settledAt);
  EXPECT_TRUE(Get("o1").modalities.empty());
}

TEST_P(StudiesOn, HaveOneRecordEach)
{
  Insert(MakeStudy("o1", "1.2.3"));
  EXPECT_THROW(Insert(MakeStudy("o1", "1.2.4")), Conflict);
}

TEST_P(StudiesOn, OfOneUidAreTwinsThatOnlyOrthancsIdTellsApart)
{
  Insert(MakeStudy("o1", "1.2.3"));
  Insert(MakeStudy("o2", "1.2.3"));
  Insert(MakeStudy("o3", "1.2.4"));

  try
  {
    Get("1.2.3");
    FAIL() << "one of both was chosen";
  }
  catch (const Conflict& error)
  {
    EXPECT_THAT(error.what(), HasSubstr("o1"));
    EXPECT_THAT(error.what(), HasSubstr("o2"));
  }
  EXPECT_EQ("o2", Get("o2").orthancStudyId);
  EXPECT_THAT(With([&](StudyStore& store) { return store.Twins(MakeStudy("o1", "1.2.3")); }),
              ElementsAre("o2"));
  EXPECT_TRUE(With([&](StudyStore& store) { return store.Twins(MakeStudy("o3", "1.2.4")); }).empty());
  EXPECT_THROW(Get("1.2"), NotFound);
}

TEST_P(StudiesOn, KeepTheMatchWhenTheContentChangesAndTheOtherWayRound)
{
  Study study = MakeStudy("o1", "1.2.3");
  Insert(study);
  StudyMatch match;
  match.status = MatchStatus::Review;
  match.decidedBy = StudyMatch::MACHINE;
  match.decidedAt = Now();
  With([&](StudyStore& store) { store.UpdateMatch("o1", match); });

  study.numberOfInstances = 301;
  study.settledAt.reset();
  With([&](StudyStore& store) { store.UpdateContent(study); });

  EXPECT_EQ(MatchStatus::Review, Get("o1").match.status);
  EXPECT_EQ(301, Get("o1").numberOfInstances);
  EXPECT_FALSE(Get("o1").settledAt);
}

TEST_P(StudiesOn, AreSearched)
{
  Study old = MakeStudy("old", "1.1");
  old.receivedAt = ParseTimestamp("2020-01-01T00:00:00Z").value();
  old.studyDate = "20200101";
  old.accessionNumber = "A-2";
  old.modalities = {"PX"};
  Insert(old);
  Insert(MakeStudy("new", "1.2"));

  EXPECT_THAT(Search({}), ElementsAre("new", "old"));
  EXPECT_THAT(Search({.modality = "PX"}), ElementsAre("old"));
  EXPECT_THAT(Search({.modality = "SR"}), ElementsAre("new"));
  EXPECT_THAT(Search({.modality = "P"}), ElementsAre()) << "only whole ones";
  EXPECT_THAT(Search({.accessionNumber = "A-2"}), ElementsAre("old"));
  EXPECT_THAT(Search({.studyDateFrom = "20200102"}), ElementsAre("new"));
  EXPECT_THAT(Search({.studyDateFrom = "20200101", .studyDateTo = "20200101"}), ElementsAre("old"));
  EXPECT_THAT(Search({.status = "matched"}), ElementsAre());
  EXPECT_THAT(Search({.practices = "north"}), ElementsAre());
  EXPECT_THAT(Search({.limit = 1, .offset = 1}), ElementsAre("old"));
  EXPECT_EQ(2, With([](StudyStore& store) { return store.Search({.limit = 1}); }).second);
  With([](StudyStore& store) { store.Delete("old"); });
  EXPECT_THAT(With([](StudyStore& store) { return store.AllOrthancIds(); }), ElementsAre("new"));
}

TEST_P(StudiesOn, AreFoundByTheBeginningsOfTheirWords)
{
  Insert(MakeStudy("tremblay", "1.1"));
  Study other = MakeStudy("cote", "1.2");
  other.demographics = {};
  other.demographics.patientName = "CÔTÉ^Zoé";
  other.demographics.patientId = "77-123";
  other.accessionNumber = "ACC-9";
  other.studyDescription = "CT crâne";
  other.referringPhysician = "DUPUIS^ANNE";
  other.modalities = {"CT"};
  Insert(other);

  EXPECT_THAT(Search({.text = "Cote"}), ElementsAre("cote"));
  EXPECT_THAT(Search({.text = "ZOÉ côt"}), ElementsAre("cote"));
  EXPECT_THAT(Search({.text = "zoe trem"}), ElementsAre());
  EXPECT_THAT(Search({.text = "77-123"}), ElementsAre("cote"));
  EXPECT_THAT(Search({.text = "77123"}), ElementsAre("cote"));
  EXPECT_THAT(Search({.text = "acc9"}), ElementsAre("cote"));
  EXPECT_THAT(Search({.text = "crane"}), ElementsAre("cote"));
  EXPECT_THAT(Search({.text = "dupuis"}), ElementsAre("cote"));
  EXPECT_THAT(Search({.text = "trem85"}), ElementsAre("tremblay")) << "another id";
  EXPECT_THAT(Search({.text = "王"}), ElementsAre("tremblay"));
  EXPECT_THAT(Search({.text = "%"}), ElementsAre("cote", "tremblay")) << "no word: no filter";
  EXPECT_THAT(Search({.modality = "SR", .text = "jean"}), ElementsAre("tremblay"));
  EXPECT_THAT(Search({.modality = "CT", .text = "cot"}), ElementsAre("cote"));
}

TEST_P(StudiesOn, AreFoundByWordsThatThousandsHave)
{
  Insert(MakeStudy("tremblay", "1.1"));
  Study other = MakeStudy("cote", "1.2");
  other.demographics = {};
  other.demographics.patientName = "COTE^ZOE";
  Insert(other);
  // As the words of 6,000 studies each; those of "roy" and "jean" are the same ones.
  const auto giveToMany = [&](const std::string& word, int first)
  {
    Transaction transaction(GetDatabase());
    Execute(transaction,
            fmt::format("INSERT INTO study_words (word, number) WITH RECURSIVE n (i) AS (SELECT {} UNION ALL "
                        "SELECT i + 1 FROM n WHERE i < {}) SELECT '{}', i FROM n",
                        first, first + 5999, word),
            {});
    transaction.Commit();
  };
  giveToMany("tremblay", 1'000'000);
  giveToMany("cote", 2'000'000);
  giveToMany("roy", 3'000'000);
  giveToMany("jean", 3'000'000);

  EXPECT_THAT(Search({.text = "trem jean"}), ElementsAre("tremblay")) << "one has both";
  EXPECT_THAT(Search({.text = "trem cote"}), ElementsAre()) << "nobody has both";
  EXPECT_THAT(Search({.text = "jean roy"}), ElementsAre("tremblay")) << "thousands have both";
  EXPECT_THAT(Search({.text = "zoe cote"}), ElementsAre("cote")) << "one of them is rare";
  EXPECT_THAT(Search({.modality = "CT", .text = "trem jean"}), ElementsAre("tremblay"));
  EXPECT_THAT(Search({.status = "matched", .text = "trem jean"}), ElementsAre());
}

TEST_P(StudiesOn, AreFoundByWhatTheyBecame)
{
  Study study = MakeStudy("o1", "1.1");
  Insert(study);
  study.demographics.patientName = "GAGNON^LUC";
  study.demographics.otherPatientNames.clear();
  study.modalities = {"PX"};
  With([&](StudyStore& store) { store.UpdateContent(study); });
  EXPECT_THAT(Search({.text = "tremblay"}), ElementsAre());
  EXPECT_THAT(Search({.text = "gagnon"}), ElementsAre("o1"));
  EXPECT_THAT(Search({.modality = "CT"}), ElementsAre());
  EXPECT_THAT(Search({.modality = "PX"}), ElementsAre("o1"));

  StudyMatch match;
  match.status = MatchStatus::Matched;
  match.patientId = "p1";
  With([&](StudyStore& store) { store.UpdateMatch("o1", match); });
  EXPECT_THAT(Search({.patientId = "p1", .status = "matched"}), ElementsAre("o1"));
  With([&](StudyStore& store) { store.RefileStudies("p1", "p2"); });
  EXPECT_THAT(Search({.patientId = "p1"}), ElementsAre());
  EXPECT_THAT(Search({.patientId = "p2"}), ElementsAre("o1"));
  EXPECT_EQ("p2", Get("o1").match.patientId);
  With([&](StudyStore& store) { store.RefileStudies("p2", std::nullopt); });
  EXPECT_THAT(Search({.status = "pending"}), ElementsAre("o1"));
  EXPECT_EQ(MatchStatus::Pending, Get("o1").match.status);

  With([](StudyStore& store) { store.Delete("o1"); });
  EXPECT_THAT(Search({.text = "gagnon"}), ElementsAre());
  Insert(study);
  EXPECT_THAT(Search({.text = "gagnon"}), ElementsAre("o1"));
}

TEST_P(StudiesOn, AreSortedAsAsked)
{
  const auto insert = [&](const char* id, const char* name, const char* date, const char* received)
  {
    Study study = MakeStudy(id, id);
    study.demographics.patientName = name;
    study.studyDate = date;
    study.receivedAt = ParseTimestamp(received).value();
    Insert(study);
  };
  insert("a", "ÉMOND^ZOE", "20240101", "2026-01-03T00:00:00Z");
  insert("b", "dubé^luc", "20260101", "2026-01-02T00:00:00Z");
  insert("c", "FORTIN^A", "20250101", "2026-01-01T00:00:00Z");
  EXPECT_THAT(Search({}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Search({.sort = "received_at"}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(Search({.sort = "study_date"}), ElementsAre("a", "c", "b"));
  EXPECT_THAT(Search({.sort = "-study_date"}), ElementsAre("b", "c", "a"));
  EXPECT_THAT(Search({.sort = "patient_name"}), ElementsAre("b", "a", "c"));
  EXPECT_THAT(Search({.sort = "-patient_name", .limit = 1, .offset = 1}), ElementsAre("a"));
  EXPECT_THROW(Search({.sort = "patient_name; DROP TABLE studies"}), BadInput);
}

TEST_P(StudiesOn, OfOtherPracticesDoNotExistForACaller)
{
  Insert(MakeStudy("o1", "1.2.3"));
  Study twin = MakeStudy("o2", "1.2.3");
  twin.practiceId = "north";
  Insert(twin);
  const auto get = [&](const std::string& id, const PracticeScope& scope)
  { return With([&](StudyStore& store) { return store.Get(id, scope).orthancStudyId; }); };
  EXPECT_EQ("o2", get("1.2.3", "north"));
  EXPECT_EQ("o1", get("1.2.3", "default"));
  EXPECT_THROW(get("o1", "north"), NotFound);
  EXPECT_THROW(get("1.2.3", {}), Conflict);
  EXPECT_EQ(1, With([](StudyStore& store) { return store.Total("north"); }).studies);
  EXPECT_EQ(600, With([](StudyStore& store) { return store.Total({}); }).instances);
}

// Those that were stored before there was a table to search in.
TEST_P(StudiesOn, FromBeforeAreListedAtOnceAndFoundByWordsOnceTheyAreIndexed)
{
  Insert(MakeStudy("o1", "1.1"));
  Transaction transaction(GetDatabase());
  transaction.Sql(
      [](soci::session& sql)
      {
        sql << "DROP TABLE study_search";
        sql << "DROP TABLE study_words";
        sql << "DROP TABLE measurements";
        sql << "DROP TABLE awaited_studies";
        sql << "DROP TABLE study_deletions";
        sql << "DELETE FROM number_sequences";
        sql << "ALTER TABLE studies DROP COLUMN referring_physician";
        sql << "DELETE FROM migrations WHERE component = 'core' AND number >= 5";
      });
  transaction.Commit();
  GetDatabase().Migrate("core", CoreMigrations());

  EXPECT_THAT(Search({.modality = "CT"}), ElementsAre("o1"));
  EXPECT_THAT(Search({.accessionNumber = "A-1", .modality = "SR"}), ElementsAre("o1"));
  EXPECT_THAT(Search({.text = "tremblay"}), ElementsAre());
  EXPECT_THAT(With([](StudyStore& store) { return store.Unindexed(10); }), ElementsAre("o1"));
  Study study = Get("o1");
  study.referringPhysician = "DUPUIS^ANNE";
  With([&](StudyStore& store) { store.Index(study); });
  EXPECT_THAT(Search({.text = "tremblay"}), ElementsAre("o1"));
  EXPECT_EQ("DUPUIS^ANNE", Get("o1").referringPhysician);
  EXPECT_THAT(With([](StudyStore& store) { return store.Unindexed(10); }), ElementsAre());
  Insert(MakeStudy("o2", "1.2"));
  EXPECT_EQ(2U, Search({.text = "tremblay"}).size());
}

ON_BOTH_DATABASES(StudiesOn);
}  // namespace
}  // namespace OrthancClinic::Testing
