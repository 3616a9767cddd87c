// SPDX-License-Identifier: GPL-3.0-or-later

#include "ReplicationRoutes.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "Core/Configuration/Json.h"
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
std::shared_ptr<Replicator> FindTarget(TargetDirectory& targets, const std::string& name)
{
  auto found = targets.Find(name);
  if (!found)
  {
    throw NotFound("There is no such target");
  }
  return found;
}

struct TargetState
{
  std::pair<int64_t, int64_t> verified;    // instances and bytes
  std::pair<int64_t, int64_t> replicated;  // taken by the target, not yet seen there
  int64_t failed = 0;
  int64_t pending = 0;
  int64_t dead = 0;
  int64_t lagSeconds = 0;
  int64_t lagBytes = 0;  // what waits is taken to be as large as what was copied, on average
};

// Lag is the recovery point: what would be lost with this machine.
TargetState StateOf(Transaction& transaction, const Replicator& replicator)
{
  const std::string& name = replicator.Name();
  ReplicaStore store(transaction);
  TargetState state;
  state.verified = store.Total(name, "verified");
  state.replicated = store.Total(name, "replicated");
  state.failed = store.Total(name, "failed").first;
  const auto lag = [](Timestamp since)
  { return std::chrono::duration_cast<std::chrono::seconds>(Now() - since).count(); };
  if (replicator.Options().IsRouted())
  {
    const auto [count, oldest] = store.Awaited(name);
    state.pending = count;
    state.dead = state.failed;
    state.lagSeconds = oldest ? lag(*oldest) : 0;
  }
  else
  {
    for (const auto& [kind, count] : TaskStore(transaction).Count())
    {
      if (kind.first == "replicate." + name || kind.first == "catch-up." + name)
      {
        (kind.second == TaskState::Dead ? state.dead : state.pending) += count;
      }
    }
    const auto [oldest, total] = TaskStore(transaction).List("replicate." + name, "", 1, 0);
    state.lagSeconds = oldest.empty() ? 0 : lag(oldest.front().createdAt);
  }
  if (const int64_t copies = state.verified.first + state.replicated.first; copies > 0)
  {
    state.lagBytes = state.pending * ((state.verified.second + state.replicated.second) / copies);
  }
  return state;
}

