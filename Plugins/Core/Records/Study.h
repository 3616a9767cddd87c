// SPDX-License-Identifier: GPL-3.0-or-later
//
// A study as the clinic sees it: what its images say, where they came from, and to whom it belongs. One
// record per study of Orthanc (which tells studies apart by PatientID and StudyInstanceUID).

#pragma once

#include <json/value.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Records/StudyDemographics.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
enum class MatchStatus
{
  Pending,   // not decided yet
  Matched,   // filed under `patientId`
  Review,    // a person must decide
  Unmatched  // nobody in the directory
};

ORTHANC_CLINIC_API std::string ToString(MatchStatus status);
ORTHANC_CLINIC_API MatchStatus ParseMatchStatus(const std::string& text);  // throws BadInput

struct StudyMatch
{
  // What `decidedBy` is when the machine decided; otherwise it is the user's name.
  static constexpr const char* MACHINE = "machine";

  MatchStatus status = MatchStatus::Pending;
  std::optional<std::string> patientId;  // where status is Matched
  std::string decidedBy;                 // empty while pending
  std::optional<Timestamp> decidedAt;
  std::optional<double> probability;
  std::string reason;                         // "identifier_conflict", "ambiguous", …
  Json::Value evidence = Json::arrayValue;    // [{field, level, weight}]
  Json::Value candidates = Json::arrayValue;  // [{patient_id, probability, evidence}], best first

  bool ByPerson() const { return !decidedBy.empty() && decidedBy != MACHINE; }
};

struct StudySource
{
  std::string kind;  // "modality", "api", "plugin", "lua" or "unknown"
  std::string callingAe;
  std::string calledAe;
  std::string remoteIp;
};

struct ORTHANC_CLINIC_API Study
{
  std::string orthancStudyId;
  std::string studyInstanceUid;
  std::string practiceId;
  std::vector<std::string> modalities;  // sorted
  std::string studyDate;                // DA, as DICOM has it
  std::string studyTime;                // TM
  std::string studyDescription;
  std::string accessionNumber;
  std::string institutionName;
  std::string referringPhysician;  // a PN
  StudyDemographics demographics;

  // What its series say of the request that they answer, collected without repetition: {request_attributes:
  // [{scheduled_procedure_step_id, requested_procedure_id, accession_number}], body_parts, lateralities,
  // accession_issuer}.
  Json::Value acquisition = Json::objectValue;

  // Later instances named another patient: the fields that differ ("patient_name", "birth_date", …).
  std::vector<std::string> contradictions;

  int numberOfSeries = 0;
  int numberOfInstances = 0;
  int64_t totalSizeBytes = 0;
  StudySource source;
  Timestamp receivedAt{};
  Timestamp lastInstanceAt{};
  std::optional<Timestamp> settledAt;  // quiet since then: the study is complete
  StudyMatch match;
};

// The JSON of `/api/v1/studies`.
ORTHANC_CLINIC_API Json::Value ToJson(const Study& study);
}  // namespace OrthancClinic
