// SPDX-License-Identifier: GPL-3.0-or-later
//
// The worklist as consoles ask for it, by DCMTK's findscu, and the images that come back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "Core/LetterCase.h"
#include "EndToEnd/Clinic.h"
#include "Support/Findscu.h"
#include "Support/PostgresServer.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* STEP = "ScheduledProcedureStepSequence[0].";

// An instant of that day in Montréal.
std::string At(int days, const std::string& time = "12:00")
{
  return LocalDay(days, "%Y-%m-%dT") + time + ":00" + LocalDay(days, "%z").insert(3, ":");
}

class Worklist : public ::testing::Test
{
protected:
  static Json::Value Configuration()
  {
    Json::Value configuration;
    configuration["Clinic"]["Studies"]["QuietSecondsByModality"]["PX"] = 1;
    return configuration;
  }

  Json::Value PutAppointment(const std::string& id, const std::string& patient, const std::string& start,
                             const Json::Value& more = Json::objectValue) const
  {
    Json::Value body = more;
    body["patient_id"] = patient;
    body["start"] = start;
    const HttpAnswer answer = clinic_.Http().Put("/api/v1/appointments/" + id, body);
    EXPECT_TRUE(answer.status == 200 || answer.status == 201) << answer.status << answer.body;
    return answer.Json();
  }

  Json::Value Order(const std::string& id) const
  {
    const HttpAnswer answer = clinic_.Http().Get("/api/v1/orders/" + id);
    EXPECT_EQ(200, answer.status) << answer.body;
    return answer.Json();
  }

  FindResult Find(const std::vector<std::string>& keys, const std::string& callingAe = "PANO1") const
  {
    return FindWorklist({.port = clinic_.Orthanc().DicomPort(), .callingAe = callingAe}, keys);
  }

  // The PatientIDs of the answers to a query that must succeed.
  std::vector<std::string> Ids(std::vector<std::string> keys, const std::string& callingAe = "PANO1") const
  {
    if (std::none_of(keys.begin(), keys.end(),
                     [](const std::string& key) { return key.starts_with("PatientID"); }))
    {
      keys.push_back("PatientID");
    }
    const FindResult result = Find(keys, callingAe);
    EXPECT_TRUE(result.succeeded) << result.output;
    std::vector<std::string> ids;
    for (const Json::Value& answer : result.answers)
    {
      ids.push_back(ValueOf(answer, "00100020"));
    }
    return ids;
  }

  // The image that a console makes of an item of the worklist.
  static DicomFile ImageOfItem(const Json::Value& item)
  {
    DicomFile image("PX");
    image.Set("PatientName", ValueOf(item, "00100010"))
        .Set("PatientID", ValueOf(item, "00100020"))
        .Set("PatientBirthDate", ValueOf(item, "00100030"))
        .Set("PatientSex", ValueOf(item, "00100040"))
        .Set("AccessionNumber", ValueOf(item, "00080050"))
        .Set("StudyInstanceUID", ValueOf(item, "0020000D"));
    return image;
  }

  std::string LinkedBy(const std::string& uid) const
  {
    std::string linkedBy;
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          linkedBy = clinic_.Study(uid)["orders"][0]["linked_by"].asString();
          return !linkedBy.empty();
        }))
        << JsonText(clinic_.Study(uid));
    return linkedBy;
  }

  Clinic clinic_{OrthancServer::Options{.configuration = Configuration()}};
};

// What PS3.4 Table K.6-1 makes type 1 or 2.
const std::vector<std::string>& ReturnKeys()
{
  static const std::vector<std::string> KEYS = {"0008,0050",
                                                "0008,0090",
                                                "0008,1110",
                                                "0008,1120",
                                                "0010,0010",
                                                "0010,0020",
                                                "0010,0030",
                                                "0010,0040",
                                                "0010,1030",
                                                "0010,2000",
                                                "0010,2110",
                                                "0010,21c0",
                                                "0020,000d",
                                                "0032,1032",
                                                "0032,1060",
                                                "0032,1064",
                                                "0038,0010",
                                                "0038,0050",
                                                "0038,0300",
                                                "0038,0500",
                                                "0040,1001",
                                                "0040,1003",
                                                "0040,1004",
                                                "0040,3001",
                                                "(0040,0100)[0].0040,0001",
                                                "(0040,0100)[0].0040,0002",
                                                "(0040,0100)[0].0040,0003",
                                                "(0040,0100)[0].0040,0006",
                                                "(0040,0100)[0].0040,0007",
                                                "(0040,0100)[0].0040,0008",
                                                "(0040,0100)[0].0040,0009",
                                                "(0040,0100)[0].0040,0010",
                                                "(0040,0100)[0].0040,0011",
                                                "(0040,0100)[0].0008,0060"};
  return KEYS;
}

