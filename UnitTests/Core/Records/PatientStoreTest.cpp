// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/PatientStore.h"

#include <gmock/gmock.h>

#include "Core/DatabaseFixture.h"
#include "Core/Errors.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const Timestamp NOON = ParseTimestamp("2026-02-08T12:00:00Z").value();

Patient MakePatient(const std::string& id, const std::string& family, const std::string& given,
                    Timestamp updatedAt = NOON)
{
  Patient patient;
  patient.id = id;
  patient.practiceId = PracticeStore::DEFAULT;
  patient.names.push_back({.family = family, .given = given});
  patient.updatedAt = updatedAt;
  return patient;
}

class PatientsOn : public DatabaseTest
{
protected:
  template <typename Function>
  auto With(Function&& function)
  {
    return WithStore<PatientStore>(std::forward<Function>(function));
  }

  PutOutcome Put(const Patient& patient)
  {
    return With([&](PatientStore& store) { return store.Put(patient); });
  }

  std::optional<Patient> Find(const std::string& id)
  {
    return With([&](PatientStore& store) { return store.Find(id); });
  }

  std::vector<std::string> Search(const PatientFilter& filter)
  {
    std::vector<std::string> ids;
    for (const Patient& patient : With([&](PatientStore& store) { return store.Search(filter); }).first)
    {
      ids.push_back(patient.id);
    }
    return ids;
  }

  std::vector<std::string> SearchText(const std::string& text) { return Search({.text = text}); }

  void AddStudy(const std::string& id, const std::string& patient)
  {
    Transaction transaction(GetDatabase());
    Study study;
    study.orthancStudyId = id;
    study.studyInstanceUid = "1.2." + id;
    study.practiceId = PracticeStore::DEFAULT;
    study.receivedAt = study.lastInstanceAt = NOON;
    study.match.status = MatchStatus::Matched;
    study.match.patientId = patient;
    study.match.decidedBy = StudyMatch::MACHINE;
    study.match.decidedAt = NOON;
    StudyStore(transaction).Insert(study);
    transaction.Commit();
  }

  std::string PatientOf(const std::string& study)
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    const std::string patient = StudyStore(transaction).Get(study).match.patientId.value_or("");
    transaction.Commit();
    return patient;
  }
};

TEST_P(PatientsOn, AreReadAsTheyWereWritten)
{
  Patient patient = MakePatient("cml123", "Tremblay", "Jean-François");
  patient.kind = PatientKind::Lead;
  patient.identifiers = {{"TREM85010112", "RAMQ", "health_insurance"}, {"4711", "", "mrn"}};
  patient.names.push_back({.use = "maiden", .family = "王", .ideographic = "王^小东", .phonetic = "Wáng"});
  patient.contactPerson = "Jean-François Tremblay";
  patient.birthDate = "1985-01";
  patient.sex = "M";
  patient.email = "jf@example.com";
  patient.phone = "+1 514 555 0199";
  patient.address = {"1, rue de l'Église", "Montréal", "QC", "H2X 1Y4", "CA"};
  patient.language = "fr";
  patient.deceased = true;

  EXPECT_EQ(PutOutcome::Created, Put(patient));

  EXPECT_EQ(ToJson(patient), ToJson(Find("cml123").value()));
  EXPECT_FALSE(Find("CML123"));
}

TEST_P(PatientsOn, AreNotOverwrittenByAnOlderVersion)
{
  EXPECT_EQ(PutOutcome::Created, Put(MakePatient("p", "Khoury", "Nour")));
  EXPECT_EQ(PutOutcome::Unchanged, Put(MakePatient("p", "Khoury", "Nour")));
  EXPECT_THROW(Put(MakePatient("p", "Old", "Name", NOON - Milliseconds(1))), Conflict);
  EXPECT_EQ("Khoury", Find("p")->names[0].family);
  EXPECT_EQ(PutOutcome::Updated, Put(MakePatient("p", "Haddad", "Nour")));
  EXPECT_EQ(PutOutcome::Updated, Put(MakePatient("p", "Roy", "Nour", NOON + Milliseconds(1))));
  EXPECT_EQ("Roy", Find("p")->names[0].family);
}

TEST_P(PatientsOn, StayInTheirPractice)
{
  Put(MakePatient("p", "Khoury", "Nour"));
  Patient moved = MakePatient("p", "Khoury", "Nour", NOON + Milliseconds(1));
  moved.practiceId = "north";
  EXPECT_THROW(Put(moved), Conflict);
  moved.id = "q";
  EXPECT_THROW(Put(moved), NotFound) << "there is no such practice";
}

TEST_P(PatientsOn, AreFoundByTheBeginningsOfWordsWithoutAccents)
{
  Put(MakePatient("tremblay", "Tremblay", "Jean-François"));
  Put(MakePatient("helene", "Gagnon", "Hélène"));
  Put(MakePatient("obrien", "O'Brien", "Seán"));
  Patient chinese = MakePatient("wang", "Wang", "Xiaodong");
  chinese.names[0].ideographic = "王^小东";
  chinese.email = "xiaodong@example.com";
  Put(chinese);

  EXPECT_THAT(SearchText("Hélène"), ElementsAre("helene"));
  EXPECT_THAT(SearchText("helene GAGNON"), ElementsAre("helene"));
  EXPECT_THAT(SearchText("gag hél"), ElementsAre("helene"));
  EXPECT_THAT(SearchText("franc"), ElementsAre("tremblay"));
  EXPECT_THAT(SearchText("jean-fran"), ElementsAre("tremblay"));
  EXPECT_THAT(SearchText("brien"), ElementsAre("obrien"));
  EXPECT_THAT(SearchText("xiaodong@exam"), ElementsAre("wang"));
  EXPECT_THAT(SearchText("remblay"), IsEmpty()) << "not the beginning of a word";
  EXPECT_THAT(SearchText("tremblay gagnon"), IsEmpty()) << "every word must be found";
  EXPECT_THAT(SearchText("%"), ::testing::SizeIs(4)) << "no word at all: no condition";
}

