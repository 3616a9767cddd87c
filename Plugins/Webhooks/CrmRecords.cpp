// SPDX-License-Identifier: GPL-3.0-or-later

#include "CrmRecords.h"

#include <map>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Dicom/Text.h"
#include "Core/LetterCase.h"

namespace OrthancClinic::Webhooks
{
namespace
{
// The CRM's fields, and ours. What a record does not name stays as it is.
constexpr std::pair<const char*, const char*> FIELDS[] = {{"contactPerson", "contact_person"},
                                                          {"businessName", "business_name"},
                                                          {"email", "email"},
                                                          {"phone", "phone"}};
constexpr std::pair<const char*, const char*> ADDRESS[] = {{"address", "line"},
                                                           {"city", "city"},
                                                           {"state", "province"},
                                                           {"zipCode", "postal_code"},
                                                           {"country", "country"}};

// Other keys are let pass: a CRM's records have more.
const Json::Value& LeadSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object", "required": ["id"],
    "properties": {
      "id": {"type": "string", "minLength": 1, "maxLength": 128},
      "userId": {"type": "string", "minLength": 1, "maxLength": 128},
      "businessName": {"type": ["string", "null"], "maxLength": 512},
      "contactPerson": {"type": ["string", "null"], "maxLength": 512},
      "email": {"type": ["string", "null"], "maxLength": 320},
      "phone": {"type": ["string", "null"], "maxLength": 64},
      "address": {"type": ["string", "null"], "maxLength": 512},
      "city": {"type": ["string", "null"], "maxLength": 256},
      "state": {"type": ["string", "null"], "maxLength": 64},
      "zipCode": {"type": ["string", "null"], "maxLength": 32},
      "country": {"type": ["string", "null"], "maxLength": 64},
      "dateOfBirth": {"type": ["string", "null"], "maxLength": 64},
      "status": {"type": ["string", "null"], "maxLength": 64}
    }
  })");
  return SCHEMA;
}

const Json::Value& BookingSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object", "required": ["id", "leadId", "appointmentDate"],
    "properties": {
      "id": {"type": "string", "minLength": 1, "maxLength": 128},
      "userId": {"type": "string", "minLength": 1, "maxLength": 128},
      "leadId": {"type": "string", "minLength": 1, "maxLength": 128},
      "customerTimezone": {"type": ["string", "null"], "maxLength": 64},
      "appointmentDate": {"type": "string", "format": "date-time"},
      "duration": {"type": ["integer", "null"], "minimum": 1, "maximum": 1440},
      "status": {"enum": ["SCHEDULED", "CONFIRMED", "CANCELLED", "COMPLETED", "NO_SHOW", null]},
      "notes": {"type": ["string", "null"], "maxLength": 10240}
    }
  })");
  return SCHEMA;
}

void Check(const JsonSchema& schema, const Json::Value& record, const char* what)
{
  if (const auto errors = schema.Validate(record); !errors.empty())
  {
    throw BadInput(std::string("The ") + what + " is not valid", errors);
  }
}

// One line of text: what a database of the web has in its fields may hold anything.
Json::Value Line(const Json::Value& value)
{
  return OrNull(value.isString() ? CleanText(value.asString(), 2048) : "");
}

// "1985-01-01", "19850101", or the midnight of that day as JavaScript writes a Date.
Json::Value Date(const Json::Value& value)
{
  const std::string text = value.isString() ? CleanText(value.asString(), 64) : "";
  if (text.empty())
  {
    return {};
  }
  const auto date = DicomDate::Parse(ParseTimestamp(text) ? text.substr(0, 10) : text);
  if (!date)
  {
    throw BadInput("The lead is not valid",
                   {{"dateOfBirth", "expected a date as YYYY-MM-DD, or a date and time of RFC 3339"}});
  }
  return date->ToIso();
}
}  // namespace

bool IsCrmRecord(const Json::Value& data)
{
  return data.isMember("userId");
}

Json::Value PatientFromLead(const Json::Value& lead, PatientKind kind, const std::optional<Patient>& known)
{
  static const JsonSchema SCHEMA(LeadSchema());
  Check(SCHEMA, lead, "lead");

  const std::string status = lead["status"].isString() ? ToUpper(lead["status"].asString()) : "";
  const bool converted =
      status == "CONVERTED" || status == "CUSTOMER" || status == "CLIENT" || status == "PATIENT";
  Json::Value json = ToJson(known.value_or(Patient()));
  json.removeMember("merged_into");
  json["id"] = lead["id"];
  // Who has become a patient stays one.
  const bool isPatient =
      kind == PatientKind::Patient || converted || (known && known->kind == PatientKind::Patient);
  json["kind"] = isPatient ? "patient" : "lead";
  for (const auto& [theirs, ours] : FIELDS)
  {
    if (lead.isMember(theirs))
    {
      json[ours] = Line(lead[theirs]);
    }
  }
  for (const auto& [theirs, ours] : ADDRESS)
  {
    if (lead.isMember(theirs))
    {
      json["address"][ours] = Line(lead[theirs]);
    }
  }
  if (lead.isMember("dateOfBirth"))
  {
    json["birth_date"] = Date(lead["dateOfBirth"]);
  }
  json["active"] = status != "INACTIVE" && status != "ARCHIVED";
  return json;
}

Json::Value AppointmentFromBooking(const Json::Value& booking, const std::optional<Appointment>& known)
{
  static const JsonSchema SCHEMA(BookingSchema());
  Check(SCHEMA, booking, "appointment");

  static const std::map<std::string, AppointmentStatus> STATUSES = {
      {"SCHEDULED", AppointmentStatus::Scheduled},
      {"CONFIRMED", AppointmentStatus::Scheduled},
      {"CANCELLED", AppointmentStatus::Cancelled},
      {"COMPLETED", AppointmentStatus::Completed},
      {"NO_SHOW", AppointmentStatus::NoShow}};

  Appointment appointment = known.value_or(Appointment());
  const Timestamp start = ParseTimestamp(booking["appointmentDate"].asString()).value();
  const AppointmentStatus status =
      booking["status"].isString() ? STATUSES.at(booking["status"].asString()) : AppointmentStatus::Scheduled;
  // The CRM does not know that the patient has come, or that the images have.
  const bool isUnderWay =
      known && known->start == start &&
      (known->status == AppointmentStatus::Arrived || known->status == AppointmentStatus::InProgress ||
       known->status == AppointmentStatus::Completed);
  if (status != AppointmentStatus::Scheduled || !isUnderWay)
  {
    appointment.status = status;
  }
  appointment.id = booking["id"].asString();
  appointment.patientId = booking["leadId"].asString();
  appointment.start = start;
  appointment.durationMinutes =
      booking["duration"].isInt() ? booking["duration"].asInt() : appointment.durationMinutes;
  // "EST" or what else a browser says is no reason to lose the appointment: the practice has a zone.
  const std::string zone = TextOf(booking, "customerTimezone");
  appointment.timeZone = IsTimeZone(zone) ? zone : "";
  Json::Value json = ToJson(appointment);
  if (booking.isMember("notes"))
  {
    json["notes"] = booking["notes"];
  }
  json.removeMember("scheduled_procedure_step_id");
  return json;
}
}  // namespace OrthancClinic::Webhooks
