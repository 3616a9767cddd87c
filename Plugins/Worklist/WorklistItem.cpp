// SPDX-License-Identifier: GPL-3.0-or-later

#include "WorklistItem.h"

#include <algorithm>
#include <map>

#include "AttributeMatching.h"
#include "Core/Configuration/Json.h"
#include "Core/Dicom/Folding.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Dicom/PersonName.h"
#include "Core/Dicom/Text.h"
#include "Core/Records/PatientModule.h"

namespace OrthancClinic::Worklist
{
namespace
{
constexpr const char* STEP = "0040,0100";  // ScheduledProcedureStepSequence

// Longest values in characters (PS3.5 6.2).
constexpr size_t LO = 64;
constexpr size_t SH = 16;
constexpr size_t PN_GROUP = 64;
constexpr size_t LT = 10240;

void Set(Json::Value& json, const char* tag, const std::string& value)
{
  if (!value.empty())
  {
    json[tag] = value;
  }
}

std::string FreeTextName(const std::string& text)
{
  // What people enter for a physician is "Dr Anne Roy" or already a PN.
  if (text.empty() || text.find('^') != std::string::npos)
  {
    return CutValue(text, PN_GROUP);
  }
  return CutValue(PersonName::ParseFreeText(text).ToString(), PN_GROUP);
}

Json::Value Code(const Json::Value& code)
{
  Json::Value items(Json::arrayValue);
  if (code.isObject() && !code["value"].asString().empty())
  {
    Json::Value item;
    item["0008,0100"] = CutValue(code["value"].asString(), SH);
    item["0008,0102"] = CutValue(code["scheme"].asString(), SH);
    item["0008,0104"] = CutValue(code["meaning"].asString(), LO);
    items.append(item);
  }
  return items;
}

// PregnancyStatus (0010,21C0).
std::string Pregnancy(const std::string& status)
{
  static const std::map<std::string, std::string> VALUES = {
      {"not_pregnant", "1"}, {"possible", "2"}, {"definite", "3"}, {"unknown", "4"}};
  const auto known = VALUES.find(status);
  return known == VALUES.end() ? "" : known->second;
}

std::string Priority(const std::string& priority)
{
  return priority == "stat" ? "STAT" : priority == "urgent" ? "HIGH" : "ROUTINE";
}

// The appointment's words, else the order's, else what is known of the examination.
std::string Procedure(const Order& order, const Appointment* appointment)
{
  for (const std::string& text :
       {appointment == nullptr ? "" : appointment->Text("procedure_text"), order.Text("procedure_text"),
        order.document["procedure_code"]["meaning"].asString()})
  {
    if (!text.empty())
    {
      return CutValue(text, LO);
    }
  }
  std::string text = order.modality;
  for (const char* name : {"body_part_id", "laterality"})
  {
    if (const std::string value = order.Text(name); !value.empty())
    {
      text += (text.empty() ? "" : " ") + value;
    }
  }
  return text.empty() ? "Imaging" : CutValue(text, LO);
}

// An EHR that orders "XRAY" does not care which kind of machine takes it.
std::vector<std::string> Modalities(const std::string& code)
{
  if (code.empty())
  {
    return {};
  }
  if (code == "XRAY")
  {
    return {"DX", "CR", "RG"};
  }
  return {DicomModality(code)};
}

void DescribePatient(const Patient& patient, Json::Value& json)
{
  Set(json, "0010,0021", DicomIssuerOfPatientId(patient));
  Set(json, "0010,0030", DicomBirthDate(patient));
  Set(json, "0010,0040", patient.sex);
}

WorklistItem MakeItem(const Order& order, const Appointment* appointment, const Patient& patient,
                      const Practice& practice, int unscheduledDays)
{
  WorklistItem item;
  item.orderId = order.id;
  item.practiceId = order.practiceId;
  item.patientId = order.patientId;
  item.patientName = DicomName(patient);
  item.foldedName = FoldName(item.patientName);
  item.dicomPatientId = DicomPatientId(patient);
  item.accessionNumber = order.accessionNumber;
  item.studyInstanceUid = order.studyInstanceUid;
  item.requestedProcedureId = order.orderNumber;
  item.scheduledProcedureStepId = order.orderNumber;
  item.modalities = Modalities(order.modality);

  Json::Value others(Json::objectValue);
  Json::Value& step = others[STEP];
  step = Json::objectValue;
  DescribePatient(patient, others);

  std::optional<Timestamp> start = order.scheduledAt;
  std::string zone = practice.timeZone;
  Json::Value code = order.document["procedure_code"];
  std::string referring = order.Text("ordered_by");
  std::string priority = order.priority;
  Set(step, "0040,0011", CutValue(order.Text("scheduled_location"), SH));
  if (appointment != nullptr)
  {
    item.appointmentId = appointment->id;
    item.scheduledProcedureStepId = appointment->scheduledProcedureStepId;
    item.stationAeTitle = appointment->stationAeTitle;
    item.modalities = appointment->modality.empty() ? item.modalities : Modalities(appointment->modality);
    start = appointment->start;
    zone = IsTimeZone(appointment->timeZone) ? appointment->timeZone : zone;
    const Json::Value& own = appointment->document["procedure_code"];
    code = own.isObject() ? own : code;
    referring = appointment->Text("referring_physician").empty() ? referring
                                                                 : appointment->Text("referring_physician");
    priority = appointment->Text("priority").empty() ? priority : appointment->Text("priority");
    const LocalTime end =
        ToLocalTime(appointment->start + std::chrono::minutes(appointment->durationMinutes), zone);
    Set(step, "0040,0004", end.date);
    Set(step, "0040,0005", end.time);
    Set(step, "0040,0006", FreeTextName(appointment->Text("performing_physician")));
    Set(step, "0040,0011", CutValue(appointment->Text("room"), SH));
    Set(step, "0040,0400", CutValue(appointment->Text("notes"), LT));
    Set(others, "0010,21c0", Pregnancy(appointment->Text("pregnancy_status")));
    Set(others, "0010,2110", CutValue(appointment->Text("allergies"), LO));
    if (const Json::Value& weight = appointment->document["weight_kg"]; weight.isNumeric())
    {
      Set(others, "0010,1030", WriteJson(weight));
    }
  }
  const LocalTime local = ToLocalTime(start.value_or(order.orderedAt), zone);
  item.date = start ? local.date : "";
  item.until = start ? "" : AddDays(local.date, unscheduledDays);
  item.time = local.time;

  const std::string procedure = Procedure(order, appointment);
  Set(step, "0040,0007", procedure);
  Set(others, "0032,1060", procedure);
  if (const Json::Value items = Code(code); !items.empty())
  {
    step["0040,0008"] = items;
    others["0032,1064"] = items;
  }
  if (!order.accessionIssuer.empty())
  {
    Json::Value issuer;
    issuer["0040,0031"] = CutValue(order.accessionIssuer, LO);
    others["0008,0051"].append(issuer);
  }
  Set(others, "0008,0090", FreeTextName(referring));
  Set(others, "0032,1032", FreeTextName(order.Text("ordered_by")));
  Set(others, "0038,0010", CutValue(order.visitId, LO));
  Set(others, "0040,1003", Priority(priority));
  Set(others, "0040,1002", CutValue(order.Text("clinical_indication"), LO));
  Set(others, "0040,1400", CutValue(order.Text("special_instructions"), LT));
  Set(others, "0008,0080", CutValue(practice.name, LO));
  item.others = WriteJson(others);
  return item;
}
}  // namespace

bool NeedsUtf8(const std::string& text)
{
  // The lead bytes of U+0080 to U+00FF are C2 and C3.
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 0xc3; });
}

