// SPDX-License-Identifier: GPL-3.0-or-later

#include "Matching/PatientIndex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "Core/Configuration/Json.h"
#include "Matching/BlockingKeys.h"

namespace OrthancClinic::Matching
{
namespace
{
Patient MakePatient(const std::string& id, const std::string& family, const std::string& given,
                    const std::string& birthDate, const std::string& sex = "", const std::string& mrn = "")
{
  Patient patient;
  patient.id = id;
  patient.practiceId = "default";
  patient.names.push_back({.family = family, .given = given});
  patient.birthDate = birthDate;
  patient.sex = sex;
  if (!mrn.empty())
  {
    patient.identifiers.push_back({mrn, "CLINIC", "mrn"});
  }
  return patient;
}

StudyDemographics MakeStudy(const std::string& name, const std::string& birthDate = "",
                            const std::string& sex = "", const std::string& patientId = "",
                            const std::string& issuer = "")
{
  StudyDemographics study;
  study.patientName = name;
  study.birthDate = birthDate;
  study.sex = sex;
  study.patientId = patientId;
  study.issuerOfPatientId = issuer;
  return study;
}

// A small clinic of Quebec, with the people who are confused with one another.
class Clinic : public ::testing::Test
{
protected:
  Clinic()
  {
    index_.Put(MakePatient("jft", "Tremblay", "Jean-François", "1985-01-12", "M", "4711"));
    index_.Put(MakePatient("father", "Gagnon", "Luc", "1958-03-04", "M", "5001"));
    index_.Put(MakePatient("son", "Gagnon", "Luc", "1988-09-21", "M", "5002"));
    index_.Put(MakePatient("twin1", "Roy", "Julie", "1990-06-15", "F", "6001"));
    index_.Put(MakePatient("twin2", "Roy", "Julia", "1990-06-15", "F", "6002"));
    index_.Put(MakePatient("cote", "Côté", "Marie-Ève", "1979-11-02", "F", "7001"));
    index_.Put(MakePatient("obrien", "O'Brien", "Séan", "1966-02-28", "M", "7002"));
    index_.Put(MakePatient("double", "Bouchard-Lavoie", "Anne", "1992-12-03", "F", "7003"));
    Patient wang = MakePatient("wang", "Wang", "Xiaodong", "1971-08-08", "M", "7004");
    wang.names[0].ideographic = "王^小东";
    index_.Put(wang);
    Patient married = MakePatient("married", "Pelletier", "Sylvie", "1963-05-30", "F", "7005");
    married.names.push_back({.use = "maiden", .family = "Bergeron", .given = "Sylvie"});
    index_.Put(married);
    Patient lead;
    lead.id = "lead";
    lead.practiceId = "default";
    lead.kind = PatientKind::Lead;
    lead.contactPerson = "Alexandre Dubois-Nadeau";
    lead.businessName = "Famille Dubois-Nadeau";
    lead.birthDate = "2001-04-09";
    index_.Put(lead);
    Patient elsewhere = MakePatient("elsewhere", "Khoury", "Nadia", "1980-10-10", "F", "9001");
    elsewhere.practiceId = "other";
    index_.Put(elsewhere);
  }

  Decision Decide(const StudyDemographics& study) const { return index_.Decide(study, "default"); }

  static std::string Show(const Decision& decision) { return WriteJson(ToJson(decision)); }

