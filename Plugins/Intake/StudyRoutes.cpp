// SPDX-License-Identifier: GPL-3.0-or-later

#include "StudyRoutes.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/Folding.h"
#include "Core/Errors.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/StudyStore.h"
#include "Core/Rest/StudyQuery.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr int64_t MOST_LISTED = 1000;

// The EHR's DicomStudy.
Json::Value ToDicomStudy(const Study& study)
{
  Json::Value json;
  json["study_instance_uid"] = study.studyInstanceUid;
  json["orthanc_study_id"] = study.orthancStudyId;
  json["patient_dicom_id"] = study.demographics.patientId;
  json["patient_name"] = study.demographics.patientName;
  json["study_date"] = study.studyDate;
  json["study_time"] = study.studyTime;
  json["study_description"] = study.studyDescription;
  json["accession_number"] = study.accessionNumber;
  json["modality"] = study.modalities.empty() ? "" : study.modalities.front();
  json["modalities"] = Json::arrayValue;
  for (const std::string& modality : study.modalities)
  {
    json["modalities"].append(modality);
  }
  json["referring_physician"] = study.referringPhysician;
  json["number_of_series"] = study.numberOfSeries;
  json["number_of_instances"] = study.numberOfInstances;
  json["total_size_bytes"] = static_cast<Json::Int64>(study.totalSizeBytes);
  json["practice_id"] = study.practiceId;
  json["patient_id"] = study.match.patientId ? Json::Value(*study.match.patientId) : Json::Value();
  json["match_status"] = ToString(study.match.status);
  json["received_at"] = ToString(study.receivedAt);
  return json;
}

// A bare array, as the EHR's clients expect it.
Response List(const Request& request, const PracticeScope& scope, const std::vector<Study>& studies,
              int64_t total, const std::string& patientId = "")
{
  Json::Value items(Json::arrayValue);
  AuditEntry entry = request.Audit("study.search", scope);
  entry.patientId = patientId;
  for (const Study& study : studies)
  {
    items.append(ToDicomStudy(study));
    entry.detail["studies"].append(study.studyInstanceUid);
  }
  Response response = Response::Json(items);
  response.Header("X-Total-Count", std::to_string(total));
  return response.Viewed(entry);
}

Response ListStudies(const StudyParts& parts, const Request& request)
{
  StudyFilter filter = ReadStudyFilter(request);
  filter.limit = request.QueryInteger("limit", MOST_LISTED);
  filter.offset = request.QueryInteger("skip", 0);
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  const auto [studies, total] = StudyStore(transaction).Search(filter);
  transaction.Commit();
  return List(request, filter.practices, studies, total, filter.patientId);
}

Response StudyOfAccession(const StudyParts& parts, const Request& request)
{
  StudyFilter filter;
  filter.practices = request.Scope();
  filter.accessionNumber = request.Path("accession");
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  const auto studies = StudyStore(transaction).Search(filter).first;
  transaction.Commit();
  if (studies.empty())
  {
    throw NotFound("There is no study with this accession number");
  }
  if (std::any_of(studies.begin(), studies.end(),
                  [&](const Study& study) { return study.practiceId != studies[0].practiceId; }))
  {
    throw Conflict("Several practices use this accession number: name one of them (practice=…)");
  }
  // An order may have been answered by several studies: the last received, and how many there are.
  Response response = Response::Json(ToDicomStudy(studies.front()));
  response.Header("X-Total-Count", std::to_string(studies.size()));
  return response.Viewed(StudyAudit(request, "study.view", studies.front()));
}

// By the directory's id, or by an MRN of theirs; among those of whom the caller may see something. Studies of
// a merged patient are the survivor's.
Patient FindPatient(Transaction& transaction, const PracticeScope& scope, const std::string& id)
{
  PatientStore store(transaction);
  std::optional<Patient> found = store.Find(id);
  if (!found || !scope.Has(found->practiceId))
  {
    found.reset();
    for (Patient& patient : store.Search({.practices = scope, .text = "", .identifier = id}).first)
    {
      const bool isMrn =
          std::any_of(patient.identifiers.begin(), patient.identifiers.end(),
                      [&](const Identifier& identifier)
                      { return identifier.type == "mrn" && Folded(identifier.value) == Folded(id); });
      if (!isMrn || patient.mergedInto)
      {
        continue;
      }
      if (found)
      {
        throw Conflict("Several patients have this number: use the patient's id");
      }
      found = std::move(patient);
    }
  }
  for (int steps = 0; found && found->mergedInto && steps < 10; steps++)
  {
    found = store.Find(*found->mergedInto);
  }
  if (!found)
  {
    throw NotFound("There is no such patient");
  }
  return *found;
}

