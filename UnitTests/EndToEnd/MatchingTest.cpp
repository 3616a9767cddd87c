// SPDX-License-Identifier: GPL-3.0-or-later
//
// An image that arrives is filed under the right patient, or waits for a person: from storescu to the REST
// API.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "EndToEnd/Clinic.h"
#include "Support/Process.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
std::string MatchPath(const std::string& uid, const std::string& action = "")
{
  return "/api/v1/studies/" + uid + "/match" + action;
}

Json::Value ChoosePatient(const std::string& id)
{
  Json::Value body;
  body["patient_id"] = id;
  return body;
}

TEST(DemoClinic, FilesItsSamplesAsTheirTableSays)
{
  const std::filesystem::path samples =
      std::filesystem::path(ORTHANC_CLINIC_SOURCE_DIR) / "Resources/Samples";
  const TemporaryDirectory folder;
  const Finished made =
      RunProgram({"bash", "-euc", "source \"$0\"; make_samples \"$1\"", samples / "demo.sh", folder.Path()});
  ASSERT_EQ(0, made.exitCode) << made.output;
  Clinic clinic;
  clinic.PutPractice(ParseJsonText(ReadFile(samples / "practice.json")));
  clinic.PutPatients(ParseJsonText(ReadFile(samples / "patients.json"))["patients"]);

  const Json::Value table = ParseJsonText(ReadFile(samples / "studies.json"));
  for (const Json::Value& row : table)
  {
    const StoreResult result = clinic.Orthanc().Store({folder.Path() / row["file"].asString()},
                                                      row["calling_ae"].asString(), "CLINIC");
    EXPECT_EQ(row["instances"].asUInt(), result.acknowledged.size()) << result.output;
  }

  for (const Json::Value& row : table)
  {
    SCOPED_TRACE(row["what"].asString());
    const Json::Value match = clinic.Decided(row["study_instance_uid"].asString())["match"];
    const Json::Value& expected = row["expected_status"];
    EXPECT_THAT(std::vector<Json::Value>(expected.begin(), expected.end()),
                ::testing::Contains(match["status"]))
        << JsonText(match);
    if (match["status"] == "matched")
    {
      EXPECT_EQ(row["expected_patient"], match["patient_id"]) << JsonText(match);
      EXPECT_EQ("machine", match["decided_by"].asString());
      EXPECT_FALSE(match["evidence"].empty());
    }
  }
}

TEST(Matching, StudyShowsWhatTheModalitySent)
{
  Clinic clinic;
  DicomFile image = ImageOf("Khoury^Nour", "19960528", "F", "4720");
  image.Set("AccessionNumber", "A-1")
      .Set("StudyDescription", "Panoramique")
      .Set("InstitutionName", "Du Parc");
  const std::string uid = clinic.Send(image, "PANO1");

  const Json::Value study = clinic.Decided(uid);

  EXPECT_EQ(uid, study["study_instance_uid"].asString());
  EXPECT_EQ("default", study["practice_id"].asString());
  EXPECT_EQ("PX", study["modality"].asString());
  EXPECT_EQ("A-1", study["accession_number"].asString());
  EXPECT_EQ("Panoramique", study["study_description"].asString());
  EXPECT_EQ("Du Parc", study["institution_name"].asString());
  EXPECT_EQ("4720", study["patient_dicom_id"].asString());
  EXPECT_EQ("Khoury^Nour", study["patient_name"].asString());
  EXPECT_EQ("19960528", study["patient_birth_date"].asString());
  EXPECT_EQ(1, study["number_of_instances"].asInt());
  EXPECT_EQ("PANO1", study["source"]["calling_ae"].asString());
  EXPECT_EQ("CLINIC", study["source"]["called_ae"].asString());
  EXPECT_EQ("unmatched", study["match"]["status"].asString());
}

TEST(Matching, APatientWhoComesAfterTheImagesGetsThem)
{
  Clinic clinic;
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F"));
  clinic.Becomes(uid, "unmatched");

  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F"));

  clinic.Becomes(uid, "matched", "p1");
}

