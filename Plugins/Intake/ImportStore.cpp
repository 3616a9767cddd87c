// SPDX-License-Identifier: GPL-3.0-or-later

#include "ImportStore.h"

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
Json::Value ToJson(const Import& import)
{
  const int64_t percent = import.state == "completed"
                              ? 100
                              : import.instancesDone * 100 / std::max<int64_t>(import.instancesTotal, 1);
  Json::Value json;
  json["id"] = import.id;
  json["practice_id"] = import.practiceId;
  json["server_id"] = import.serverId;
  json["study_instance_uid"] = import.studyInstanceUid;
  json["orthanc_study_id"] = OrNull(import.orthancStudyId);
  json["patient_id"] = OrNull(import.patientId);
  json["state"] = import.state;
  json["progress"] = static_cast<Json::Int64>(percent);
  json["instances_total"] = static_cast<Json::Int64>(import.instancesTotal);
  json["instances_done"] = static_cast<Json::Int64>(import.instancesDone);
  json["error"] = OrNull(import.error);
  json["requested_by"] = import.requestedBy;
  json["requested_at"] = ToString(import.requestedAt);
  json["updated_at"] = ToString(import.updatedAt);
  return json;
}

std::vector<Import> ImportStore::Fetch(const std::string& tail, const std::vector<std::string>& values)
{
  std::vector<Import> imports;
  Import row;
  long long total = 0;
  long long done = 0;
  std::string requestedAt;
  std::string updatedAt;
  Query(
      transaction_,
      "SELECT id, practice_id, server_id, study_instance_uid, orthanc_study_id, patient_id, state, "
      "instances_total, instances_done, error, requested_by, requested_at, updated_at FROM imports" +
          tail,
      values,
      [&]
      {
        row.instancesTotal = total;
        row.instancesDone = done;
        row.requestedAt = ParseTimestamp(requestedAt).value();
        row.updatedAt = ParseTimestamp(updatedAt).value();
        imports.push_back(row);
      },
      row.id, row.practiceId, row.serverId, row.studyInstanceUid, row.orthancStudyId, row.patientId,
      row.state, total, done, row.error, row.requestedBy, requestedAt, updatedAt);
  return imports;
}

std::optional<Import> ImportStore::Find(const std::string& id)
{
  auto imports = Fetch(" WHERE id = :id", {id});
  return imports.empty() ? std::nullopt : std::optional(std::move(imports.front()));
}

Import ImportStore::Get(const std::string& id)
{
  auto import = Find(id);
  if (!import)
  {
    throw NotFound("There is no such import");
  }
  return *std::move(import);
}

Import ImportStore::GetForUpdate(const std::string& id)
{
  // A write transaction of SQLite is alone anyway.
  auto imports = Fetch(transaction_.IsPostgreSql() ? " WHERE id = :id FOR UPDATE" : " WHERE id = :id", {id});
  if (imports.empty())
  {
    throw NotFound("There is no such import");
  }
  return std::move(imports.front());
}

std::optional<Import> ImportStore::FindOpen(const std::string& serverId, const std::string& studyInstanceUid)
{
  auto imports = Fetch(
      " WHERE study_instance_uid = :uid AND server_id = :server AND state IN ('queued', 'running') ORDER BY "
      "requested_at",
      {studyInstanceUid, serverId});
  return imports.empty() ? std::nullopt : std::optional(std::move(imports.front()));
}

std::pair<std::vector<Import>, int64_t> ImportStore::Search(const ImportFilter& filter)
{
  Conditions conditions;
  filter.practices.AddTo(conditions);
  conditions.Add("server_id = ?", filter.serverId);
  conditions.Add("study_instance_uid = ?", filter.studyInstanceUid);
  conditions.Add("state = ?", filter.state);
  return {Fetch(conditions.Where() + " ORDER BY requested_at DESC, id DESC LIMIT " +
                    std::to_string(filter.limit) + " OFFSET " + std::to_string(filter.offset),
                conditions.Values()),
          CountRows(transaction_, "imports", conditions)};
}

void ImportStore::Insert(const Import& import)
{
  Execute(transaction_,
          "INSERT INTO imports (id, practice_id, server_id, study_instance_uid, orthanc_study_id, "
          "patient_id, state, instances_total, instances_done, error, requested_by, requested_at, "
          "updated_at) VALUES (:id, :practice, :server, :uid, :study, :patient, :state, CAST(:total AS "
          "BIGINT), CAST(:done AS BIGINT), :error, :by, :at, :updated)",
          {import.id, import.practiceId, import.serverId, import.studyInstanceUid, import.orthancStudyId,
           import.patientId, import.state, std::to_string(import.instancesTotal),
           std::to_string(import.instancesDone), import.error, import.requestedBy,
           ToString(import.requestedAt), ToString(import.updatedAt)});
}

void ImportStore::Update(const Import& import)
{
  Execute(transaction_,
          "UPDATE imports SET orthanc_study_id = :study, state = :state, instances_total = CAST(:total AS "
          "BIGINT), instances_done = CAST(:done AS BIGINT), error = :error, updated_at = :updated WHERE id = "
          ":id",
          {import.orthancStudyId, import.state, std::to_string(import.instancesTotal),
           std::to_string(import.instancesDone), import.error, ToString(import.updatedAt), import.id});
}
}  // namespace OrthancClinic::Intake
