// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/Study.h"

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
constexpr std::pair<MatchStatus, const char*> STATUSES[] = {{MatchStatus::Pending, "pending"},
                                                            {MatchStatus::Matched, "matched"},
                                                            {MatchStatus::Review, "review"},
                                                            {MatchStatus::Unmatched, "unmatched"}};

Json::Value ToJson(const StudyMatch& match)
{
  Json::Value json;
  json["status"] = ToString(match.status);
  json["patient_id"] = match.patientId ? Json::Value(*match.patientId) : Json::Value();
  json["decided_by"] = OrNull(match.decidedBy);
  json["decided_at"] = match.decidedAt ? Json::Value(ToString(*match.decidedAt)) : Json::Value();
  json["probability"] = match.probability ? Json::Value(*match.probability) : Json::Value();
  json["reason"] = match.reason;
  json["evidence"] = match.evidence;
  json["candidates"] = match.candidates;
  return json;
}
}  // namespace

std::string ToString(MatchStatus status)
{
  for (const auto& [value, name] : STATUSES)
  {
    if (value == status)
    {
      return name;
    }
  }
  throw std::logic_error("Unknown match status");
}

MatchStatus ParseMatchStatus(const std::string& text)
{
  for (const auto& [value, name] : STATUSES)
  {
    if (text == name)
    {
      return value;
    }
  }
  throw BadInput("Unknown match status");
}

Json::Value ToJson(const Study& study)
{
  Json::Value json;
  json["study_instance_uid"] = study.studyInstanceUid;
  json["orthanc_study_id"] = study.orthancStudyId;
  json["practice_id"] = study.practiceId;
  json["modality"] = study.modalities.empty() ? "" : study.modalities.front();
  json["modalities"] = Json::arrayValue;
  for (const std::string& modality : study.modalities)
  {
    json["modalities"].append(modality);
  }
  json["study_date"] = study.studyDate;
  json["study_time"] = study.studyTime;
  json["study_description"] = study.studyDescription;
  json["accession_number"] = study.accessionNumber;
  json["institution_name"] = study.institutionName;
  json["referring_physician"] = study.referringPhysician;
  json["patient_dicom_id"] = study.demographics.patientId;
  json["patient_name"] = study.demographics.patientName;
  json["patient_birth_date"] = study.demographics.birthDate;
  json["patient_sex"] = study.demographics.sex;
  json["acquisition"] = study.acquisition;
  json["contradictions"] = Json::arrayValue;
  for (const std::string& field : study.contradictions)
  {
    json["contradictions"].append(field);
  }
  json["number_of_series"] = study.numberOfSeries;
  json["number_of_instances"] = study.numberOfInstances;
  json["total_size_bytes"] = static_cast<Json::Int64>(study.totalSizeBytes);
  json["source"]["kind"] = study.source.kind;
  json["source"]["calling_ae"] = study.source.callingAe;
  json["source"]["called_ae"] = study.source.calledAe;
  json["source"]["remote_ip"] = study.source.remoteIp;
  json["received_at"] = ToString(study.receivedAt);
  json["last_instance_at"] = ToString(study.lastInstanceAt);
  json["stable"] = study.settledAt.has_value();
  json["match"] = ToJson(study.match);
  return json;
}
}  // namespace OrthancClinic
