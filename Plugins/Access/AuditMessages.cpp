// SPDX-License-Identifier: GPL-3.0-or-later

#include "AuditMessages.h"

#include <fmt/format.h>
#include <unistd.h>

#include <pugixml.hpp>
#include <sstream>

#include "Core/Configuration/Json.h"

namespace OrthancClinic::Access
{
namespace
{
constexpr const char* COLUMNS[] = {"id",      "at",          "principal",  "remote_address",
                                   "action",  "practice_id", "patient_id", "study_instance_uid",
                                   "outcome", "detail"};

// PS3.16 CID 400, and what was done: C(reate), R(ead), U(pdate), D(elete), E(xecute).
struct Kind
{
  const char* code;
  const char* text;
  const char* what;
};

Kind KindOf(const std::string& action)
{
  static const std::pair<const char*, Kind> KINDS[] = {
      {"user.login", {"110114", "User Authentication", "E"}},
      {"user.logout", {"110114", "User Authentication", "E"}},
      {"session.", {"110113", "Security Alert", "E"}},
      {"access.denied", {"110113", "Security Alert", "E"}},
      {"user.", {"110113", "Security Alert", "U"}},
      {"role.", {"110113", "Security Alert", "U"}},
      {"api_key.", {"110113", "Security Alert", "U"}},
      {"image.search", {"110112", "Query", "E"}},
      {"study.search", {"110112", "Query", "E"}},
      {"image.upload", {"110107", "Import", "C"}},
      {"upload.store", {"110107", "Import", "C"}},
      {"xray.upload", {"110107", "Import", "C"}},
      {"study.import", {"110107", "Import", "C"}},
      {"image.store", {"110104", "DICOM Instances Transferred", "C"}},
      {"image.download", {"110106", "Export", "R"}},
      {"image.delete", {"110105", "DICOM Study Deleted", "D"}},
      {"study.delete", {"110105", "DICOM Study Deleted", "D"}},
      {"image.", {"110103", "DICOM Instances Accessed", "R"}},
      {"viewer.", {"110103", "DICOM Instances Accessed", "R"}},
      {"xray.", {"110103", "DICOM Instances Accessed", "R"}},
      {"study.", {"110103", "DICOM Instances Accessed", "R"}},
      {"patient.view", {"110110", "Patient Record", "R"}},
      {"patient.search", {"110110", "Patient Record", "R"}},
      {"patient.delete", {"110110", "Patient Record", "D"}},
      {"patient.create", {"110110", "Patient Record", "C"}},
      {"patient.", {"110110", "Patient Record", "U"}},
      {"order.", {"110109", "Order Record", "U"}},
      {"appointment.", {"110109", "Order Record", "U"}}};
  for (const auto& [prefix, kind] : KINDS)
  {
    if (action.starts_with(prefix))
    {
      return kind;
    }
  }
  return {"110100", "Application Activity", "E"};
}

// 0: success, 4: minor failure (refused), 8: serious failure.
const char* OutcomeOf(const Json::Value& record)
{
  return record["outcome"] == "success" ? "0" : record["outcome"] == "denied" ? "4" : "8";
}

Json::Value Coding(const std::string& system, const std::string& code, const std::string& display)
{
  Json::Value coding;
  coding["system"] = system;
  coding["code"] = code;
  coding["display"] = display;
  return coding;
}

void AddObject(pugi::xml_node message, const std::string& id, const char* type, const char* role,
               const char* idCode, const char* idSystem, const char* idText)
{
  if (id.empty())
  {
    return;
  }
  pugi::xml_node object = message.append_child("ParticipantObjectIdentification");
  object.append_attribute("ParticipantObjectID") = id.c_str();
  object.append_attribute("ParticipantObjectTypeCode") = type;
  object.append_attribute("ParticipantObjectTypeCodeRole") = role;
  pugi::xml_node code = object.append_child("ParticipantObjectIDTypeCode");
  code.append_attribute("csd-code") = idCode;
  code.append_attribute("codeSystemName") = idSystem;
  code.append_attribute("originalText") = idText;
}
}  // namespace

std::string ToCsv(const Json::Value& record)
{
  std::string row;
  for (const char* column : COLUMNS)
  {
    const Json::Value& value = record.isNull() ? Json::Value(column) : record[column];
    std::string cell = value.isObject() ? WriteJson(value) : value.asString();
    if (!cell.empty() && std::string_view("=+-@\t\r").find(cell[0]) != std::string_view::npos)
    {
      cell.insert(0, "'");
    }
    for (size_t at = cell.find('"'); at != std::string::npos; at = cell.find('"', at + 2))
    {
      cell.insert(at, "\"");
    }
    row += (row.empty() ? "\"" : ",\"") + cell + "\"";
  }
  return row + "\r\n";
}

Json::Value ToFhir(const Json::Value& record)
{
  const Kind kind = KindOf(record["action"].asString());
  Json::Value event;
  event["resourceType"] = "AuditEvent";
  event["id"] = record["id"].asString();
  event["type"] = Coding("http://dicom.nema.org/resources/ontology/DCM", kind.code, kind.text);
  event["subtype"].append(Coding("https://orthanc-clinic.example.org/audit-action",
                                 record["action"].asString(), record["action"].asString()));
  event["action"] = kind.what;
  event["recorded"] = record["at"];
  event["outcome"] = OutcomeOf(record);
  Json::Value agent;
  agent["requestor"] = true;
  agent["altId"] = record["principal"];
  if (!record["remote_address"].asString().empty())
  {
    agent["network"]["address"] = record["remote_address"];
    agent["network"]["type"] = "2";
  }
  event["agent"].append(agent);
  event["source"]["observer"]["display"] = "Orthanc Clinic";
  const auto entity = [&](const char* field, const char* system, const char* type)
  {
    if (record[field].asString().empty())
    {
      return;
    }
    Json::Value one;
    one["what"]["identifier"]["system"] = system;
    one["what"]["identifier"]["value"] = std::string(field) == "study_instance_uid"
                                             ? "urn:oid:" + record[field].asString()
                                             : record[field].asString();
    one["type"] = Coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", type,
                         std::string(type) == "1" ? "Person" : "System Object");
    event["entity"].append(one);
  };
  entity("patient_id", "https://orthanc-clinic.example.org/patient", "1");
  entity("study_instance_uid", "urn:dicom:uid", "2");
  return event;
}