TEST(Matching, ADeletedPatientLosesItsStudies)
{
  Clinic clinic;
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F"));
  clinic.PutPatient(Person("p2", "Haddad", "Rima", "1970-02-03", "F"));
  const std::string byMachine = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F"));
  const std::string byPerson = clinic.Send(ImageOf("Nasr^Karim", "19810203", "M"));
  clinic.Becomes(byMachine, "matched", "p1");
  clinic.Becomes(byPerson, "unmatched");
  Json::Value choice;
  choice["patient_id"] = "p2";
  EXPECT_EQ(clinic.Http().Post("/api/v1/studies/" + byPerson + "/match", choice).status, 200);

  EXPECT_EQ(clinic.Http().Delete("/api/v1/patients/p1").status, 204);
  EXPECT_EQ(clinic.Http().Delete("/api/v1/patients/p2").status, 204);

  clinic.Becomes(byMachine, "unmatched");
  clinic.Becomes(byPerson, "unmatched");
}

TEST(Matching, ACorrectionThatMakesAMatchDoubtfulSendsItToReview)
{
  Clinic clinic;
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720"));
  clinic.Becomes(uid, "matched", "p1");

  clinic.PutPatient(Person("p1", "Tremblay", "Gilles", "1950-01-31", "M", "4720"));

  clinic.Becomes(uid, "review");
}

// The identifier of one patient, the name and birth date of another.
class Review : public ::testing::Test
{
protected:
  Review()
  {
    clinic_.PutPatient(Person("p-smith", "Smith", "Andrew", "1975-05-12", "M", "4725"));
    clinic_.PutPatient(Person("p-khoury", "Khoury", "Nour", "1996-05-28", "F", "4720"));
    uid_ = clinic_.Send(ImageOf("Khoury^Nour", "19960528", "F", "4725"));
  }

  Clinic clinic_;
  std::string uid_;
};

TEST_F(Review, ShowsTheConflictWithItsCandidates)
{
  const Json::Value study = clinic_.Becomes(uid_, "review");

  std::vector<std::string> candidates;
  for (const Json::Value& candidate : study["match"]["candidates"])
  {
    candidates.push_back(candidate["patient_id"].asString());
  }
  EXPECT_THAT(candidates, ::testing::UnorderedElementsAre("p-smith", "p-khoury"));
  const Json::Value queue = clinic_.Http().Get("/api/v1/matches?status=review").Json();
  EXPECT_EQ(1, queue["total"].asInt());
}

TEST_F(Review, IsConfirmedByAPersonWhomTheMachineNeverOverrules)
{
  clinic_.Becomes(uid_, "review");

  EXPECT_EQ(200, clinic_.Http().Post(MatchPath(uid_), ChoosePatient("p-khoury")).status);
  const Json::Value study = clinic_.Becomes(uid_, "matched", "p-khoury");
  EXPECT_NE("machine", study["match"]["decided_by"].asString());

  clinic_.PutPatient(Person("p-khoury", "Autre", "Personne", "1901-01-01", "M"));
  const std::string other = clinic_.Send(ImageOf("Nobody^Else", "19300101", "M"));
  clinic_.Decided(other);
  EXPECT_TRUE(WaitUntil(
      [&] {
        return clinic_.CountTasks("kind=match.directory") == 0 && clinic_.CountTasks("kind=match.study") == 0;
      }));
  clinic_.Becomes(uid_, "matched", "p-khoury");
}

TEST_F(Review, IsUndone)
{
  clinic_.Becomes(uid_, "review");
  clinic_.Http().Post(MatchPath(uid_), ChoosePatient("p-khoury"));
  clinic_.Becomes(uid_, "matched", "p-khoury");

  const HttpAnswer undone = clinic_.Http().Delete(MatchPath(uid_));

  EXPECT_TRUE(undone.status == 200 || undone.status == 204) << undone.body;
  clinic_.Becomes(uid_, "review");
}

TEST_F(Review, IsRejected)
{
  clinic_.Becomes(uid_, "review");

  EXPECT_EQ(200, clinic_.Http().Call("POST", MatchPath(uid_, "/reject")).status);

  const Json::Value study = clinic_.Becomes(uid_, "unmatched");
  EXPECT_NE("machine", study["match"]["decided_by"].asString());
  EXPECT_EQ(0, clinic_.Http().Get("/api/v1/matches?status=review").Json()["total"].asInt());
}

