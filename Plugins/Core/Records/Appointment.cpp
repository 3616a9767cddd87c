// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/Appointment.h"

#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
constexpr std::pair<AppointmentStatus, const char*> STATUSES[] = {
    {AppointmentStatus::Scheduled, "scheduled"},    {AppointmentStatus::Arrived, "arrived"},
    {AppointmentStatus::InProgress, "in_progress"}, {AppointmentStatus::Completed, "completed"},
    {AppointmentStatus::Cancelled, "cancelled"},    {AppointmentStatus::NoShow, "no_show"}};

// The fields that a caller may leave out, and that only people and the worklist read.
constexpr const char* DOCUMENT[] = {"room",
                                    "procedure_code",
                                    "procedure_text",
                                    "performing_physician",
                                    "referring_physician",
                                    "priority",
                                    "notes",
                                    "pregnancy_status",
                                    "allergies",
                                    "weight_kg"};
}  // namespace

std::string ToString(AppointmentStatus status)
{
  for (const auto& [value, name] : STATUSES)
  {
    if (value == status)
    {
      return name;
    }
  }
  throw std::logic_error("Unknown status of an appointment");
}

AppointmentStatus ParseAppointmentStatus(const std::string& text)
{
  for (const auto& [value, name] : STATUSES)
  {
    if (text == name)
    {
      return value;
    }
  }
  throw BadInput("Unknown status of an appointment");
}

bool Appointment::IsOpen() const
{
  return status == AppointmentStatus::Scheduled || status == AppointmentStatus::Arrived ||
         status == AppointmentStatus::InProgress;
}

std::string Appointment::Text(const char* name) const
{
  const Json::Value& value = document[name];
  return value.isString() ? value.asString() : std::string();
}

Json::Value ToJson(const Appointment& appointment)
{
  Json::Value json = appointment.document;
  for (const char* name : DOCUMENT)
  {
    if (!json.isMember(name))
    {
      json[name] = Json::Value();
    }
  }
  json["id"] = appointment.id;
  json["practice_id"] = appointment.practiceId;
  json["patient_id"] = appointment.patientId;
  json["order_id"] = appointment.orderId;
  json["scheduled_procedure_step_id"] = appointment.scheduledProcedureStepId;
  json["status"] = ToString(appointment.status);
  json["start"] = ToString(appointment.start);
  json["duration_minutes"] = appointment.durationMinutes;
  json["time_zone"] = appointment.timeZone;
  json["station_ae_title"] = appointment.stationAeTitle;
  json["modality"] = appointment.modality;
  json["updated_at"] = ToString(appointment.updatedAt);
  return json;
}

Appointment AppointmentFromJson(const Json::Value& json)
{
  Appointment appointment;
  appointment.id = json["id"].asString();
  appointment.practiceId = json["practice_id"].asString();
  appointment.patientId = json["patient_id"].asString();
  appointment.orderId = json["order_id"].asString();
  appointment.status = ParseAppointmentStatus(json.get("status", "scheduled").asString());
  appointment.start = ParseTimestamp(json["start"].asString()).value();
  appointment.durationMinutes = json.get("duration_minutes", 30).asInt();
  appointment.timeZone = json["time_zone"].asString();
  appointment.stationAeTitle = json["station_ae_title"].asString();
  appointment.modality = json["modality"].asString();
  for (const char* name : DOCUMENT)
  {
    if (!json[name].isNull())
    {
      appointment.document[name] = json[name];
    }
  }
  if (const auto at = ParseTimestamp(json["updated_at"].asString()))
  {
    appointment.updatedAt = *at;
  }
  return appointment;
}
}  // namespace OrthancClinic
