// SPDX-License-Identifier: GPL-3.0-or-later

#include "ReplicaStore.h"

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"

namespace OrthancClinic::Replication
{
std::vector<Replica> ReplicaStore::Fetch(const std::string& tail, const std::vector<std::string>& values)
{
  Replica replica;
  long long size = 0;
  std::string replicatedAt;
  std::string verifiedAt;
  std::vector<Replica> replicas;
  Query(
      transaction_,
      "SELECT target, orthanc_instance_id, orthanc_study_id, object_key, transfer_syntax, size, sha256, md5, "
      "state, error, replicated_at, COALESCE(verified_at, '') FROM replicas " +
          tail,
      values,
      [&]
      {
        replica.size = size;
        replica.replicatedAt = ParseTimestamp(replicatedAt).value();
        replica.verifiedAt = ParseTimestamp(verifiedAt);
        replicas.push_back(replica);
      },
      replica.target, replica.orthancInstanceId, replica.orthancStudyId, replica.key, replica.transferSyntax,
      size, replica.sha256, replica.md5, replica.state, replica.error, replicatedAt, verifiedAt);
  return replicas;
}

std::optional<Replica> ReplicaStore::Find(const std::string& target, const std::string& orthancInstanceId)
{
  auto replicas =
      Fetch("WHERE target = :target AND orthanc_instance_id = :instance", {target, orthancInstanceId});
  return replicas.empty() ? std::nullopt : std::optional(std::move(replicas.front()));
}

std::vector<Replica> ReplicaStore::OfStudy(const std::string& target, const std::string& orthancStudyId)
{
  return Fetch("WHERE orthanc_study_id = :study AND target = :target ORDER BY object_key",
               {orthancStudyId, target});
}

std::vector<Replica> ReplicaStore::LongestUnverified(const std::string& target, int64_t limit)
{
  return Fetch(
      "WHERE target = :target ORDER BY verified_at, orthanc_instance_id LIMIT " + std::to_string(limit),
      {target});
}

void ReplicaStore::Put(const Replica& replica)
{
  const long long size = replica.size;
  const std::string replicatedAt = ToString(replica.replicatedAt);
  const std::string verifiedAt = replica.verifiedAt ? ToString(*replica.verifiedAt) : "";
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "INSERT INTO replicas (target, orthanc_instance_id, orthanc_study_id, object_key, "
               "transfer_syntax, size, sha256, md5, state, error, replicated_at, verified_at) VALUES "
               "(:target, "
               ":instance, :study, :key, :syntax, :size, :sha256, :md5, :state, :error, :replicated, "
               "NULLIF(:verified, '')) ON CONFLICT (target, orthanc_instance_id) DO UPDATE SET "
               "orthanc_study_id = excluded.orthanc_study_id, object_key = excluded.object_key, "
               "transfer_syntax = excluded.transfer_syntax, size = excluded.size, sha256 = excluded.sha256, "
               "md5 = excluded.md5, state = excluded.state, error = excluded.error, replicated_at = "
               "excluded.replicated_at, "
               "verified_at = excluded.verified_at",
            soci::use(replica.target), soci::use(replica.orthancInstanceId),
            soci::use(replica.orthancStudyId), soci::use(replica.key), soci::use(replica.transferSyntax),
            soci::use(size), soci::use(replica.sha256), soci::use(replica.md5), soci::use(replica.state),
            soci::use(replica.error), soci::use(replicatedAt), soci::use(verifiedAt);
      });
}

bool ReplicaStore::PutFindings(const Replica& replica)
{
  const std::string replicatedAt = ToString(replica.replicatedAt);
  const std::string verifiedAt = replica.verifiedAt ? ToString(*replica.verifiedAt) : "";
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        soci::statement update =
            (sql.prepare << "UPDATE replicas SET state = :state, error = :error, verified_at = "
                            "NULLIF(:verified, '') WHERE target = :target AND orthanc_instance_id = "
                            ":instance AND sha256 = :sha256 AND replicated_at = :replicated",
             soci::use(replica.state), soci::use(replica.error), soci::use(verifiedAt),
             soci::use(replica.target), soci::use(replica.orthancInstanceId), soci::use(replica.sha256),
             soci::use(replicatedAt));
        update.execute(true);
        return update.get_affected_rows() == 1;
      });
}