TEST_F(Review, MakesAPatientOfTheStudy)
{
  clinic_.Becomes(uid_, "review");

  const HttpAnswer answer = clinic_.Http().Post(MatchPath(uid_, "/create-patient"), Json::objectValue);

  EXPECT_TRUE(answer.status == 200 || answer.status == 201) << answer.body;
  const Json::Value study = clinic_.Study(uid_);
  EXPECT_EQ("matched", study["match"]["status"].asString());
  const std::string id = study["match"]["patient_id"].asString();
  EXPECT_THAT(id, ::testing::Not(::testing::AnyOf("", "p-smith", "p-khoury")));
  const Json::Value patient = clinic_.Http().Get("/api/v1/patients/" + id).Json();
  EXPECT_EQ("Khoury", patient["names"][0]["family"].asString());
  EXPECT_EQ("1996-05-28", patient["birth_date"].asString());
}

TEST_F(Review, RefusesWhatDoesNotExist)
{
  clinic_.Becomes(uid_, "review");

  EXPECT_EQ(404, clinic_.Http().Post(MatchPath("1.2.3"), ChoosePatient("p-khoury")).status);
  EXPECT_GE(clinic_.Http().Post(MatchPath(uid_), ChoosePatient("nobody")).status, 400);
  clinic_.Becomes(uid_, "review");
}

TEST(Matching, AMergeMovesTheStudiesAndItsUndoBringsThemBack)
{
  Clinic clinic;
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  const std::string uid = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720"));
  clinic.Becomes(uid, "matched", "p1");
  clinic.PutPatient(Person("p2", "Khoury-Haddad", "Nour", "1996-05-28", "F", "9001"));
  Json::Value into;
  into["into"] = "p2";

  EXPECT_EQ(200, clinic.Http().Post("/api/v1/patients/p1/merge", into).status);
  clinic.Becomes(uid, "matched", "p2");

  EXPECT_EQ(200, clinic.Http().Call("POST", "/api/v1/patients/p1/unmerge").status);
  clinic.Becomes(uid, "matched", "p1");
}

Json::Value NorthPractice()
{
  return ParseJsonText(R"({"id": "north", "name": "North", "called_ae_titles": ["NORTH"],
    "calling_ae_titles": ["NORTHPANO"], "institution_names": ["Clinique du Nord"], "time_zone": "America/Toronto",
    "language": "en"})");
}

TEST(TwoPractices, AreToldApartByTitlesAndInstitution)
{
  Clinic clinic;
  clinic.PutPractice(NorthPractice());
  DicomFile named = ImageOf("Doe^Jane", "19700101", "F");
  named.Set("InstitutionName", "Clinique du Nord");

  EXPECT_EQ("north",
            clinic.Decided(clinic.Send(ImageOf("Doe^Jane", "19700101", "F"), "PANO", "NORTH"))["practice_id"]
                .asString());
  EXPECT_EQ("north",
            clinic.Decided(clinic.Send(ImageOf("Doe^Jane", "19700101", "F"), "NORTHPANO"))["practice_id"]
                .asString());
  EXPECT_EQ("north", clinic.Decided(clinic.Send(named))["practice_id"].asString());
  EXPECT_EQ("default",
            clinic.Decided(clinic.Send(ImageOf("Doe^Jane", "19700101", "F")))["practice_id"].asString());
}

TEST(TwoPractices, NeverSeeEachOthersPatients)
{
  Clinic clinic;
  clinic.PutPractice(NorthPractice());
  clinic.PutPatient(Person("south-1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  Json::Value both = Person("south-2", "Gagnon", "Hélène", "1972-04-07", "F", "4714");
  clinic.PutPatient(both);
  both["id"] = "north-2";
  both["practice_id"] = "north";
  clinic.PutPatient(both);

  const std::string stranger = clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720"), "PANO", "NORTH");
  const std::string shared = clinic.Send(ImageOf("Gagnon^Hélène", "19720407", "F", "4714"), "PANO", "NORTH");

  const Json::Value match = clinic.Becomes(stranger, "unmatched")["match"];
  EXPECT_TRUE(match["candidates"].empty()) << JsonText(match);
  clinic.Becomes(shared, "matched", "north-2");
}

TEST(Matching, DecisionsOfAUserBearTheirName)
{
  Clinic clinic({.user = "alice", .password = "secret"});
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F"));
  const std::string uid = clinic.Send(ImageOf("Nobody^Known", "19300101", "M"));
  clinic.Becomes(uid, "unmatched");

  EXPECT_EQ(200, clinic.Http().Post(MatchPath(uid), ChoosePatient("p1")).status);

  EXPECT_EQ("alice", clinic.Becomes(uid, "matched", "p1")["match"]["decided_by"].asString());
}
}  // namespace
}  // namespace OrthancClinic::Testing