TEST_F(Worklist, GivesEveryAttributeThatAConsoleNeeds)
{
  Json::Value person = Person("p1", "Tremblay", "Jean-François", "1985-01-01", "M", "4711");
  clinic_.PutPatient(person);
  Json::Value more;
  more["modality"] = "PX";
  more["station_ae_title"] = "PANO1";
  more["procedure_text"] = "Panoramique";
  more["procedure_code"]["value"] = "PAN";
  more["procedure_code"]["scheme"] = "99CLINIC";
  more["procedure_code"]["meaning"] = "Panoramique";
  more["performing_physician"] = "Bédard^Luce";
  more["referring_physician"] = "Dr Anne Roy";
  more["room"] = "Salle 2";
  more["allergies"] = "Latex";
  more["pregnancy_status"] = "not_pregnant";
  more["weight_kg"] = 71.5;
  more["priority"] = "urgent";
  const Json::Value appointment = PutAppointment("a1", "p1", At(0, "10:30"), more);
  const Json::Value order = Order(appointment["order_id"].asString());
  EXPECT_EQ("scheduled", order["status"].asString());

  const FindResult found = Find(ReturnKeys());

  ASSERT_TRUE(found.succeeded) << found.output;
  ASSERT_EQ(1u, found.answers.size()) << found.output;
  const Json::Value& item = found.answers[0];
  for (const std::string& key : ReturnKeys())
  {
    std::string tag = ToUpper(key.substr(key.rfind('.') == std::string::npos ? 0 : key.rfind('.') + 1));
    std::erase(tag, ',');
    const Json::Value& in = key.starts_with("(") ? item["00400100"]["Value"][0] : item;
    EXPECT_TRUE(in.isMember(tag)) << key;
  }
  EXPECT_EQ("ISO_IR 100", found.characterSets[0]);
  EXPECT_EQ("Tremblay^Jean-François", ValueOf(item, "00100010"));
  EXPECT_EQ("4711", ValueOf(item, "00100020"));
  EXPECT_EQ("19850101", ValueOf(item, "00100030"));
  EXPECT_EQ("M", ValueOf(item, "00100040"));
  EXPECT_EQ("71.5", ValueOf(item, "00101030"));
  EXPECT_EQ("Latex", ValueOf(item, "00102110"));
  EXPECT_EQ("1", ValueOf(item, "001021C0"));
  EXPECT_EQ("HIGH", ValueOf(item, "00401003"));
  EXPECT_EQ("Roy^Dr Anne", ValueOf(item, "00080090"));
  EXPECT_EQ(order["accession_number"].asString(), ValueOf(item, "00080050"));
  EXPECT_EQ(order["order_number"].asString(), ValueOf(item, "00401001"));
  EXPECT_EQ(order["worklist_study_instance_uid"].asString(), ValueOf(item, "0020000D"));
  EXPECT_EQ("Panoramique", ValueOf(item, "00321060"));
  EXPECT_EQ("PAN", ValueOf(item, "00321064.00080100"));
  EXPECT_EQ("PX", ValueOf(item, "00400100.00080060"));
  EXPECT_EQ("PANO1", ValueOf(item, "00400100.00400001"));
  EXPECT_EQ(LocalDay(0), ValueOf(item, "00400100.00400002"));
  EXPECT_EQ("Bédard^Luce", ValueOf(item, "00400100.00400006"));
  EXPECT_EQ(appointment["scheduled_procedure_step_id"].asString(), ValueOf(item, "00400100.00400009"));
  EXPECT_EQ("Salle 2", ValueOf(item, "00400100.00400011"));
}