Json::Value DescribeTarget(Transaction& transaction, const Replicator& replicator)
{
  const Replicator::Health health = replicator.GetHealth();
  const TargetState state = StateOf(transaction, replicator);
  const auto number = [](int64_t value) { return Json::Value(static_cast<Json::Int64>(value)); };
  Json::Value json;
  json["target"] = replicator.Name();
  static const std::map<TargetType, const char*> TYPES = {{TargetType::S3, "S3"},
                                                          {TargetType::Azure, "Azure"},
                                                          {TargetType::Directory, "Directory"},
                                                          {TargetType::Dicom, "Dicom"}};
  json["type"] = TYPES.at(replicator.Options().type);
  if (replicator.Options().IsRouted())
  {
    json["name"] = replicator.Options().title;
    json["practice_id"] = replicator.Options().practiceId;
  }
  json["ready"] = health.ready;
  json["error"] = OrNull(health.error);
  json["verified_instances"] = number(state.verified.first);
  json["verified_bytes"] = number(state.verified.second);
  json["replicated_instances"] = number(state.replicated.first);
  json["replicated_bytes"] = number(state.replicated.second);
  json["failed_instances"] = number(state.failed);
  json["pending_instances"] = number(state.pending);
  json["dead_letters"] = number(state.dead);
  json["lag_seconds"] = number(state.lagSeconds);
  json["lag_bytes"] = number(state.lagBytes);
  json["sent_instances"] = number(health.sentInstances);
  json["sent_bytes"] = number(health.sentBytes);
  json["bytes_per_second"] = number(health.bytesPerSecond);
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
  for (const Replica& replica : replicas)
  {
    Json::Value item;
    item["orthanc_instance_id"] = replica.orthancInstanceId;
    item["key"] = replica.key;
    item["size"] = static_cast<Json::Int64>(replica.size);
    item["sha256"] = replica.sha256;
    item["state"] = replica.state;
    item["error"] = OrNull(replica.error);
    item["replicated_at"] = ToString(replica.replicatedAt);
    item["verified_at"] = replica.verifiedAt ? Json::Value(ToString(*replica.verifiedAt)) : Json::Value();
    json["instances"].append(item);
  }
  json["state"] = replicator.StateOf(transaction, study);
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

Response StartRestore(Database& database, TargetDirectory& targets, const Request& request)
{
  const Json::Value& body = request.Body();
  const auto replicator = FindTarget(targets, body["target"].asString());
  if (!replicator->KeepsFiles())
  {
    throw Conflict("A DICOM node keeps no manifests: retrieve from it as from any remote DICOM server");
  }
  const Json::Value& studies = body["study_uids"];
  if (studies.empty() && !body["all"].asBool() && body["patient_id"].asString().empty())
  {
    throw BadInput("What is to be restored is not said",
                   {{"study_uids", "expected, or patient_id, or all: true"}});
  }
  Restore restore;
  restore.id = NewUuid();
  restore.target = replicator->Name();
  restore.state = "running";
  restore.requestedBy = request.Caller().name;
  restore.requestedAt = Now();
  restore.studiesTotal = static_cast<int>(studies.size());
  Json::Value payload;
  payload["patient_id"] = body["patient_id"].asString();
  Transaction transaction(database);
  ReplicaStore(transaction).Insert(restore);
  if (studies.empty())
  {
    replicator->Enqueue(transaction, "restore", restore.id, payload);
  }
  for (const Json::Value& study : studies)
  {
    replicator->Enqueue(transaction, "restore", restore.id + "/" + study.asString());
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

std::string Metrics(Database& database, TargetDirectory& targets)
{
  const auto replicators = targets.All();
  struct Metric
  {
    const char* name;
    const char* type;
    const char* help;
    std::function<int64_t(const TargetState&, const Replicator::Health&)> value;
  };
  static const Metric METRICS[] = {
      {"ready", "gauge", "Whether the target can be used.",
       [](const TargetState&, const Replicator::Health& health) { return health.ready ? 1 : 0; }},
      {"verified_instances", "gauge", "Copies that were seen in the target.",
       [](const TargetState& state, const Replicator::Health&) { return state.verified.first; }},
      {"verified_bytes", "gauge", "Their size.",
       [](const TargetState& state, const Replicator::Health&) { return state.verified.second; }},
      {"failed_instances", "gauge", "Copies that are gone, differ, or were refused.",
       [](const TargetState& state, const Replicator::Health&) { return state.failed; }},
      {"pending_instances", "gauge", "Instances without a copy yet.",
       [](const TargetState& state, const Replicator::Health&) { return state.pending; }},
      {"lag_seconds", "gauge", "Age of the oldest new instance without a copy.",
       [](const TargetState& state, const Replicator::Health&) { return state.lagSeconds; }},
      {"lag_bytes", "gauge", "About what is still to be sent.",
       [](const TargetState& state, const Replicator::Health&) { return state.lagBytes; }},
      {"dead_letters", "gauge", "Instances that were given up.",
       [](const TargetState& state, const Replicator::Health&) { return state.dead; }},
      {"sent_bytes_total", "counter", "Sent by this process.",
       [](const TargetState&, const Replicator::Health& health) { return health.sentBytes; }}};
  std::vector<std::pair<TargetState, Replicator::Health>> states;
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  for (const auto& replicator : replicators)
  {
    states.emplace_back(StateOf(transaction, *replicator), replicator->GetHealth());
  }
  transaction.Commit();
  std::string text;
  for (const Metric& metric : METRICS)
  {
    const std::string name = std::string("orthanc_clinic_replication_") + metric.name;
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, metric.help, name, metric.type);
    for (size_t i = 0; i < states.size(); i++)
    {
      text += fmt::format("{}{{target=\"{}\"}} {}\n", name, replicators[i]->Name(),
                          metric.value(states[i].first, states[i].second));
    }
  }
  return text;
}

void AddReplicationRoutes(Router& router, Database& database, TargetDirectory& targets)
{
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/replication",
              .permission = Permission::ReadReplication,
              .summary = "The targets: state, what they hold, what is still to be sent",
              .handler = [&database, &targets](const Request&)
              {
                Json::Value items(Json::arrayValue);
                const auto replicators = targets.All();
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
              .handler = [&database, &targets](const Request& request)
              {
                Transaction transaction(database, Transaction::Mode::ReadOnly);
                const Study study = StudyStore(transaction).Get(request.Path("uid"));
                request.Require(study.practiceId);
                Json::Value body;
                body["study_instance_uid"] = study.studyInstanceUid;
                body["targets"] = Json::arrayValue;
                for (const auto& replicator : targets.Of(transaction, study))
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
       .handler = [&database, &targets](const Request& request)
       { return StartRestore(database, targets, request); }});

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
              .handler = [&database, &targets](const Request& request)
              {
                const auto replicators = targets.All();
                Transaction transaction(database);
                for (const auto& replicator : replicators)
                {
                  replicator->Enqueue(transaction, "check", "all");
                  replicator->Enqueue(transaction, "scrub", "all");
                }
                AuditTrail::Append(transaction, request.Audit("replication.verify"));
                transaction.Commit();
                return Response::Json(Json::objectValue, 202);
              }});
}
}  // namespace OrthancClinic::Replication
