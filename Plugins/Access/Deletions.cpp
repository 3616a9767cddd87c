// SPDX-License-Identifier: GPL-3.0-or-later

#include "Deletions.h"

#include <fmt/format.h>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Database/Query.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/StudyDeletion.h"
#include "Core/Records/StudyStore.h"
#include "Core/Tasks/TaskStore.h"
#include "Core/Uuid.h"

namespace OrthancClinic::Access
{
namespace
{
// Orthanc 1.10 hands a plugin neither the body nor the query of a DELETE.
constexpr const char* NO_REASON = "(the reason did not reach the server: see POST /api/v1/deletions)";

struct Deletion
{
  std::string id;
  std::string practiceId;
  std::string orthancStudyId;
  std::string studyInstanceUid;
  std::string patientId;
  long long numberOfInstances = 0;
  std::string reason;
  std::string state;  // requested, approved, rejected, deleted, failed
  std::string requestedBy;
  std::string requestedAt;
  std::string decidedBy;
  std::string decidedAt;
  std::string comment;
};

std::vector<Deletion> Fetch(Transaction& transaction, const std::string& tail,
                            const std::vector<std::string>& values)
{
  std::vector<Deletion> deletions;
  Deletion row;
  Query(
      transaction,
      "SELECT id, practice_id, orthanc_study_id, study_instance_uid, patient_id, number_of_instances, "
      "reason, "
      "state, requested_by, requested_at, decided_by, decided_at, comment FROM access_deletions " +
          tail,
      values, [&] { deletions.push_back(row); }, row.id, row.practiceId, row.orthancStudyId,
      row.studyInstanceUid, row.patientId, row.numberOfInstances, row.reason, row.state, row.requestedBy,
      row.requestedAt, row.decidedBy, row.decidedAt, row.comment);
  return deletions;
}

Deletion Get(Transaction& transaction, const std::string& id)
{
  const auto found =
      Fetch(transaction, transaction.IsPostgreSql() ? "WHERE id = :id FOR UPDATE" : "WHERE id = :id", {id});
  if (found.empty())
  {
    throw NotFound("There is no such deletion");
  }
  return found.front();
}

Json::Value ToJson(const Deletion& deletion)
{
  Json::Value json;
  json["id"] = deletion.id;
  json["practice_id"] = deletion.practiceId;
  json["study_uid"] = deletion.studyInstanceUid;
  json["patient_id"] = OrNull(deletion.patientId);
  json["number_of_instances"] = static_cast<Json::Int64>(deletion.numberOfInstances);
  json["reason"] = deletion.reason;
  json["status"] = deletion.state;
  json["requested_by"] = deletion.requestedBy;
  json["requested_at"] = deletion.requestedAt;
  json["decided_by"] = OrNull(deletion.decidedBy);
  json["decided_at"] = OrNull(deletion.decidedAt);
  json["comment"] = OrNull(deletion.comment);
  return json;
}

AuditEntry Audit(const Request& request, const std::string& action, const Deletion& deletion)
{
  AuditEntry entry = request.Audit(action);
  entry.practiceId = deletion.practiceId;
  entry.patientId = deletion.patientId;
  entry.studyInstanceUid = deletion.studyInstanceUid;
  entry.detail["deletion"] = deletion.id;
  return entry;
}

void SetState(Transaction& transaction, const std::string& id, const std::string& state,
              const std::string& comment)
{
  Execute(transaction, "UPDATE access_deletions SET state = :state, comment = :comment WHERE id = :id",
          {state, comment, id});
}
}  // namespace

Response Deletions::Ask(const Request& request, const std::string& study)
{
  Transaction transaction(database_);
  const Study found = StudyStore(transaction).Get(study);
  request.Require(found.practiceId);
  const auto open =
      Fetch(transaction, "WHERE orthanc_study_id = :study AND state IN ('requested', 'approved')",
            {found.orthancStudyId});
  if (!open.empty())
  {
    throw Conflict("The deletion of this study was asked for already");
  }
  const Deletion deletion{
      .id = NewUuid(),
      .practiceId = found.practiceId,
      .orthancStudyId = found.orthancStudyId,
      .studyInstanceUid = found.studyInstanceUid,
      .patientId = found.match.patientId.value_or(""),
      .numberOfInstances = found.numberOfInstances,
      .reason = request.Body()["reason"].asString().empty() ? NO_REASON : request.Body()["reason"].asString(),
      .state = "requested",
      .requestedBy = request.Caller().name,
      .requestedAt = ToString(Now())};
  AuditTrail::Append(transaction, Audit(request, "deletion.request", deletion));
  Execute(transaction,
          "INSERT INTO access_deletions (id, practice_id, orthanc_study_id, study_instance_uid, patient_id, "
          "number_of_instances, reason, state, requested_by, requested_at, decided_by, decided_at, comment) "
          "VALUES "
          "(:id, :practice, :study, :uid, :patient, CAST(:number AS BIGINT), :reason, :state, :by, :at, '', "
          "'', '')",
          {deletion.id, deletion.practiceId, deletion.orthancStudyId, deletion.studyInstanceUid,
           deletion.patientId, std::to_string(deletion.numberOfInstances), deletion.reason, deletion.state,
           deletion.requestedBy, deletion.requestedAt});
  Json::Value data;
  data["deletion_id"] = deletion.id;
  data["study_instance_uid"] = deletion.studyInstanceUid;
  events_.Emit(transaction, "deletion.requested", deletion.practiceId, data);
  transaction.Commit();
  Json::Value json = ToJson(deletion);
  json["success"] = true;
  json["message"] = request.Translate("The study will be deleted when somebody else has agreed");
  return Response::Json(json, 202);
}

Response Deletions::List(const Request& request)
{
  const Page page = request.GetPage();
  const PracticeScope scope = request.Scope();
  Conditions conditions;
  conditions.Add("state = ?", request.QueryText("status"));
  scope.AddTo(conditions);
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  Json::Value items(Json::arrayValue);
  for (const Deletion& deletion :
       Fetch(transaction,
             conditions.Where() +
                 fmt::format(" ORDER BY requested_at DESC, id LIMIT {} OFFSET {}", page.limit, page.offset),
             conditions.Values()))
  {
    items.append(ToJson(deletion));
  }
  const int64_t total = CountRows(transaction, "access_deletions", conditions);
  transaction.Commit();
  return Response::List(std::move(items), total, page).Viewed(request.Audit("deletion.list", scope));
}

Response Deletions::Decide(const Request& request, bool approve)
{
  Transaction transaction(database_);
  Deletion deletion = Get(transaction, request.Path("id"));
  request.Require(deletion.practiceId);
  AuditTrail::Append(transaction, Audit(request, approve ? "deletion.approve" : "deletion.reject", deletion));
  if (deletion.state != "requested")
  {
    throw Conflict("This was decided already: " + deletion.state);
  }
  if (approve && deletion.requestedBy == request.Caller().name)
  {
    throw Conflict("Somebody else than who asked must agree");
  }
  deletion.state = approve ? "approved" : "rejected";
  deletion.decidedBy = request.Caller().name;
  deletion.decidedAt = ToString(Now());
  deletion.comment = request.Body()["comment"].asString();
  Execute(transaction,
          "UPDATE access_deletions SET state = :state, decided_by = :by, decided_at = :at, comment = "
          ":comment WHERE "
          "id = :id",
          {deletion.state, deletion.decidedBy, deletion.decidedAt, deletion.comment, deletion.id});
  if (approve)
  {
    TaskStore(transaction).Enqueue("delete.study", deletion.id);
  }
  transaction.Commit();
  return Response::Json(ToJson(deletion));
}

void Deletions::Run(RunningTask& task)
{
  Deletion deletion;
  {
    Transaction transaction(database_);
    deletion = Get(transaction, task.Get().key);
    const auto study = StudyStore(transaction).FindByOrthancId(deletion.orthancStudyId);
    // What came later was not agreed upon.
    if (study && study->numberOfInstances > deletion.numberOfInstances)
    {
      SetState(transaction, deletion.id, "failed",
               "Images arrived after the deletion was asked for: ask again");
      task.Complete(transaction);
      transaction.Commit();
      return;
    }
    StudyDeletionStore(transaction).Say(deletion.orthancStudyId, deletion.reason);
    transaction.Commit();
  }
  try
  {
    orthanc_.Delete("/studies/" + deletion.orthancStudyId);
  }
  catch (const NotFound&)
  {
    // It is gone: deleted before the process was killed, say.
  }
  Transaction transaction(database_);
  SetState(transaction, deletion.id, "deleted", deletion.comment);
  AuditEntry entry;
  entry.principal.name = deletion.decidedBy;
  entry.action = "study.delete";
  entry.practiceId = deletion.practiceId;
  entry.patientId = deletion.patientId;
  entry.studyInstanceUid = deletion.studyInstanceUid;
  entry.detail["deletion"] = deletion.id;
  entry.detail["requested_by"] = deletion.requestedBy;
  entry.detail["number_of_instances"] = static_cast<Json::Int64>(deletion.numberOfInstances);
  AuditTrail::Append(transaction, entry);
  Json::Value data;
  data["deletion_id"] = deletion.id;
  data["study_instance_uid"] = deletion.studyInstanceUid;
  events_.Emit(transaction, "deletion.completed", deletion.practiceId, data);
  task.Complete(transaction);
  transaction.Commit();
}

TaskKind Deletions::Task()
{
  return {.name = "delete.study", .handler = [this](RunningTask& task) { Run(task); }};
}

void Deletions::AddRoutes(Router& router)
{
  const Json::Value reason = JsonLiteral(R"({
    "type": "object", "additionalProperties": false, "required": ["reason"],
    "properties": {
      "study_uid": {"type": "string", "minLength": 1, "maxLength": 128},
      "reason": {"type": "string", "minLength": 5, "maxLength": 2000}
    }
  })");
  Json::Value whole = reason;
  Json::Value optional = reason;
  optional["type"] = Json::arrayValue;
  optional["type"].append("object");
  optional["type"].append("null");
  whole["required"].append("study_uid");
  const Json::Value comment = JsonLiteral(R"({
    "type": ["object", "null"], "additionalProperties": false,
    "properties": {"comment": {"type": "string", "maxLength": 2000}}
  })");
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/deletions",
              .permission = Permission::RequestDeletions,
              .summary = "Asks for a study to be deleted",
              .body = whole,
              .handler = [this](const Request& request)
              { return Ask(request, request.Body()["study_uid"].asString()); }});
  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/dicom/studies/{study_uid}",
              .permission = Permission::RequestDeletions,
              .summary = "Asks for a study to be deleted: 202 while it waits for somebody else",
              .body = optional,
              .handler = [this](const Request& request) { return Ask(request, request.Path("study_uid")); }});
  router.Add(
      {.method = HttpMethod::Get,
       .path = "/api/v1/deletions",
       .permission = Permission::ApproveDeletions,
       .summary = "What was asked to be deleted, newest first",
       .query =
           {{"status", "Only in this state",
             JsonLiteral(
                 R"({"type": "string", "enum": ["requested", "approved", "rejected", "deleted", "failed"]})")},
            {"practice", "Only of this practice", JsonLiteral(R"({"type": "string", "maxLength": 128})")}},
       .paged = true,
       .handler = [this](const Request& request) { return List(request); }});
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/deletions/{id}/approve",
              .permission = Permission::ApproveDeletions,
              .summary = "Agrees to a deletion that somebody else asked for",
              .body = comment,
              .handler = [this](const Request& request) { return Decide(request, true); }});
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/deletions/{id}/reject",
              .permission = Permission::ApproveDeletions,
              .summary = "Does not agree: the study stays",
              .body = comment,
              .handler = [this](const Request& request) { return Decide(request, false); }});
}
}  // namespace OrthancClinic::Access