TEST_F(Worklist, IsAskedInManyWays)
{
  clinic_.PutPatient(Person("p1", "Tremblay", "Jean-François", "1985-01-01", "M", "1"));
  clinic_.PutPatient(Person("p2", "Côté", "Marie-Ève", "1990-05-05", "F", "2"));
  clinic_.PutPatient(Person("p3", "Khoury", "Nour", "1996-05-28", "F", "3"));
  Json::Value pano;
  pano["modality"] = "PX";
  pano["station_ae_title"] = "PANO1";
  Json::Value ct;
  ct["modality"] = "CT";
  ct["station_ae_title"] = "CT1";
  const Json::Value first = PutAppointment("a1", "p1", At(0, "09:00"), pano);
  PutAppointment("a2", "p2", At(0, "14:00"), ct);
  PutAppointment("a3", "p3", At(1, "09:00"), pano);
  PutAppointment("a4", "p3", At(-1, "09:00"), pano);
  PutAppointment("a5", "p3", At(60, "09:00"), pano);
  const std::string accession = Order(first["order_id"].asString())["accession_number"].asString();
  const std::string today = STEP + std::string("ScheduledProcedureStepStartDate=") + LocalDay(0);

  EXPECT_THAT(Ids({}), ElementsAre("1", "2", "3")) << "from today on, and not all the future";
  EXPECT_THAT(Ids({today}), ElementsAre("1", "2"));
  EXPECT_THAT(Ids({today, STEP + std::string("ScheduledStationAETitle=CT1")}, "CT1"), ElementsAre("2"));
  EXPECT_THAT(Ids({STEP + std::string("Modality=PX")}), ElementsAre("1", "3"));
  EXPECT_THAT(Ids({STEP + std::string("Modality=MR")}), IsEmpty());
  EXPECT_THAT(Ids({"PatientName=cote*"}), ElementsAre("2"));
  EXPECT_THAT(Ids({"PatientName=CÔTÉ^MARIE ÈVE"}), ElementsAre("2"));
  EXPECT_THAT(Ids({"PatientName=*marie*"}), ElementsAre("2"));
  EXPECT_THAT(Ids({"PatientName=TREMBLA?^J*"}), ElementsAre("1"));
  EXPECT_THAT(Ids({"PatientName=Nobody*"}), IsEmpty());
  EXPECT_THAT(Ids({"AccessionNumber=" + accession}), ElementsAre("1"));
  EXPECT_THAT(Ids({"PatientID=2"}), ElementsAre("2"));
  EXPECT_THAT(Ids({STEP + std::string("ScheduledProcedureStepStartDate=") + LocalDay(0) + "-" + LocalDay(1)}),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(Ids({STEP + std::string("ScheduledProcedureStepStartDate=") + LocalDay(1) + "-"}),
              ElementsAre("3"));
  EXPECT_THAT(Ids({STEP + std::string("ScheduledProcedureStepStartDate=-") + LocalDay(0)}),
              ElementsAre("1", "2"));
  EXPECT_THAT(Ids({today, STEP + std::string("ScheduledProcedureStepStartTime=000000-120000")}),
              ElementsAre("1"));
  EXPECT_THAT(Ids({today, STEP + std::string("ScheduledProcedureStepStartTime=1200-")}), ElementsAre("2"));
  EXPECT_THAT(Ids({"StudyInstanceUID=" +
                   Order(first["order_id"].asString())["worklist_study_instance_uid"].asString()}),
              ElementsAre("1"));
}

TEST_F(Worklist, WritesNamesOfEveryScript)
{
  Json::Value person = Person("p1", "Wang", "XiaoDong", "1980-03-03", "M", "9");
  person["names"][0]["ideographic"] = "王^小東";
  clinic_.PutPatient(person);
  clinic_.PutPatient(Person("p2", "Lefèvre", "Zoë", "1980-03-03", "F", "8"));
  PutAppointment("a1", "p1", At(0));
  PutAppointment("a2", "p2", At(0, "13:00"));

  FindResult found;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        found = Find({"PatientName"});
        return found.answers.size() == 2 && found.characterSets[0] == "ISO_IR 192";
      }));
  EXPECT_EQ("Wang^XiaoDong=王^小東", ValueOf(found.answers[0], "00100010"));
  EXPECT_EQ("Lefèvre^Zoë", ValueOf(found.answers[1], "00100010"));
  EXPECT_THAT(Ids({"PatientName=王*"}), ElementsAre("9"));

  EXPECT_EQ(204, clinic_.Http().Delete("/api/v1/appointments/a1").status);
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        found = Find({"PatientName"});
        return found.answers.size() == 1 && found.characterSets[0] == "ISO_IR 100";
      }))
      << "the smaller character set suffices again";
  EXPECT_EQ("Lefèvre^Zoë", ValueOf(found.answers[0], "00100010"));
}