void ReplicaStore::Forget(const std::string& target, const std::string& orthancInstanceId)
{
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "DELETE FROM replicas WHERE target = :target AND orthanc_instance_id = :instance",
            soci::use(target), soci::use(orthancInstanceId);
      });
}

std::vector<std::string> ReplicaStore::Studies(const std::string& target)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        const soci::rowset<std::string> rows =
            (sql.prepare << "SELECT DISTINCT orthanc_study_id FROM replicas WHERE target = :target",
             soci::use(target));
        return std::vector<std::string>(rows.begin(), rows.end());
      });
}

std::vector<ReplicaStore::Holding> ReplicaStore::Holdings(const std::string& condition,
                                                          const std::string& value)
{
  std::vector<Holding> holdings;
  Holding holding;
  Query(
      transaction_,
      "SELECT DISTINCT replicas.target, replicas.orthanc_study_id FROM studies JOIN replicas ON "
      "replicas.orthanc_study_id = studies.orthanc_study_id WHERE studies.settled_at IS NOT NULL AND " +
          condition,
      {value}, [&] { holdings.push_back(holding); }, holding.target, holding.orthancStudyId);
  return holdings;
}

std::vector<ReplicaStore::Holding> ReplicaStore::HoldingsOfStudy(const std::string& orthancStudyId)
{
  return Holdings("studies.orthanc_study_id = :study", orthancStudyId);
}

std::vector<ReplicaStore::Holding> ReplicaStore::HoldingsOfPatient(const std::string& patientId)
{
  return Holdings("studies.match_patient_id = :patient", patientId);
}

std::pair<int64_t, int64_t> ReplicaStore::Total(const std::string& target, const std::string& state)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        long long count = 0;
        long long bytes = 0;
        sql << "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM replicas WHERE target = :target AND state = "
               ":state",
            soci::use(target), soci::use(state), soci::into(count), soci::into(bytes);
        return std::pair<int64_t, int64_t>(count, bytes);
      });
}

std::optional<std::string> ReplicaStore::FindUpload(const std::string& target, const std::string& key,
                                                    const std::string& content)
{
  return transaction_.Sql(
      [&](soci::session& sql) -> std::optional<std::string>
      {
        std::string upload;
        sql << "SELECT upload_id FROM replica_uploads WHERE target = :target AND object_key = :key AND "
               "content = :content",
            soci::use(target), soci::use(key), soci::use(content), soci::into(upload);
        return sql.got_data() ? std::optional(upload) : std::nullopt;
      });
}

void ReplicaStore::PutUpload(const std::string& target, const std::string& key, const std::string& content,
                             const std::string& uploadId)
{
  const std::string now = ToString(Now());
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "INSERT INTO replica_uploads (target, object_key, content, upload_id, begun_at) VALUES "
               "(:target, "
               ":key, :content, :upload, :at) ON CONFLICT (target, object_key) DO UPDATE SET content = "
               "excluded.content, upload_id = excluded.upload_id, begun_at = excluded.begun_at",
            soci::use(target), soci::use(key), soci::use(content), soci::use(uploadId), soci::use(now);
      });
}

void ReplicaStore::ForgetUpload(const std::string& target, const std::string& key)
{
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "DELETE FROM replica_uploads WHERE target = :target AND object_key = :key", soci::use(target),
            soci::use(key);
      });
}

Manifest ReplicaStore::FindManifest(const std::string& target, const std::string& orthancStudyId)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        Manifest manifest;
        sql << "SELECT version, number_of_instances, content FROM replica_manifests WHERE target = :target "
               "AND "
               "orthanc_study_id = :study",
            soci::use(target), soci::use(orthancStudyId), soci::into(manifest.version),
            soci::into(manifest.numberOfInstances), soci::into(manifest.content);
        return sql.got_data() ? manifest : Manifest{};
      });
}

