// SPDX-License-Identifier: GPL-3.0-or-later

#include "ReplicationRoutes.h"

#include <algorithm>

#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/StudyStore.h"
#include "Core/Tasks/TaskStore.h"
#include "Core/Uuid.h"
#include "ReplicaStore.h"

namespace OrthancClinic::Replication
{
namespace
{
const Replicator& FindTarget(const Replicators& replicators, const std::string& name)
{
  const auto found = std::find_if(replicators.begin(), replicators.end(),
                                  [&](const auto& replicator) { return replicator->Name() == name; });
  if (found == replicators.end())
  {
    throw NotFound("There is no such target");
  }
  return **found;
}

Json::Value DescribeTarget(Transaction& transaction, const Replicator& replicator)
{
  const Replicator::Health health = replicator.GetHealth();
  ReplicaStore store(transaction);
  const auto [instances, bytes] = store.Total(replicator.Name(), "verified");
  Json::Value json;
  json["target"] = replicator.Name();
  json["type"] = replicator.Options().isS3 ? "S3" : "Directory";
  json["ready"] = health.ready;
  json["error"] = health.error.empty() ? Json::Value() : Json::Value(health.error);
  json["verified_instances"] = static_cast<Json::Int64>(instances);
  json["verified_bytes"] = static_cast<Json::Int64>(bytes);
  json["failed_instances"] = static_cast<Json::Int64>(store.Total(replicator.Name(), "failed").first);
  int64_t waiting = 0;
  int64_t dead = 0;
  for (const auto& [kind, count] : TaskStore(transaction).Count())
  {
    if (kind.first == "replicate." + replicator.Name() || kind.first == "catch-up." + replicator.Name())
    {
      (kind.second == TaskState::Dead ? dead : waiting) += count;
    }
  }
  json["pending_instances"] = static_cast<Json::Int64>(waiting);
  json["dead_letters"] = static_cast<Json::Int64>(dead);
  // The recovery point: what would be lost with this machine.
  const auto [oldest, total] = TaskStore(transaction).List("replicate." + replicator.Name(), "", 1, 0);
  json["lag_seconds"] =
      oldest.empty()
          ? Json::Value(0)
          : Json::Value(static_cast<Json::Int64>(
                std::chrono::duration_cast<std::chrono::seconds>(Now() - oldest.front().createdAt).count()));
  json["sent_instances"] = static_cast<Json::Int64>(health.sentInstances);
  json["sent_bytes"] = static_cast<Json::Int64>(health.sentBytes);
  return json;
}

Json::Value DescribeStudy(Transaction& transaction, const Replicator& replicator, const Study& study)
{
  ReplicaStore store(transaction);
  const auto replicas = store.OfStudy(replicator.Name(), study.orthancStudyId);
  const Manifest manifest = store.FindManifest(replicator.Name(), study.orthancStudyId);
  Json::Value json;
  json["target"] = replicator.Name();
  json["instances"] = Json::arrayValue;
  bool failed = false;
  for (const Replica& replica : replicas)
  {
    Json::Value item;
    item["orthanc_instance_id"] = replica.orthancInstanceId;
    item["key"] = replica.key;
    item["size"] = static_cast<Json::Int64>(replica.size);
    item["sha256"] = replica.sha256;
    item["state"] = replica.state;
    item["error"] = replica.error.empty() ? Json::Value() : Json::Value(replica.error);
    item["replicated_at"] = ToString(replica.replicatedAt);
    item["verified_at"] = replica.verifiedAt ? Json::Value(ToString(*replica.verifiedAt)) : Json::Value();
    failed = failed || replica.state == "failed";
    json["instances"].append(item);
  }
  const bool complete = static_cast<int>(replicas.size()) >= study.numberOfInstances;
  json["state"] = !replicator.Wants(study.practiceId, study.modalities) ? "not_wanted"
                  : failed                                              ? "failed"
                  : complete                                            ? "verified"
                                                                        : "pending";
  json["manifest_version"] = manifest.version;
  return json;
}

Json::Value ToJson(const Restore& restore)
{
  Json::Value json;
  json["id"] = restore.id;
  json["target"] = restore.target;
  json["state"] = restore.state;
  json["requested_by"] = restore.requestedBy;
  json["requested_at"] = ToString(restore.requestedAt);
  json["studies_total"] = restore.studiesTotal;
  json["studies_done"] = restore.studiesDone;
  json["instances_done"] = restore.instancesDone;
  json["errors"] = restore.errors;
  return json;
}

Response StartRestore(Database& database, const Replicators& replicators, const Request& request)
{
  const Json::Value& body = request.Body();
  const Replicator& replicator = FindTarget(replicators, body["target"].asString());
  const Json::Value& studies = body["study_uids"];
  if (studies.empty() && !body["all"].asBool() && body["patient_id"].asString().empty())
  {
    throw BadInput("What is to be restored is not said",
                   {{"study_uids", "expected, or patient_id, or all: true"}});
  }
  Restore restore;
  restore.id = NewUuid();
  restore.target = replicator.Name();
  restore.state = "running";
  restore.requestedBy = request.Caller().name;
  restore.requestedAt = Now();
  restore.studiesTotal = static_cast<int>(studies.size());
  Json::Value payload;
  payload["patient_id"] = body["patient_id"].asString();
  Transaction transaction(database);
  ReplicaStore(transaction).Insert(restore);
  const std::string kind = "restore." + replicator.Name();
  if (studies.empty())
  {
    TaskStore(transaction).Enqueue(kind, restore.id, payload);
  }
  for (const Json::Value& study : studies)
  {
    TaskStore(transaction).Enqueue(kind, restore.id + "/" + study.asString());
  }
  AuditEntry entry = request.Audit("replication.restore");
  entry.patientId = body["patient_id"].asString();
  entry.detail["restore_id"] = restore.id;
  entry.detail["studies"] = studies;
  AuditTrail::Append(transaction, entry);
  transaction.Commit();
  return Response::Json(ToJson(restore), 202);
}
}  // namespace

void AddReplicationRoutes(Router& router, Database& database, const Replicators& replicators)
{
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/replication",
              .permission = Permission::ReadReplication,
              .summary = "The targets: state, what they hold, what is still to be sent",
              .handler = [&database, &replicators](const Request&)
              {
                Json::Value items(Json::arrayValue);
                Transaction transaction(database, Transaction::Mode::ReadOnly);
                for (const auto& replicator : replicators)
                {
                  items.append(DescribeTarget(transaction, *replicator));
                }
                transaction.Commit();
                Json::Value body;
                body["targets"] = items;
                return Response::Json(body);
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/replication/studies/{uid}",
              .permission = Permission::ReadReplication,
              .summary = "What each target holds of a study",
              .handler = [&database, &replicators](const Request& request)
              {
                Transaction transaction(database, Transaction::Mode::ReadOnly);
                const Study study = StudyStore(transaction).Get(request.Path("uid"));
                Json::Value body;
                body["study_instance_uid"] = study.studyInstanceUid;
                body["targets"] = Json::arrayValue;
                for (const auto& replicator : replicators)
                {
                  body["targets"].append(DescribeStudy(transaction, *replicator, study));
                }
                transaction.Commit();
                return Response::Json(body);
              }});