std::vector<WorklistItem> MakeItems(const Order& order, const std::vector<Appointment>& appointments,
                                    const Patient& patient, const Practice& practice, int unscheduledDays)
{
  std::vector<WorklistItem> items;
  const bool waits = order.state == OrderState::Requested || order.state == OrderState::Scheduled ||
                     order.state == OrderState::InProgress;
  if (!waits)
  {
    return items;
  }
  for (const Appointment& appointment : appointments)
  {
    if (appointment.IsOpen())
    {
      items.push_back(MakeItem(order, &appointment, patient, practice, unscheduledDays));
    }
  }
  if (appointments.empty())
  {
    items.push_back(MakeItem(order, nullptr, patient, practice, unscheduledDays));
  }
  return items;
}

Json::Value ToDicomJson(const WorklistItem& item, const Presentation& presentation)
{
  static constexpr const char* EMPTY[] = {
      "0010,0030", "0010,0040", "0010,1030", "0010,2000", "0010,2110", "0010,21c0", "0038,0010", "0038,0050",
      "0038,0300", "0038,0500", "0040,1003", "0040,1004", "0040,3001", "0008,0050", "0008,0090", "0032,1032"};
  static constexpr const char* EMPTY_OF_STEP[] = {"0040,0006", "0040,0010", "0040,0011"};

  Json::Value json = ParseJson(item.others);
  Json::Value step = json[STEP];
  for (const char* tag : EMPTY)
  {
    if (!json.isMember(tag))
    {
      json[tag] = "";
    }
  }
  for (const char* tag : EMPTY_OF_STEP)
  {
    if (!step.isMember(tag))
    {
      step[tag] = "";
    }
  }
  for (const char* sequence : {"0008,1110", "0008,1120"})
  {
    json[sequence] = Json::arrayValue;
  }
  json["0008,0005"] = "ISO_IR 192";
  json["0008,0050"] = item.accessionNumber;
  json["0010,0010"] = item.patientName;
  json["0010,0020"] = item.dicomPatientId;
  json["0020,000d"] = item.studyInstanceUid;
  json["0040,1001"] = item.requestedProcedureId;
  step["0008,0060"] = presentation.modality;
  step["0040,0001"] = presentation.stationAeTitle;
  step["0040,0002"] = item.date.empty() ? presentation.date : item.date;
  step["0040,0003"] = presentation.withSeconds ? item.time : item.time.substr(0, 4);
  step["0040,0009"] = item.scheduledProcedureStepId;
  json[STEP] = Json::arrayValue;
  json[STEP].append(step);
  return json;
}
}  // namespace OrthancClinic::Worklist
