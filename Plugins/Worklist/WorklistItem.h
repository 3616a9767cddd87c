// SPDX-License-Identifier: GPL-3.0-or-later
//
// One item of the Modality Worklist: a step that is scheduled for an order (PS3.3 C.4.10 to C.4.13,
// PS3.4 K.6.1.2.2), made of an appointment, or of an order that waits without one.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "Core/Records/Appointment.h"
#include "Core/Records/Order.h"
#include "Core/Records/Patient.h"
#include "Core/Records/Practice.h"

namespace OrthancClinic::Worklist
{
struct WorklistItem
{
  std::string orderId;
  std::string appointmentId;  // empty for an order without appointment
  std::string practiceId;
  std::string patientId;  // of the directory

  // In the practice's local time. Without a date the step can be done on any day up to `until`.
  std::string date;  // YYYYMMDD
  std::string time;  // HHMMSS
  std::string until;
  std::string stationAeTitle;
  std::vector<std::string> modalities;  // any of them will do; empty: any at all

  std::string patientName;  // a PN in UTF-8
  std::string foldedName;
  std::string dicomPatientId;
  std::string accessionNumber;
  std::string studyInstanceUid;
  std::string requestedProcedureId;
  std::string scheduledProcedureStepId;

  // The other attributes that have a value, as compact JSON: {"gggg,eeee": …}, those of the step under
  // "0040,0100".
  std::string others;
};

// The steps of an order that is still to be done; none otherwise. `appointments` are all of the order; one
// without any, and without a time, waits for `unscheduledDays`.
std::vector<WorklistItem> MakeItems(const Order& order, const std::vector<Appointment>& appointments,
                                    const Patient& patient, const Practice& practice, int unscheduledDays);

// What an answer fills in where the item leaves a choice.
struct Presentation
{
  std::string date;  // of an item without one
  std::string stationAeTitle;
  std::string modality;
  bool withSeconds = true;  // of the start time
};

// The whole data set with every attribute that PS3.4 Table K.6-1 makes type 1 or 2, as JSON by tag.
Json::Value ToDicomJson(const WorklistItem& item, const Presentation& presentation);

// Whether ISO_IR 100 (Latin-1) does not suffice.
bool NeedsUtf8(const std::string& text);
}  // namespace OrthancClinic::Worklist