TEST_F(Worklist, DoesNotChangeHowImagesWithoutCharacterSetAreRead)
{
  Json::Value person = Person("p1", "Wang", "XiaoDong", "1980-03-03", "M", "9");
  person["names"][0]["ideographic"] = "王^小東";
  clinic_.PutPatient(person);
  clinic_.PutPatient(Person("p2", "Lefèvre", "Zoë", "1980-03-03", "F", "8"));
  PutAppointment("a1", "p1", At(0));
  EXPECT_TRUE(WaitUntil([&] { return clinic_.Http().Get("/tools/default-encoding").body == "Utf8"; }));

  DicomFile image = ImageOf("Lef\xe8vre^Zo\xeb", "19800303", "F", "8");
  const std::string uid = clinic_.Send(image.Remove("SpecificCharacterSet"));

  EXPECT_EQ("Lefèvre^Zoë", clinic_.Becomes(uid, "matched", "p2")["patient_name"].asString());
  // Nor those whose equipment writes what it says that it does not.
  DicomFile ascii = ImageOf("Lef\xe8vre^Zo\xeb", "19800303", "F", "8");
  const std::string other = clinic_.Send(ascii.Set("SpecificCharacterSet", "ISO_IR 6"));
  EXPECT_EQ("Lefèvre^Zoë", clinic_.Becomes(other, "matched", "p2")["patient_name"].asString());
}

TEST_F(Worklist, IsClosedToStationsOfOtherPractices)
{
  Json::Value north;
  north["id"] = "north";
  north["name"] = "North";
  north["calling_ae_titles"].append("PANO_N");
  clinic_.PutPractice(north);
  clinic_.PutPatient(Person("p1", "Tremblay", "Jean", "1985-01-01", "M", "1"));
  Json::Value other = Person("p2", "Khoury", "Nour", "1996-05-28", "F", "2");
  other["practice_id"] = "north";
  clinic_.PutPatient(other);
  PutAppointment("a1", "p1", At(0));
  PutAppointment("a2", "p2", At(0));

  EXPECT_THAT(Ids({}, "PANO_N"), ElementsAre("2"));
  EXPECT_THAT(Ids({}, "PANO1"), ElementsAre("1"));

  Json::Value practice = clinic_.Http().Get("/api/v1/practices/default").Json();
  practice["calling_ae_titles"].append("PANO1");
  practice.removeMember("updated_at");
  clinic_.PutPractice(practice);
  EXPECT_THAT(Ids({}, "PANO1"), ElementsAre("1"));
  const FindResult refused = Find({"PatientID"}, "STRANGER");
  EXPECT_FALSE(refused.succeeded);
  EXPECT_THAT(refused.answers, IsEmpty());
  EXPECT_EQ(1, clinic_.Http()
                   .Get("/api/v1/health")
                   .Json()["parts"]["worklist"]["refused_ae_titles"]["STRANGER"]
                   .asInt());
}