void ReplicaStore::PutManifest(const std::string& target, const std::string& orthancStudyId,
                               const std::string& studyInstanceUid, const Manifest& manifest)
{
  const std::string now = ToString(Now());
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "INSERT INTO replica_manifests (target, orthanc_study_id, study_instance_uid, version, "
               "number_of_instances, content, written_at) VALUES (:target, :study, :uid, :version, :count, "
               ":content, :at) ON CONFLICT (target, orthanc_study_id) DO UPDATE SET version = "
               "excluded.version, number_of_instances = excluded.number_of_instances, content = "
               "excluded.content, written_at = excluded.written_at",
            soci::use(target), soci::use(orthancStudyId), soci::use(studyInstanceUid),
            soci::use(manifest.version), soci::use(manifest.numberOfInstances), soci::use(manifest.content),
            soci::use(now);
      });
}

void ReplicaStore::ForgetManifest(const std::string& target, const std::string& orthancStudyId)
{
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "DELETE FROM replica_manifests WHERE target = :target AND orthanc_study_id = :study",
            soci::use(target), soci::use(orthancStudyId);
      });
}

std::optional<InstanceRoute> ReplicaStore::FindRoute(const std::string& orthancInstanceId)
{
  InstanceRoute route;
  int compress = 0;
  std::optional<InstanceRoute> found;
  Query(
      transaction_,
      "SELECT orthanc_instance_id, orthanc_study_id, target, rule, compress FROM replica_routes WHERE "
      "orthanc_instance_id = :id",
      {orthancInstanceId},
      [&]
      {
        route.compress = compress != 0;
        found = route;
      },
      route.orthancInstanceId, route.orthancStudyId, route.target, route.rule, compress);
  return found;
}

void ReplicaStore::PutRoute(const InstanceRoute& route)
{
  Execute(
      transaction_,
      "INSERT INTO replica_routes (orthanc_instance_id, orthanc_study_id, target, rule, compress, routed_at) "
      "VALUES (:instance, :study, :target, :rule, CAST(:compress AS INTEGER), :at) ON CONFLICT "
      "(orthanc_instance_id) DO UPDATE SET orthanc_study_id = excluded.orthanc_study_id, target = "
      "excluded.target, rule = excluded.rule, compress = excluded.compress, routed_at = excluded.routed_at",
      {route.orthancInstanceId, route.orthancStudyId, route.target, route.rule, route.compress ? "1" : "0",
       ToString(Now())});
}

void ReplicaStore::ForgetRoute(const std::string& orthancInstanceId)
{
  Execute(transaction_, "DELETE FROM replica_routes WHERE orthanc_instance_id = :id", {orthancInstanceId});
}

void ReplicaStore::ForgetRoutesOfStudy(const std::string& orthancStudyId)
{
  Execute(transaction_, "DELETE FROM replica_routes WHERE orthanc_study_id = :id", {orthancStudyId});
}

void ReplicaStore::ForgetRoutesTo(const std::string& target)
{
  Execute(transaction_, "DELETE FROM replica_routes WHERE target = :target", {target});
}

int64_t ReplicaStore::CountRoutes(const std::string& orthancStudyId)
{
  Conditions conditions;
  conditions.Add("orthanc_study_id = ?", orthancStudyId);
  conditions.AddAll("target <> ''", {});
  return CountRows(transaction_, "replica_routes", conditions);
}

int64_t ReplicaStore::CountDecisions(const std::string& orthancStudyId)
{
  Conditions conditions;
  conditions.AddAll("orthanc_study_id = ?", {orthancStudyId});
  return CountRows(transaction_, "replica_routes", conditions);
}

