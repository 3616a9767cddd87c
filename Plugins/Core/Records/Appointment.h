// SPDX-License-Identifier: GPL-3.0-or-later
//
// An appointment at which a patient is to be imaged (DICOM's Scheduled Procedure Step). It belongs to an
// order, which is made for it if the CRM names none.

#pragma once

#include <json/value.h>

#include <string>

#include "Core/Api.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
enum class AppointmentStatus
{
  Scheduled,
  Arrived,
  InProgress,
  Completed,
  Cancelled,
  NoShow
};

ORTHANC_CLINIC_API std::string ToString(AppointmentStatus status);
ORTHANC_CLINIC_API AppointmentStatus ParseAppointmentStatus(const std::string& text);  // throws BadInput

struct ORTHANC_CLINIC_API Appointment
{
  std::string id;  // the CRM's
  std::string practiceId;
  std::string patientId;
  std::string orderId;
  std::string scheduledProcedureStepId;  // ours
  AppointmentStatus status = AppointmentStatus::Scheduled;
  Timestamp start{};
  int durationMinutes = 30;
  std::string timeZone;        // IANA's name; empty: the practice's
  std::string stationAeTitle;  // empty: any station of the practice
  std::string modality;        // empty: the order's

  // What the machine only hands on, in the words of the route: "room", "procedure_text", "notes", …
  Json::Value document = Json::objectValue;

  Timestamp updatedAt{};  // when the CRM last changed it: an older write is refused

  // Whether the patient is still to be imaged.
  bool IsOpen() const;
  std::string Text(const char* name) const;  // of the document; empty if it has none
};

// The JSON of `/api/v1/appointments`. `AppointmentFromJson` expects a document that the schema accepted.
ORTHANC_CLINIC_API Json::Value ToJson(const Appointment& appointment);
ORTHANC_CLINIC_API Appointment AppointmentFromJson(const Json::Value& json);
}  // namespace OrthancClinic
