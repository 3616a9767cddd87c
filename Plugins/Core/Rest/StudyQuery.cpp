// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/StudyQuery.h"

#include "Core/Configuration/Json.h"

namespace OrthancClinic
{
std::vector<QueryParameter> StudyQueryParameters()
{
  const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 128})");
  const Json::Value date = JsonLiteral(R"({"type": "string", "format": "dicom-date"})");
  Json::Value sorts = JsonLiteral(R"({"type": "string", "default": "-received_at"})");
  for (const char* const sort : StudyStore::SORTS)
  {
    sorts["enum"].append(sort);
  }
  return {
      {"practice", "Only of this practice", text},
      {"patient_id", "Only those matched to this patient", text},
      {"status", "Only with this state of the match",
       JsonLiteral(R"({"type": "string", "enum": ["pending", "matched", "review", "unmatched"]})")},
      {"accession_number", "Only with this AccessionNumber", text},
      {"modality", "Only with a series of this modality",
       JsonLiteral(R"({"type": "string", "pattern": "^[A-Z0-9]{1,16}$"})")},
      {"study_date_from", "StudyDate, YYYYMMDD, inclusive", date},
      {"study_date_to", "StudyDate, YYYYMMDD, inclusive", date},
      {"q", "Words; each begins a word of the patient's names or ids, the description, or the like", text},
      {"sort", "With - before it, the greatest first", sorts}};
}

StudyFilter ReadStudyFilter(const Request& request)
{
  StudyFilter filter;
  filter.practices = request.Scope();
  filter.patientId = request.QueryText("patient_id");
  filter.status = request.QueryText("status");
  filter.accessionNumber = request.QueryText("accession_number");
  filter.modality = request.QueryText("modality");
  filter.studyDateFrom = request.QueryText("study_date_from");
  filter.studyDateTo = request.QueryText("study_date_to");
  filter.text = request.QueryText("q");
  filter.sort = request.QueryText("sort");
  return filter;
}
}  // namespace OrthancClinic