Response StudiesOfPatient(const StudyParts& parts, const Request& request)
{
  StudyFilter filter;
  filter.practices = request.Scope();
  filter.limit = request.QueryInteger("limit", MOST_LISTED);
  filter.offset = request.QueryInteger("skip", 0);
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  filter.patientId = FindPatient(transaction, filter.practices, request.Path("patient_id")).id;
  const auto [studies, total] = StudyStore(transaction).Search(filter);
  transaction.Commit();
  return List(request, filter.practices, studies, total, filter.patientId);
}

Response StudiesOfOrder(const StudyParts& parts, const Request& request)
{
  const PracticeScope scope = request.Scope();
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  OrderStore orders(transaction);
  const auto order = orders.Find(request.Path("order_id"));
  if (!order || !scope.Has(order->practiceId))
  {
    throw NotFound("There is no such order");
  }
  std::vector<Study> studies;
  for (const OrderLink& link : orders.LinksOfOrder(order->id))
  {
    auto study = StudyStore(transaction).FindByOrthancId(link.orthancStudyId);
    if (link.linked && study && scope.Has(study->practiceId))
    {
      studies.push_back(*std::move(study));
    }
  }
  transaction.Commit();
  const auto total = static_cast<int64_t>(studies.size());
  return List(request, scope, studies, total, order->patientId);
}

Response OneStudy(const StudyParts& parts, const Request& request)
{
  const Study study = FindStudy(parts, request, request.Path("study_uid"));
  return Response::Json(ToDicomStudy(study)).Viewed(StudyAudit(request, "study.view", study));
}

int NumberOf(const Json::Value& tags, const char* name)
{
  return std::atoi(TextOf(tags, name).c_str());
}

Json::Value ReadSeries(const Json::Value& orthanc)
{
  const Json::Value& tags = orthanc["MainDicomTags"];
  Json::Value json;
  json["series_instance_uid"] = TextOf(tags, "SeriesInstanceUID");
  json["orthanc_series_id"] = orthanc["ID"];
  json["modality"] = TextOf(tags, "Modality");
  json["series_number"] = NumberOf(tags, "SeriesNumber");
  json["series_description"] = TextOf(tags, "SeriesDescription");
  json["body_part_examined"] = TextOf(tags, "BodyPartExamined");
  json["series_date"] = TextOf(tags, "SeriesDate");
  json["series_time"] = TextOf(tags, "SeriesTime");
  json["number_of_instances"] = orthanc["Instances"].size();
  return json;
}

Json::Value Sorted(std::vector<Json::Value> items, const char* number, const char* uid)
{
  std::sort(items.begin(), items.end(),
            [&](const Json::Value& a, const Json::Value& b)
            {
              return std::pair(a[number].asInt(), a[uid].asString()) <
                     std::pair(b[number].asInt(), b[uid].asString());
            });
  Json::Value json(Json::arrayValue);
  for (Json::Value& item : items)
  {
    json.append(std::move(item));
  }
  return json;
}

Response SeriesOfStudy(const StudyParts& parts, const Request& request)
{
  const Study study = FindStudy(parts, request, request.Path("study_uid"));
  std::vector<Json::Value> series;
  for (const Json::Value& one : parts.orthanc.Get("/studies/" + study.orthancStudyId + "/series"))
  {
    series.push_back(ReadSeries(one));
  }
  Response response = Response::Json(Sorted(series, "series_number", "series_instance_uid"));
  response.Header("X-Total-Count", std::to_string(series.size()));
  return response.Viewed(StudyAudit(request, "study.view", study));
}

Response InstancesOfSeries(const StudyParts& parts, const Request& request)
{
  const Study study = FindStudy(parts, request, request.Path("study_uid"));
  const std::string& wanted = request.Path("series_uid");
  for (const Json::Value& one : parts.orthanc.Get("/studies/" + study.orthancStudyId + "/series"))
  {
    const std::string id = one["ID"].asString();
    if (wanted != id && wanted != TextOf(one["MainDicomTags"], "SeriesInstanceUID"))
    {
      continue;
    }
    std::vector<Json::Value> instances;
    for (const Json::Value& instance : parts.orthanc.Get("/series/" + id + "/instances"))
    {
      const Json::Value& tags = instance["MainDicomTags"];
      const std::string instanceId = instance["ID"].asString();
      Json::Value json;
      json["sop_instance_uid"] = TextOf(tags, "SOPInstanceUID");
      json["orthanc_instance_id"] = instanceId;
      json["instance_number"] = NumberOf(tags, "InstanceNumber");
      json["number_of_frames"] = std::max(1, NumberOf(tags, "NumberOfFrames"));
      json["size_bytes"] = instance["FileSize"];
      json["file_url"] = "/api/v1/instances/" + instanceId + "/file";
      json["preview_url"] = "/api/v1/instances/" + instanceId + "/preview";
      instances.push_back(std::move(json));
    }
    Response response = Response::Json(Sorted(instances, "instance_number", "sop_instance_uid"));
    response.Header("X-Total-Count", std::to_string(instances.size()));
    return response.Viewed(StudyAudit(request, "study.view", study));
  }
  throw NotFound("The study has no such series");
}