std::string ToDicomAuditMessage(const Json::Value& record)
{
  const Kind kind = KindOf(record["action"].asString());
  pugi::xml_document document;
  pugi::xml_node message = document.append_child("AuditMessage");
  pugi::xml_node event = message.append_child("EventIdentification");
  event.append_attribute("EventActionCode") = kind.what;
  event.append_attribute("EventDateTime") = record["at"].asCString();
  event.append_attribute("EventOutcomeIndicator") = OutcomeOf(record);
  pugi::xml_node id = event.append_child("EventID");
  id.append_attribute("csd-code") = kind.code;
  id.append_attribute("codeSystemName") = "DCM";
  id.append_attribute("originalText") = kind.text;
  pugi::xml_node type = event.append_child("EventTypeCode");
  type.append_attribute("csd-code") = record["action"].asCString();
  type.append_attribute("codeSystemName") = "ORTHANC-CLINIC";
  type.append_attribute("originalText") = record["action"].asCString();
  pugi::xml_node participant = message.append_child("ActiveParticipant");
  participant.append_attribute("UserID") = record["principal"].asCString();
  participant.append_attribute("UserIsRequestor") = "true";
  if (!record["remote_address"].asString().empty())
  {
    participant.append_attribute("NetworkAccessPointID") = record["remote_address"].asCString();
    participant.append_attribute("NetworkAccessPointTypeCode") = "2";
  }
  pugi::xml_node source = message.append_child("AuditSourceIdentification");
  source.append_attribute("AuditSourceID") = "orthanc-clinic";
  AddObject(message, record["patient_id"].asString(), "1", "1", "2", "RFC-3881", "Patient Number");
  AddObject(message, record["study_instance_uid"].asString(), "2", "3", "110180", "DCM",
            "Study Instance UID");
  std::ostringstream text;
  document.save(text, "", pugi::format_raw, pugi::encoding_utf8);
  return text.str();
}

std::string ToSyslog(const Json::Value& record, const std::string& host)
{
  constexpr int PRIORITY = 10 * 8 + 5;  // authpriv, notice
  const std::string message =
      fmt::format("<{}>1 {} {} orthanc-clinic {} DICOM+RFC3881 - \xEF\xBB\xBF{}", PRIORITY,
                  record["at"].asString(), host, getpid(), ToDicomAuditMessage(record));
  return std::to_string(message.size()) + " " + message;
}
}  // namespace OrthancClinic::Access