TEST_F(Worklist, RefusesBrokenQueries)
{
  clinic_.PutPatient(Person("p1", "Tremblay", "Jean", "1985-01-01", "M", "1"));
  PutAppointment("a1", "p1", At(0));

  for (const std::vector<std::string>& keys : std::vector<std::vector<std::string>>{
           {STEP + std::string("ScheduledProcedureStepStartDate=garbage")},
           {STEP + std::string("ScheduledProcedureStepStartDate=20261301-19990101")},
           {"PatientName=****************************************************a"},
           {"PatientID=" + std::string(2000, 'x')},
           {"ScheduledProcedureStepSequence[0].Modality=PX",
            "ScheduledProcedureStepSequence[1].Modality=CT"}})
  {
    EXPECT_THAT(Find(keys).answers, IsEmpty()) << keys[0];
  }
  EXPECT_THAT(Ids({}), ElementsAre("1")) << "Orthanc is well";
}

TEST_F(Worklist, LinksTheImagesOfAnItemWithoutAPerson)
{
  clinic_.PutPatient(Person("p1", "Tremblay", "Jean-François", "1985-01-01", "M", "4711"));
  Json::Value more;
  more["modality"] = "PX";
  const std::string orderId = PutAppointment("a1", "p1", At(0), more)["order_id"].asString();
  const std::vector<Json::Value> answers =
      Find({"PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber",
            "StudyInstanceUID", "ScheduledProcedureStepSequence"})
          .answers;
  ASSERT_EQ(1u, answers.size());

  const std::string uid = clinic_.Send(ImageOfItem(answers[0]), "PANO1");

  clinic_.Becomes(uid, "matched", "p1");
  EXPECT_EQ("study_instance_uid", LinkedBy(uid));
  EXPECT_TRUE(WaitUntil([&] { return Order(orderId)["state"] == "acquired"; })) << JsonText(Order(orderId));
  const Json::Value order = Order(orderId);
  EXPECT_EQ("completed", order["status"].asString()) << "the EHR's word";
  EXPECT_EQ(uid, order["study_instance_uid"].asString());
  EXPECT_EQ(1, order["number_of_images"].asInt());
  EXPECT_EQ("modality", order["upload_source"].asString());
  std::vector<std::string> states;
  for (const Json::Value& transition : order["history"])
  {
    states.push_back(transition["to"].asString());
  }
  EXPECT_THAT(states, ElementsAre("scheduled", "in_progress", "acquired"));
  EXPECT_EQ("completed", clinic_.Http().Get("/api/v1/appointments/a1").Json()["status"].asString());
  EXPECT_THAT(Ids({}), IsEmpty()) << "what is done disappears";
}

TEST_F(Worklist, IsTheSameForTheCrm)
{
  clinic_.PutPatient(Person("p1", "Tremblay", "Jean", "1985-01-01", "M", "4711"));
  Json::Value more;
  more["modality"] = "PX";
  PutAppointment("a1", "p1", At(0, "23:30"), more);
  PutAppointment("a2", "p1", At(1, "01:30"), more);

  const Json::Value body = clinic_.Http().Get("/api/dental/dicom/worklist").Json();
  EXPECT_TRUE(body["success"].asBool());
  ASSERT_EQ(1, body["count"].asInt()) << "the local day";
  EXPECT_EQ("a1", body["worklist"][0]["appointmentId"].asString());
  EXPECT_EQ("4711", body["worklist"][0]["patientId"].asString());
  EXPECT_EQ(2, clinic_.Http()
                   .Get("/api/dental/dicom/worklist?startDate=" + LocalDay(0, "%Y-%m-%d") +
                        "&endDate=" + LocalDay(1, "%Y-%m-%d") + "&modality=PX")
                   .Json()["count"]
                   .asInt());
  EXPECT_EQ(1, clinic_.Http().Get("/api/v1/worklist").Json()["total"].asInt());
}
TEST(WorklistOfTwoOrthancs, FollowsWhatTheOtherOneWrote)
{
  if (!PostgresServer::IsInstalled())
  {
    GTEST_SKIP() << "PostgreSQL is not installed";
  }
  PostgresServer& postgres = PostgresServer::Shared();
  OrthancServer::Options options;
  options.databaseUrl = postgres.Url(postgres.NewDatabase());
  const Clinic one(options);
  options.configuration["Clinic"]["Worklist"]["LimitAnswers"] = 2;
  const Clinic other(options);
  const auto find = [&] { return FindWorklist({.port = other.Orthanc().DicomPort()}, {"PatientID"}); };
  EXPECT_THAT(find().answers, IsEmpty());

  one.PutPatient(Person("p1", "Tremblay", "Jean", "1985-01-01", "M", "4711"));
  for (const char* id : {"a1", "a2", "a3"})
  {
    Json::Value appointment;
    appointment["patient_id"] = "p1";
    appointment["start"] = At(0, "23:00");
    EXPECT_EQ(201, one.Http().Put(std::string("/api/v1/appointments/") + id, appointment).status);
  }
  const FindResult found = find();
  EXPECT_EQ(2u, found.answers.size()) << "no more than the limit";
  Json::Value person = Person("p1", "Tremblay", "Jean", "1985-01-01", "M", "9999");
  one.PutPatient(person);
  EXPECT_EQ("9999", ValueOf(find().answers.at(0), "00100020")) << "a correction of the patient";
}