Response Health(const StudyParts& parts, const Request& request)
{
  Json::Value json;
  try
  {
    const Json::Value system = parts.orthanc.Get("/system");
    json["status"] = "healthy";
    json["orthanc_version"] = system["Version"];
    json["api_version"] = system["ApiVersion"];
    json["database_version"] = system["DatabaseVersion"];
    json["message"] = request.Translate("Orthanc answers");
    return Response::Json(json);
  }
  catch (const Unavailable&)
  {
    json["status"] = "unhealthy";
    json["message"] = request.Translate("Orthanc does not answer");
    return Response::Json(json, 503);
  }
}

Response Statistics(const StudyParts& parts, const Request& request)
{
  const PracticeScope scope = request.Scope();
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  const StudyTotals totals = StudyStore(transaction).Total(scope);
  transaction.Commit();
  Json::Value json;
  json["total_disk_size"] = static_cast<Json::Int64>(totals.bytes);
  json["total_disk_size_mb"] = static_cast<double>(totals.bytes) / (1 << 20);
  json["count_patients"] = static_cast<Json::Int64>(totals.patients);
  json["count_studies"] = static_cast<Json::Int64>(totals.studies);
  json["count_series"] = static_cast<Json::Int64>(totals.series);
  json["count_instances"] = static_cast<Json::Int64>(totals.instances);
  if (scope.All())
  {
    // Orthanc's own count: also what is no study of ours yet, and what compression saves.
    const Json::Value orthanc = parts.orthanc.Get("/statistics");
    json["total_disk_size"] = static_cast<Json::Int64>(std::stoll(orthanc["TotalDiskSize"].asString()));
    json["total_disk_size_mb"] = orthanc["TotalDiskSizeMB"];
    json["count_patients"] = orthanc["CountPatients"];
    json["count_studies"] = orthanc["CountStudies"];
    json["count_series"] = orthanc["CountSeries"];
    json["count_instances"] = orthanc["CountInstances"];
  }
  return Response::Json(json);
}
}  // namespace

void AddStudyRoutes(Router& router, const StudyParts& parts)
{
  const std::vector<QueryParameter> page = {
      {"skip", "How many to leave out", JsonLiteral(R"({"type": "integer", "minimum": 0, "default": 0})")},
      {"limit", "How many at most",
       JsonLiteral(R"({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100})")}};
  const QueryParameter practice = {"practice", "Only of this practice",
                                   JsonLiteral(R"({"type": "string", "maxLength": 128})")};
  std::vector<QueryParameter> search = page;
  for (QueryParameter& parameter : StudyQueryParameters())
  {
    search.push_back(std::move(parameter));
  }
  std::vector<QueryParameter> pageOfPractice = page;
  pageOfPractice.push_back(practice);

  const auto get = [&](const std::string& path, Permission permission, const std::string& summary,
                       std::vector<QueryParameter> query, auto handle)
  {
    router.Add({.method = HttpMethod::Get,
                .path = path,
                .permission = permission,
                .summary = summary,
                .query = std::move(query),
                .handler = [parts, handle](const Request& request) { return handle(parts, request); }});
  };
  using enum Permission;
  get("/api/v1/dicom/studies", ReadStudies, "Studies as an array; X-Total-Count says how many there are",
      search, ListStudies);
  get("/api/v1/dicom/studies/{study_uid}", ReadStudies, "One study, by StudyInstanceUID or orthanc_study_id",
      {}, OneStudy);
  get("/api/v1/dicom/studies/accession/{accession}", ReadStudies,
      "The study with this AccessionNumber; of several the last received", {practice}, StudyOfAccession);
  get("/api/v1/dicom/studies/patient/{patient_id}", ReadStudies,
      "The studies matched to a patient, who is given by id or by MRN", pageOfPractice, StudiesOfPatient);
  get("/api/v1/dicom/studies/order/{order_id}", ReadStudies, "The studies that fulfil an order", {},
      StudiesOfOrder);
  get("/api/v1/dicom/studies/{study_uid}/series", ReadStudies, "The series of a study", {}, SeriesOfStudy);
  get("/api/v1/dicom/studies/{study_uid}/series/{series_uid}/instances", ReadStudies,
      "The instances of a series", {}, InstancesOfSeries);
  get("/api/v1/dicom/health", SignedIn, "Whether Orthanc answers", {}, Health);
  get("/api/v1/dicom/statistics", ReadStudies, "How much there is, in the practices that the caller may see",
      {}, Statistics);
}
}  // namespace OrthancClinic::Intake