TEST_P(PatientsOn, AreFoundByTheirIdentifiersAsPeopleTypeThem)
{
  Patient patient = MakePatient("p", "Tremblay", "Gilles");
  patient.identifiers = {{"TREM 8501 0112", "RAMQ", "health_insurance"}};
  Put(patient);
  Put(MakePatient("other", "Roy", "Marc"));

  EXPECT_THAT(Search({.identifier = "trem85010112"}), ElementsAre("p"));
  EXPECT_THAT(Search({.identifier = "TREM-8501-0112"}), ElementsAre("p"));
  EXPECT_THAT(Search({.identifier = "other"}), ElementsAre("other"));
  EXPECT_THAT(Search({.identifier = "TREM8501"}), IsEmpty()) << "only whole ones";

  patient.identifiers.clear();
  patient.updatedAt = NOON + Milliseconds(1);
  Put(patient);
  EXPECT_THAT(Search({.identifier = "trem85010112"}), IsEmpty());
}

TEST_P(PatientsOn, ComeInPagesInTheOrderOfTheirNames)
{
  Put(MakePatient("3", "Élie", "A"));
  Put(MakePatient("1", "Abel", "B"));
  Put(MakePatient("2", "abel", "C"));
  Put(MakePatient("4", "Zoe", "A"));

  EXPECT_THAT(Search({}), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(Search({.limit = 2, .offset = 1}), ElementsAre("2", "3"));
  EXPECT_EQ(4, With([](PatientStore& store) { return store.Search({.limit = 1}); }).second);
  EXPECT_THAT(Search({.practices = "north"}), IsEmpty());
}

TEST_P(PatientsOn, AreMergedWithTheirStudiesAndBack)
{
  Put(MakePatient("a", "Khoury", "Nour"));
  Put(MakePatient("b", "Khoury-Haddad", "Nour"));
  AddStudy("of-a", "a");
  AddStudy("of-b", "b");

  EXPECT_THAT(With([](PatientStore& store) { return store.Merge("a", "b", "alice"); }), ElementsAre("of-a"));
  EXPECT_EQ("b", Find("a")->mergedInto);
  EXPECT_EQ("b", PatientOf("of-a"));
  for (const char* id : {"a", "b"})
  {
    EXPECT_EQ(
        2, WithStore<StudyStore>([&](StudyStore& store) { return store.Search({.patientId = id}); }).second)
        << id;
  }
  AddStudy("since", "b");

  EXPECT_THAT(With([](PatientStore& store) { return store.Unmerge("a"); }), ::testing::Contains("of-a"));
  EXPECT_FALSE(Find("a")->mergedInto);
  EXPECT_EQ("a", PatientOf("of-a"));
  EXPECT_EQ("b", PatientOf("of-b"));
  EXPECT_EQ("b", PatientOf("since"));
}

TEST_P(PatientsOn, KeepTheirMergeThroughAnUpdate)
{
  Put(MakePatient("a", "Khoury", "Nour"));
  Put(MakePatient("b", "Haddad", "Nour"));
  With([](PatientStore& store) { return store.Merge("a", "b", "alice"); });

  Put(MakePatient("a", "Khoury", "Nora", NOON + Milliseconds(1)));

  EXPECT_EQ("b", Find("a")->mergedInto);
}

TEST_P(PatientsOn, RefuseAMergeThatMakesNoSense)
{
  for (const char* const id : {"a", "b", "c"})
  {
    Put(MakePatient(id, "Khoury", "Nour"));
  }
  const auto merge = [this](const std::string& id, const std::string& into)
  { With([&](PatientStore& store) { return store.Merge(id, into, "alice"); }); };

  EXPECT_THROW(merge("a", "a"), Conflict);
  EXPECT_THROW(merge("a", "nobody"), NotFound);
  EXPECT_THROW(merge("nobody", "a"), NotFound);
  EXPECT_THROW(With([](PatientStore& store) { return store.Unmerge("a"); }), Conflict);
  merge("a", "b");
  EXPECT_THROW(merge("a", "c"), Conflict) << "merged already";
  EXPECT_THROW(merge("c", "a"), Conflict) << "into one that is merged";
  EXPECT_THROW(merge("b", "c"), Conflict) << "others were merged into it";
  EXPECT_THROW(With([](PatientStore& store) { store.Delete("b"); }), Conflict);
}

TEST_P(PatientsOn, AreNumberedByTheirChanges)
{
  Put(MakePatient("a", "Khoury", "Nour"));
  Put(MakePatient("b", "Roy", "Marc"));
  const auto changes = With([](PatientStore& store) { return store.ChangedSince(0, 10); });
  ASSERT_EQ(2u, changes.size());

  Put(MakePatient("a", "Khoury", "Nora", NOON + Milliseconds(1)));
  Put(MakePatient("b", "Roy", "Marc"));
  With([](PatientStore& store) { store.Delete("b"); });

  const auto later = With([&](PatientStore& store) { return store.ChangedSince(changes.back().second, 10); });
  ASSERT_EQ(2u, later.size()) << "an unchanged one is not a change";
  EXPECT_EQ("a", later[0].first);
  EXPECT_EQ("b", later[1].first);
  EXPECT_LT(later[0].second, later[1].second);
  EXPECT_THROW(With([](PatientStore& store) { store.Delete("b"); }), NotFound);
}

ON_BOTH_DATABASES(PatientsOn);
}  // namespace
}  // namespace OrthancClinic::Testing
