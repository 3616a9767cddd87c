// SPDX-License-Identifier: GPL-3.0-or-later

#include "Webhooks/CrmRecords.h"

#include <gtest/gtest.h>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic::Webhooks
{
namespace
{
Json::Value Lead(const std::string& fields)
{
  return ParseJson(R"({"id": "cml1", "userId": "u1")" + (fields.empty() ? "" : ", " + fields) + "}");
}

Json::Value Booking(const std::string& fields)
{
  return ParseJson(
      R"({"id": "b1", "userId": "u1", "leadId": "cml1", "appointmentDate": "2026-03-02T14:00:00.000Z")" +
      (fields.empty() ? "" : ", " + fields) + "}");
}

// What is mapped must be what the route reads.
Patient Read(const std::string& fields, const std::optional<Patient>& known = {},
             PatientKind kind = PatientKind::Lead)
{
  return PatientFromJson(PatientFromLead(Lead(fields), kind, known));
}

TEST(CrmRecords, KeepWhatPeopleAreCalledAsFreeText)
{
  for (const char* name : {"Jean-François Tremblay", "TREMBLAY Jean-François", "Tremblay, Jean-François",
                           "Dr Marie-Ève de la Durantaye", "王小东", "Nguyễn Thị Hà", "O'Brien", "Ü"})
  {
    const Patient patient = Read(std::string(R"("contactPerson": ")") + name + "\"");
    EXPECT_EQ(name, patient.contactPerson.value_or("")) << name;
    EXPECT_TRUE(patient.names.empty()) << "nobody guesses which part is the family name";
    EXPECT_FALSE(patient.businessName);
  }
  EXPECT_EQ("Famille Tremblay", Read(R"("businessName": "Famille Tremblay")").businessName);
  EXPECT_EQ("A B", Read(R"("contactPerson": "  A\nB\u0007 ")").contactPerson);
  EXPECT_FALSE(Read(R"("contactPerson": "   ")").contactPerson);
}

TEST(CrmRecords, ReadADateOfBirthAsCrmsWriteIt)
{
  const std::pair<const char*, const char*> CASES[] = {{"\"1985-01-31\"", "1985-01-31"},
                                                       {"\"1985-01-31T00:00:00.000Z\"", "1985-01-31"},
                                                       {"\"1985-01-31T05:00:00Z\"", "1985-01-31"},
                                                       {"\"19850131\"", "1985-01-31"},
                                                       {"\"1985.01.31\"", "1985-01-31"},
                                                       {"\"1985-01\"", "1985-01"},
                                                       {"\"1985\"", "1985"},
                                                       {"\"\"", ""},
                                                       {"null", ""}};
  for (const auto& [text, expected] : CASES)
  {
    EXPECT_EQ(expected, Read(std::string("\"dateOfBirth\": ") + text).birthDate) << text;
  }
  for (const char* bad : {"\"31/01/1985\"", "\"1985-02-30\"", "\"soon\"", "\"1985-13-01T00:00:00Z\"", "12"})
  {
    try
    {
      Read(std::string("\"dateOfBirth\": ") + bad);
      ADD_FAILURE() << bad;
    }
    catch (const BadInput& error)
    {
      ASSERT_EQ(1u, error.Fields().size());
      EXPECT_EQ("dateOfBirth", error.Fields()[0].field);
      EXPECT_EQ(std::string::npos, error.Fields()[0].message.find("31/01")) << "no patient data in an error";
    }
  }
}

TEST(CrmRecords, PutAnAddressIntoOurWords)
{
  const Patient patient = Read(
      R"("address": "123, rue Saint-Denis, app. 4", "city": "Montréal", "state": "QC", "zipCode": "H2X 1K1",
         "country": "Canada", "email": "a@example.com", "phone": "+1 514 555-0199")");
  EXPECT_EQ((Address{"123, rue Saint-Denis, app. 4", "Montréal", "QC", "H2X 1K1", "Canada"}),
            patient.address);
  EXPECT_EQ("a@example.com", patient.email);
  EXPECT_EQ("+1 514 555-0199", patient.phone);
}

TEST(CrmRecords, TellALeadFromAPatientByTheirStatus)
{
  struct Case
  {
    const char* status;
    PatientKind kind;
    bool active;
  };
  for (const Case& one : {Case{"NEW", PatientKind::Lead, true},
                          {"CONTACTED", PatientKind::Lead, true},
                          {"QUALIFIED", PatientKind::Lead, true},
                          {"LOST", PatientKind::Lead, true},
                          {"CONVERTED", PatientKind::Patient, true},
                          {"converted", PatientKind::Patient, true},
                          {"CUSTOMER", PatientKind::Patient, true},
                          {"ARCHIVED", PatientKind::Lead, false},
                          {"INACTIVE", PatientKind::Lead, false},
                          {"whatever", PatientKind::Lead, true}})
  {
    const Patient patient = Read(std::string(R"("status": ")") + one.status + "\"");
    EXPECT_EQ(one.kind, patient.kind) << one.status;
    EXPECT_EQ(one.active, patient.active) << one.status;
  }
  Patient known;
  known.kind = PatientKind::Patient;
  EXPECT_EQ(PatientKind::Patient, Read(R"("status": "NEW")", known).kind) << "who is a patient stays one";
  EXPECT_EQ(PatientKind::Patient, Read("", {}, PatientKind::Patient).kind);
}

TEST(CrmRecords, LeaveWhatTheCrmDoesNotKeep)
{
  Patient known;
  known.id = "cml1";
  known.identifiers = {{"4711", "CLINIC", "mrn"}};
  known.names = {{.family = "Tremblay", .given = "Jean"}};
  known.sex = "M";
  known.language = "fr";
  known.deceased = true;
  known.phone = "514";
  known.email = "old@example.com";
  known.mergedInto = "other";

  const Patient patient = Read(R"("contactPerson": "J. Tremblay", "email": null)", known);

  EXPECT_EQ(known.identifiers, patient.identifiers);
  EXPECT_EQ(known.names, patient.names);
  EXPECT_EQ("M", patient.sex);
  EXPECT_EQ("fr", patient.language);
  EXPECT_TRUE(patient.deceased);
  EXPECT_EQ("514", patient.phone) << "not named: not touched";
  EXPECT_FALSE(patient.email) << "null: there is none";
}

TEST(CrmRecords, RefuseALeadByTheCrmsOwnNames)
{
  for (const auto& [fields, field] :
       {std::pair(R"("zipCode": 123)", "zipCode"), std::pair(R"("contactPerson": ["x"])", "contactPerson"),
        std::pair(R"("email": {"$ne": 1})", "email")})
  {
    try
    {
      Read(fields);
      ADD_FAILURE() << fields;
    }
    catch (const BadInput& error)
    {
      EXPECT_EQ(field, error.Fields().at(0).field);
    }
  }
}

TEST(CrmRecords, PutABookingsStatusIntoOurWords)
{
  const std::pair<const char*, AppointmentStatus> CASES[] = {{"SCHEDULED", AppointmentStatus::Scheduled},
                                                             {"CONFIRMED", AppointmentStatus::Scheduled},
                                                             {"CANCELLED", AppointmentStatus::Cancelled},
                                                             {"COMPLETED", AppointmentStatus::Completed},
                                                             {"NO_SHOW", AppointmentStatus::NoShow}};
  for (const auto& [theirs, ours] : CASES)
  {
    const auto json = AppointmentFromBooking(Booking(std::string(R"("status": ")") + theirs + "\""), {});
    EXPECT_EQ(ToString(ours), json["status"].asString()) << theirs;
  }
  EXPECT_THROW(AppointmentFromBooking(Booking(R"("status": "MAYBE")"), {}), BadInput);
  EXPECT_EQ("scheduled", AppointmentFromBooking(Booking(""), {})["status"].asString());
}

TEST(CrmRecords, DoNotTakeBackThatThePatientHasCome)
{
  for (const auto ours :
       {AppointmentStatus::Arrived, AppointmentStatus::InProgress, AppointmentStatus::Completed})
  {
    Appointment known = AppointmentFromJson(AppointmentFromBooking(Booking(""), {}));
    known.status = ours;
    known.stationAeTitle = "PANO1";
    known.modality = "PX";
    known.orderId = "o1";
    const Json::Value confirmed = AppointmentFromBooking(Booking(R"("status": "CONFIRMED")"), known);
    EXPECT_EQ(ToString(ours), confirmed["status"].asString());
    EXPECT_EQ("PANO1", confirmed["station_ae_title"].asString());
    EXPECT_EQ("PX", confirmed["modality"].asString());
    EXPECT_EQ("o1", confirmed["order_id"].asString());
    EXPECT_EQ("no_show",
              AppointmentFromBooking(Booking(R"("status": "NO_SHOW")"), known)["status"].asString());

    Json::Value moved = Booking(R"("status": "CONFIRMED")");
    moved["appointmentDate"] = "2026-03-09T14:00:00Z";
    EXPECT_EQ("scheduled", AppointmentFromBooking(moved, known)["status"].asString());
  }
}

TEST(CrmRecords, ReadABookingsTimeZoneOnlyIfItIsOne)
{
  for (const auto& [theirs, ours] :
       {std::pair("\"America/Vancouver\"", "America/Vancouver"), std::pair("\"EST5EDT\"", "EST5EDT"),
        std::pair("\"Eastern Time\"", ""), std::pair("\"../../etc/passwd\"", ""), std::pair("null", ""),
        std::pair("\"\"", "")})
  {
    const Json::Value json =
        AppointmentFromBooking(Booking(std::string("\"customerTimezone\": ") + theirs), {});
    EXPECT_EQ(ours, json["time_zone"].asString()) << theirs;
  }
}
}  // namespace
}  // namespace OrthancClinic::Webhooks
