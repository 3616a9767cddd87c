// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Identity/AuditTrail.h"

#include <fmt/format.h>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Database/Query.h"
#include "Core/Digest.h"

namespace OrthancClinic
{
namespace
{
// One record as the table has it.
struct Record
{
  long long serial = 0;
  std::string at;
  std::string principal;
  std::string remoteAddress;
  std::string action;
  std::string practiceId;
  std::string patientId;
  std::string studyInstanceUid;
  std::string outcome;
  std::string detail;
  std::string previousHash;
  std::string hash;

  // SHA-256 over the JSON array of all fields but the hash itself: JSON's quoting keeps the fields apart.
  std::string ExpectedHash() const
  {
    Json::Value fields(Json::arrayValue);
    fields.append(static_cast<Json::Int64>(serial));
    for (const std::string* field : {&at, &principal, &remoteAddress, &action, &practiceId, &patientId,
                                     &studyInstanceUid, &outcome, &detail, &previousHash})
    {
      fields.append(*field);
    }
    return Sha256Of(WriteJson(fields));
  }
};

constexpr const char* COLUMNS =
    "serial, at, principal, remote_address, action, practice_id, patient_id, study_instance_uid, outcome, "
    "detail, "
    "previous_hash, hash";

// Calls `visit` with each record.
template <typename Visit>
void ForEach(Transaction& transaction, const std::string& tail, const std::vector<std::string>& values,
             Visit&& visit)
{
  Record row;
  Query(
      transaction, std::string("SELECT ") + COLUMNS + " FROM audit" + tail, values, [&] { visit(row); },
      row.serial, row.at, row.principal, row.remoteAddress, row.action, row.practiceId, row.patientId,
      row.studyInstanceUid, row.outcome, row.detail, row.previousHash, row.hash);
}
Conditions MakeConditions(const AuditFilter& filter)
{
  Conditions conditions;
  conditions.Add("patient_id = ?", filter.patientId);
  conditions.Add("study_instance_uid = ?", filter.studyInstanceUid);
  conditions.Add("action = ?", filter.action);
  conditions.Add("principal = ?", filter.principal);
  conditions.Add("outcome = ?", filter.outcome);
  conditions.Add("at >= ?", filter.from);
  conditions.Add("at < ?", filter.to);
  if (filter.since > 0)
  {
    conditions.Add("serial > CAST(? AS BIGINT)", std::to_string(filter.since));
  }
  filter.practices.AddTo(conditions);
  return conditions;
}

std::vector<Json::Value> Fetch(Transaction& transaction, const Conditions& conditions,
                               const std::string& order)
{
  std::vector<Json::Value> records;
  ForEach(transaction, conditions.Where() + order, conditions.Values(),
          [&](const Record& record)
          {
            Json::Value json;
            json["id"] = static_cast<Json::Int64>(record.serial);
            json["at"] = record.at;
            json["principal"] = record.principal;
            json["remote_address"] = record.remoteAddress;
            json["action"] = record.action;
            json["practice_id"] = record.practiceId;
            json["patient_id"] = record.patientId;
            json["study_instance_uid"] = record.studyInstanceUid;
            json["outcome"] = record.outcome;
            json["detail"] = ParseJson(record.detail);
            json["hash"] = record.hash;
            records.push_back(std::move(json));
          });
  return records;
}
}  // namespace

void AuditTrail::Append(Transaction& transaction, AuditEntry entry)
{
  entry.Check();
  transaction.BeforeCommit(
      [&transaction, entry = std::move(entry), at = ToString(Now())]
      {
        Record record{transaction.NextSerial(),
                      at,
                      entry.principal.name,
                      entry.principal.remoteAddress,
                      entry.action,
                      entry.practiceId,
                      entry.patientId,
                      entry.studyInstanceUid,
                      entry.outcome,
                      WriteJson(entry.detail),
                      "",
                      ""};
        transaction.Sql(
            [&](soci::session& sql)
            {
              // The serial's row is locked: nobody else appends until this transaction ends.
              sql << "SELECT hash FROM audit ORDER BY serial DESC LIMIT 1", soci::into(record.previousHash);
              if (!sql.got_data())
              {
                sql << "SELECT hash FROM audit_anchor", soci::into(record.previousHash);
              }
              record.hash = record.ExpectedHash();
              sql << std::string("INSERT INTO audit (") + COLUMNS +
                         ") VALUES (:serial, :at, :principal, :remote, :action, :practice, :patient, :study, "
                         ":outcome, :detail, :previous, :hash)",
                  soci::use(record.serial), soci::use(record.at), soci::use(record.principal),
                  soci::use(record.remoteAddress), soci::use(record.action), soci::use(record.practiceId),
                  soci::use(record.patientId), soci::use(record.studyInstanceUid), soci::use(record.outcome),
                  soci::use(record.detail), soci::use(record.previousHash), soci::use(record.hash);
            });
      });
}

std::vector<Json::Value> AuditTrail::Next(Transaction& transaction, const AuditFilter& filter)
{
  const Conditions conditions = MakeConditions(filter);
  return Fetch(transaction, conditions, fmt::format(" ORDER BY serial LIMIT {}", filter.limit));
}

std::pair<std::vector<Json::Value>, int64_t> AuditTrail::List(Transaction& transaction,
                                                              const AuditFilter& filter)
{
  const Conditions conditions = MakeConditions(filter);
  return {Fetch(transaction, conditions,
                fmt::format(" ORDER BY serial DESC LIMIT {} OFFSET {}", filter.limit, filter.offset)),
          CountRows(transaction, "audit", conditions)};
}

int64_t AuditTrail::Purge(Transaction& transaction, Timestamp before)
{
  // Times may run backwards a little between processes; numbers do not.
  long long last = 0;
  std::string hash;
  Query(
      transaction, "SELECT serial, hash FROM audit WHERE at < :before ORDER BY serial DESC LIMIT 1",
      {ToString(before)}, [] {}, last, hash);
  if (last == 0)
  {
    return 0;
  }
  const std::string until = std::to_string(last);
  long long count = 0;
  Query(
      transaction, "SELECT COUNT(*) FROM audit WHERE serial <= CAST(:last AS BIGINT)", {until}, [] {}, count);
  Execute(transaction, "DELETE FROM audit_anchor", {});
  Execute(transaction, "INSERT INTO audit_anchor (serial, hash) VALUES (CAST(:last AS BIGINT), :hash)",
          {until, hash});
  Execute(transaction, "DELETE FROM audit WHERE serial <= CAST(:last AS BIGINT)", {until});
  return count;
}

std::optional<int64_t> AuditTrail::FirstBroken(Transaction& transaction)
{
  std::optional<int64_t> broken;
  std::string previous;
  Query(
      transaction, "SELECT hash FROM audit_anchor", {}, [] {}, previous);
  ForEach(transaction, " ORDER BY serial", {},
          [&](const Record& record)
          {
            if (!broken && (record.previousHash != previous || record.hash != record.ExpectedHash()))
            {
              broken = record.serial;
            }
            previous = record.hash;
          });
  return broken;
}
}  // namespace OrthancClinic