TEST(PriorStudies, ComeBeforeTheAppointmentAndOnce)
{
  OrthancServer::Options options;
  options.configuration["DicomAet"] = "CLINIC";
  Json::Value& priors = options.configuration["Clinic"]["Worklist"]["Priors"];
  priors["Servers"].append("pacs");
  priors["Hours"] = "00:00-24:00";
  Json::Value rule;
  rule["Modality"] = "PX";
  rule["Modalities"].append("PX");
  rule["Modalities"].append("IO");
  priors["Rules"].append(rule);
  Clinic clinic(options);
  OrthancServer::Options remote;
  remote.clinic = false;
  remote.configuration["DicomAet"] = "PACS";
  Clinic pacs(remote);
  const auto introduce = [](const Clinic& to, const char* name, const char* aet, const Clinic& whom)
  {
    Json::Value modality(Json::arrayValue);
    modality.append(aet);
    modality.append("127.0.0.1");
    modality.append(whom.Orthanc().DicomPort());
    EXPECT_EQ(200, to.Http().Put(std::string("/modalities/") + name, modality).status);
  };
  introduce(clinic, "pacs", "PACS", pacs);
  introduce(pacs, "clinic", "CLINIC", clinic);
  const auto prior = [&](const std::string& name, const std::string& modality, const std::string& date)
  {
    DicomFile image = ImageOf(name, "19850101", "M", "4711", modality);
    image.Set("StudyDate", date);
    return pacs.Send(image, "MODALITY", "PACS");
  };
  const std::string wanted = prior("Tremblay^Jean", "PX", LocalDay(-400));
  const std::string tooOld = prior("Tremblay^Jean", "PX", LocalDay(-3000));
  const std::string otherKind = prior("Tremblay^Jean", "CT", LocalDay(-400));
  const std::string otherPerson = prior("Smith^Andrew", "PX", LocalDay(-400));
  clinic.PutPatient(Person("p1", "Tremblay", "Jean", "1985-01-01", "M", "4711"));
  Json::Value appointment;
  appointment["patient_id"] = "p1";
  appointment["start"] = LocalDay(0, "%Y-%m-%dT23:59:59-05:00");
  appointment["modality"] = "PX";

  EXPECT_EQ(201, clinic.Http().Put("/api/v1/appointments/a1", appointment).status);

  clinic.Becomes(wanted, "matched", "p1");
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=fetch.priors") == 0; }));
  for (const std::string& uid : {tooOld, otherKind, otherPerson})
  {
    EXPECT_TRUE(clinic.Study(uid).isNull());
  }
  const std::string id = clinic.Study(wanted)["orthanc_study_id"].asString();
  EXPECT_EQ(200, clinic.Http().Delete("/studies/" + id).status);
  EXPECT_TRUE(WaitUntil([&] { return clinic.Study(wanted).isNull(); }));
  appointment["notes"] = "again";
  EXPECT_EQ(200, clinic.Http().Put("/api/v1/appointments/a1", appointment).status);
  EXPECT_TRUE(WaitUntil([&] { return clinic.CountTasks("kind=fetch.priors") == 0; }));
  EXPECT_TRUE(clinic.Study(wanted).isNull()) << "never twice";
}
}  // namespace
}  // namespace OrthancClinic::Testing