std::pair<int64_t, std::optional<Timestamp>> ReplicaStore::Awaited(const std::string& target,
                                                                   const std::string& orthancStudyId)
{
  Conditions conditions;
  conditions.Add("target = ?", target);
  conditions.Add("orthanc_study_id = ?", orthancStudyId);
  conditions.AddAll(
      "NOT EXISTS (SELECT 1 FROM replicas WHERE replicas.target = replica_routes.target AND "
      "replicas.orthanc_instance_id = replica_routes.orthanc_instance_id)",
      {});
  long long count = 0;
  std::string oldest;
  Query(
      transaction_, "SELECT COUNT(*), COALESCE(MIN(routed_at), '') FROM replica_routes" + conditions.Where(),
      conditions.Values(), [] {}, count, oldest);
  return {count, ParseTimestamp(oldest)};
}

std::vector<std::string> ReplicaStore::RoutedTargets(const std::string& orthancStudyId)
{
  std::vector<std::string> targets;
  std::string target;
  Query(
      transaction_,
      "SELECT target FROM replica_routes WHERE orthanc_study_id = :study AND target <> '' UNION SELECT "
      "target FROM "
      "replicas WHERE orthanc_study_id = :same AND target IN (SELECT id FROM vnas WHERE deleted = 0)",
      {orthancStudyId, orthancStudyId}, [&] { targets.push_back(target); }, target);
  return targets;
}

bool ReplicaStore::Declare(const std::string& target, const std::string& declaration)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::string last;
        sql << "SELECT declaration FROM replica_declarations WHERE target = :target", soci::use(target),
            soci::into(last);
        if (sql.got_data() && last == declaration)
        {
          return false;
        }
        sql << "INSERT INTO replica_declarations (target, declaration) VALUES (:target, :declaration) "
               "ON CONFLICT (target) DO UPDATE SET declaration = excluded.declaration",
            soci::use(target), soci::use(declaration);
        return true;
      });
}

void ReplicaStore::Insert(const Restore& restore)
{
  const std::string at = ToString(restore.requestedAt);
  const std::string errors = WriteJson(restore.errors);
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "INSERT INTO restores (id, target, state, requested_by, requested_at, studies_total, "
               "studies_done, instances_done, errors) VALUES (:id, :target, :state, :by, :at, :total, :done, "
               ":instances, :errors)",
            soci::use(restore.id), soci::use(restore.target), soci::use(restore.state),
            soci::use(restore.requestedBy), soci::use(at), soci::use(restore.studiesTotal),
            soci::use(restore.studiesDone), soci::use(restore.instancesDone), soci::use(errors);
      });
}

std::optional<Restore> ReplicaStore::FindRestore(const std::string& id)
{
  return transaction_.Sql(
      [&](soci::session& sql) -> std::optional<Restore>
      {
        Restore restore;
        std::string at;
        std::string errors;
        const std::string lock = transaction_.IsPostgreSql() ? " FOR UPDATE" : "";
        sql << "SELECT id, target, state, requested_by, requested_at, studies_total, studies_done, "
               "instances_done, errors FROM restores WHERE id = :id" +
                   lock,
            soci::use(id), soci::into(restore.id), soci::into(restore.target), soci::into(restore.state),
            soci::into(restore.requestedBy), soci::into(at), soci::into(restore.studiesTotal),
            soci::into(restore.studiesDone), soci::into(restore.instancesDone), soci::into(errors);
        if (!sql.got_data())
        {
          return std::nullopt;
        }
        restore.requestedAt = ParseTimestamp(at).value();
        restore.errors = ParseJson(errors);
        return restore;
      });
}

void ReplicaStore::Update(const Restore& restore)
{
  const std::string errors = WriteJson(restore.errors);
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "UPDATE restores SET state = :state, studies_total = :total, studies_done = :done, "
               "instances_done = :instances, errors = :errors WHERE id = :id",
            soci::use(restore.state), soci::use(restore.studiesTotal), soci::use(restore.studiesDone),
            soci::use(restore.instancesDone), soci::use(errors), soci::use(restore.id);
      });
}
}  // namespace OrthancClinic::Replication