  PatientIndex index_;
};

TEST_F(Clinic, FilesWhatAgrees)
{
  const std::pair<StudyDemographics, const char*> cases[] = {
      {MakeStudy("TREMBLAY^JEAN-FRANCOIS", "19850112", "M", "4711"), "jft"},
      {MakeStudy("TREMBLAY^JEAN-FRANCOIS", "19850112", "M", "4711", "CLINIC"), "jft"},
      {MakeStudy("TREMBLAY^JEAN FRANCOIS", "19850112"), "jft"},
      {MakeStudy("Tremblay^Jean", "19850112", "M", "4711"), "jft"},
      {MakeStudy("TREMBALY^JEAN-FRANCOIS", "19850112", "M"), "jft"},
      {MakeStudy("JEAN-FRANCOIS^TREMBLAY", "19850112", "M"), "jft"},
      {MakeStudy("TREMBLAY^JEAN-FRANCOIS", "19851201", "M", "4711"), "jft"},  // day and month exchanged
      {MakeStudy("COTE^MARIE-EVE", "19791102", "F"), "cote"},
      {MakeStudy("OBRIEN^SEAN", "19660228", "M"), "obrien"},
      {MakeStudy("BOUCHARD LAVOIE^ANNE", "19921203", "F"), "double"},
      {MakeStudy("Wang^Xiao Dong", "19710808", "M"), "wang"},
      {MakeStudy("王^小东", "19710808", "M"), "wang"},
      {MakeStudy("BERGERON^SYLVIE", "19630530", "F"), "married"},
      {MakeStudy("Dubois Nadeau^Alexandre", "20010409", "M"), "lead"},
      {MakeStudy("GAGNON^LUC", "19880921", "M"), "son"},
      {MakeStudy("ROY^JULIA", "19900615", "F", "6002"), "twin2"}};
  for (const auto& [study, expected] : cases)
  {
    const Decision decision = Decide(study);
    EXPECT_EQ(decision.status, MatchStatus::Matched) << study.patientName << " " << Show(decision);
    EXPECT_EQ(decision.patientId, expected) << study.patientName;
    EXPECT_GE(decision.probability, 0.999) << study.patientName;
  }
}

TEST_F(Clinic, LeavesTheDoubtfulToAPerson)
{
  struct Case
  {
    StudyDemographics study;
    const char* reason;
    const char* first;
  };
  const Case cases[] = {
      // The number of one, the name of another.
      {MakeStudy("GAGNON^LUC", "19580304", "M", "4711"), "identifier_conflict", "jft"},
      {MakeStudy("INCONNU^PAUL", "19700101", "M", "4711"), "identifier_conflict", "jft"},
      {MakeStudy("TREMBLAY^JEAN-FRANCOIS", "19550830", "M", "4711"), "identifier_conflict", "jft"},
      {MakeStudy("ROY^JULIA", "19900615", "F", "6001"), "identifier_conflict", "twin1"},
      // Nothing that could confirm the number.
      {MakeStudy("", "", "", "4711"), "identifier_only", "jft"},
      // Father or son; one twin or, with a slip of the pen, the other.
      {MakeStudy("GAGNON^LUC", "", "M"), "ambiguous", nullptr},
      {MakeStudy("ROY^JULIA", "19900615", "F"), "doubtful", "twin2"}};
  for (const Case& item : cases)
  {
    const Decision decision = Decide(item.study);
    EXPECT_EQ(decision.status, MatchStatus::Review) << Show(decision);
    EXPECT_EQ(decision.reason, item.reason) << Show(decision);
    ASSERT_FALSE(decision.candidates.empty());
    if (item.first != nullptr)
    {
      EXPECT_EQ(decision.candidates[0].patientId, item.first) << Show(decision);
    }
  }
}

TEST_F(Clinic, NeverFilesARelative)
{
  const StudyDemographics cases[] = {
      MakeStudy("ROY^JULIETTE", "19900615", "F"),            // a third sister
      MakeStudy("ROY^MARC", "19900615", "M"),                // a brother
      MakeStudy("TREMBLAY^JEAN-FRANCOIS", "20120112", "M"),  // a son of the name
      MakeStudy("COTE^MARIE-ANNE", "19791102", "F")};
  for (const StudyDemographics& study : cases)
  {
    EXPECT_NE(Decide(study).status, MatchStatus::Matched) << Show(Decide(study));
  }
}

TEST_F(Clinic, FilesAStrangerUnderNobody)
{
  for (const StudyDemographics& study : {MakeStudy("PAPADOPOULOS^YORGOS", "19470417", "M"),
                                         MakeStudy("KHOURY^NADIA", "19801010", "F", "9001")})
  {
    const Decision decision = Decide(study);
    EXPECT_EQ(decision.status, MatchStatus::Unmatched) << Show(decision);
    EXPECT_EQ(decision.reason, "no_candidate");
    for (const Candidate& candidate : decision.candidates)
    {
      EXPECT_NE(candidate.patientId, "elsewhere") << "of another practice";
    }
  }
}

TEST_F(Clinic, AnswersWhateverTheImagesSay)
{
  EXPECT_EQ(Decide({}).reason, "no_demographics");
  EXPECT_EQ(Decide(MakeStudy("", "", "", "UNKNOWN")).reason, "no_demographics");
  const std::string huge(1 << 16, 'x');
  for (const StudyDemographics& study :
       {MakeStudy(huge, huge, huge, huge), MakeStudy("^^^^=^^^^=^^^^", "garbage", "?", "0"),
        MakeStudy("\xff\xfe\x80", "\xff", "\xff", "\xff"), MakeStudy(std::string(2000, '^'), "99999999")})
  {
    EXPECT_NE(Decide(study).status, MatchStatus::Matched);
  }
}

TEST_F(Clinic, TwoHoldersOfOneNumberAreForAPerson)
{
  index_.Put(MakePatient("again", "Tremblay", "Jean-François", "1985-01-12", "M", "4711"));
  const Decision decision = Decide(MakeStudy("TREMBLAY^JEAN-FRANCOIS", "19850112", "M", "4711"));
  EXPECT_EQ(decision.status, MatchStatus::Review);
  EXPECT_EQ(decision.reason, "identifier_ambiguous");
}

TEST_F(Clinic, AMergedPatientSpeaksForItsSurvivor)
{
  Patient old = MakePatient("old", "Tremblay", "JF", "1985-01-12", "M", "8888");
  old.mergedInto = "jft";
  index_.Put(old);
  const Decision decision = Decide(MakeStudy("TREMBLAY^JEAN-FRANCOIS", "19850112", "M", "8888"));
  EXPECT_EQ(decision.status, MatchStatus::Matched) << Show(decision);
  EXPECT_EQ(decision.patientId, "jft");
  for (const Candidate& candidate : decision.candidates)
  {
    EXPECT_NE(candidate.patientId, "old");
  }
}

TEST_F(Clinic, ForgetsWhoWasRemovedAndFollowsChanges)
{
  const StudyDemographics study = MakeStudy("TREMBLAY^JEAN-FRANCOIS", "19850112", "M");
  index_.Remove("jft");
  EXPECT_NE(Decide(study).status, MatchStatus::Matched);
  index_.Put(MakePatient("jft", "Savard", "Jean-François", "1985-01-12", "M"));
  EXPECT_NE(Decide(study).status, MatchStatus::Matched);
  index_.Put(MakePatient("jft", "Tremblay", "Jean-François", "1985-01-12", "M"));
  EXPECT_EQ(Decide(study).patientId, "jft");
  EXPECT_EQ(index_.Size(), 12U);
}

TEST_F(Clinic, ShowsWhyFieldByField)
{
  const Decision decision = Decide(MakeStudy("TREMBLAY^JEAN-FRANCOIS", "19850112", "M", "4711", "CLINIC"));
  std::map<std::string, std::string> levels;
  double sum = 0;
  for (const Evidence& evidence : decision.candidates.at(0).evidence)
  {
    levels[evidence.field] = evidence.level;
    sum += evidence.weight;
  }
  EXPECT_EQ(levels, (std::map<std::string, std::string>{{"family_name", "exact_folded"},
                                                        {"given_name", "exact_folded"},
                                                        {"birth_date", "exact"},
                                                        {"sex", "exact"},
                                                        {"identifier", "exact"}}));
  EXPECT_GT(sum, 20);
}

TEST(PatientIndex, KeysOfAStudyAndOfItsPatientMeet)
{
  const Patient patient = MakePatient("a", "Tremblay", "Jean-François", "1985-01-12", "M", "4711");
  const auto patientKeys = KeysOf(BlockingHashes(patient));
  for (const StudyDemographics& study :
       {MakeStudy("TREMBLAY^JEAN", "19850112"), MakeStudy("JEAN^TREMBLAY"), MakeStudy("X^Y", "19851201"),
        MakeStudy("X", "", "", "4711"), MakeStudy("TRANBLAY^JAN")})
  {
    const auto studyKeys = KeysOf(BlockingHashes(study, "default"));
    const bool meet =
        std::any_of(studyKeys.begin(), studyKeys.end(),
                    [&](const std::string& key)
                    { return std::find(patientKeys.begin(), patientKeys.end(), key) != patientKeys.end(); });
    EXPECT_TRUE(meet) << study.patientName;
    const auto otherKeys = KeysOf(BlockingHashes(study, "other"));
    EXPECT_FALSE(
        std::any_of(otherKeys.begin(), otherKeys.end(),
                    [&](const std::string& key)
                    { return std::find(patientKeys.begin(), patientKeys.end(), key) != patientKeys.end(); }));
  }
}

TEST(PatientIndex, ThatWasChangedManyTimesAnswersAsAFreshOne)
{
  std::minstd_rand random(3);
  const auto make = [&](int id)
  {
    static const char* const FAMILIES[] = {"Tremblay", "Gagnon", "Roy", "Cote", "Bouchard", "Khoury"};
    static const char* const GIVENS[] = {"Luc", "Marie", "Jean", "Anne", "Paul"};
    return MakePatient("p" + std::to_string(id), FAMILIES[random() % 6], GIVENS[random() % 5],
                       "19" + std::to_string(50 + random() % 50) + "-0" + std::to_string(1 + random() % 9) +
                           "-1" + std::to_string(random() % 10),
                       random() % 2 == 0 ? "M" : "F", std::to_string(10'000 + id));
  };
  std::map<int, Patient> truth;
  PatientIndex changed;
  for (int i = 0; i < 30'000; i++)
  {
    const int id = static_cast<int>(random() % 500);
    if (random() % 5 == 0)
    {
      changed.Remove("p" + std::to_string(id));
      truth.erase(id);
    }
    else
    {
      truth[id] = make(id);
      changed.Put(truth[id]);
    }
  }
  PatientIndex fresh;
  for (const auto& [id, patient] : truth)
  {
    fresh.Put(patient);
  }
  ASSERT_EQ(changed.Size(), fresh.Size());
  for (const auto& [id, patient] : truth)
  {
    std::string birthDate = patient.birthDate;
    std::erase(birthDate, '-');
    const StudyDemographics study =
        MakeStudy(patient.names[0].family + "^" + patient.names[0].given, birthDate, patient.sex);
    EXPECT_EQ(WriteJson(ToJson(changed.Decide(study, "default"))),
              WriteJson(ToJson(fresh.Decide(study, "default"))));
  }
}

TEST(PatientIndex, AnswersWhileItChanges)
{
  PatientIndex index;
  index.Put(MakePatient("always", "Khoury", "Nadia", "1980-10-10", "F", "9001"));
  std::atomic<bool> running{true};
  std::thread writer(
      [&]
      {
        for (int i = 0; i < 3000; i++)
        {
          index.Put(MakePatient("p" + std::to_string(i % 300), "Tremblay", "Luc", "1970-01-02", "M",
                                std::to_string(20'000 + i)));
        }
        running = false;
      });
  int decided = 0;
  while (running)
  {
    EXPECT_EQ(index.Decide(MakeStudy("KHOURY^NADIA", "19801010", "F", "9001"), "default").patientId,
              "always");
    decided++;
  }
  writer.join();
  EXPECT_GT(decided, 0);
}

TEST(Parameters, SurviveTheirWayThroughJson)
{
  Parameters parameters;
  parameters.present = 0.7;
  parameters.m[0][1] = 0.5;
  const Parameters read = ParametersFromJson(ParseJson(WriteJson(ToJson(parameters))));
  EXPECT_EQ(read.present, 0.7);
  EXPECT_EQ(read.m, parameters.m);
  EXPECT_EQ(read.u, parameters.u);
  Json::Value other = ToJson(parameters);
  other["version"] = 99;
  EXPECT_EQ(ParametersFromJson(other).m, Parameters().m) << "of another version: the defaults";
}

TEST(Estimation, NeedsEnoughStudiesAndIsDeterministic)
{
  PatientIndex index;
  std::minstd_rand random(11);
  std::vector<std::pair<StudyDemographics, std::string>> observed;
  for (int i = 0; i < 400; i++)
  {
    // Names that are nothing like each other.
    std::string family;
    for (int j = 0; j < 7; j++)
    {
      family += static_cast<char>('a' + random() % 26);
    }
    const int year = 1940 + i % 60;
    index.Put(MakePatient(std::to_string(i), family, "Anne",
                          std::to_string(year) + "-01-" + std::to_string(10 + i % 19), "F"));
    observed.emplace_back(
        MakeStudy(family + "^ANNE", std::to_string(year) + "01" + std::to_string(10 + i % 19), "F"),
        "default");
  }
  EXPECT_FALSE(index.Estimate({observed.begin(), observed.begin() + 100}));
  const auto first = index.Estimate(observed);
  const auto second = index.Estimate(observed);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(WriteJson(ToJson(*first)), WriteJson(ToJson(*second)));
  EXPECT_GT(first->m[0][Level::EXACT], Parameters().m[0][Level::EXACT]) << "all names agreed";
  EXPECT_GT(first->present, Parameters().present);
}
}  // namespace
}  // namespace OrthancClinic::Matching