  router.Add(
      {.method = HttpMethod::Post,
       .path = "/api/v1/replication/restore",
       .permission = Permission::WriteReplication,
       .summary = "Brings studies back into Orthanc from a target's manifests: some, a patient's, or all",
       .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["target"],
                "properties": {
                  "target": {"type": "string", "maxLength": 64},
                  "study_uids": {"type": "array", "maxItems": 10000,
                                 "items": {"type": "string", "format": "dicom-uid"}},
                  "patient_id": {"type": "string", "maxLength": 128},
                  "all": {"type": "boolean"}
                }
              })"),
       .handler = [&database, &replicators](const Request& request)
       { return StartRestore(database, replicators, request); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/replication/restore/{id}",
              .permission = Permission::ReadReplication,
              .summary = "How far a restore is",
              .handler = [&database](const Request& request)
              {
                Transaction transaction(database);
                const auto restore = ReplicaStore(transaction).FindRestore(request.Path("id"));
                transaction.Commit();
                if (!restore)
                {
                  throw NotFound("There is no such restore");
                }
                return Response::Json(ToJson(*restore));
              }});

  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/replication/restore/{id}",
              .permission = Permission::WriteReplication,
              .summary = "Cancels a restore; what is back stays",
              .handler = [&database](const Request& request)
              {
                Transaction transaction(database);
                ReplicaStore store(transaction);
                auto restore = store.FindRestore(request.Path("id"));
                if (!restore)
                {
                  throw NotFound("There is no such restore");
                }
                if (restore->state != "running")
                {
                  throw Conflict("The restore has ended");
                }
                restore->state = "cancelled";
                store.Update(*restore);
                AuditEntry entry = request.Audit("replication.cancel");
                entry.detail["restore_id"] = restore->id;
                AuditTrail::Append(transaction, entry);
                transaction.Commit();
                return Response::Json(ToJson(*restore));
              }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/replication/verify",
              .permission = Permission::WriteReplication,
              .summary = "Checks the targets and reads copies back now",
              .handler = [&database, &replicators](const Request& request)
              {
                Transaction transaction(database);
                for (const auto& replicator : replicators)
                {
                  TaskStore(transaction).Enqueue("check." + replicator->Name(), "all");
                  TaskStore(transaction).Enqueue("scrub." + replicator->Name(), "all");
                }
                AuditTrail::Append(transaction, request.Audit("replication.verify"));
                transaction.Commit();
                return Response::Json(Json::objectValue, 202);
              }});
}
}  // namespace OrthancClinic::Replication
