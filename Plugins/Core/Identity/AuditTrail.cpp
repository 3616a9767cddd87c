// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Identity/AuditTrail.h"

#include <openssl/evp.h>

#include <array>

#include <fmt/format.h>

#include "Core/Configuration/JsonSchema.h"

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
    const std::string text = WriteJson(fields);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    {
      throw Unavailable("SHA-256 is not available");
    }
    std::string hexadecimal;
    for (unsigned i = 0; i < size; i++)
    {
      hexadecimal += fmt::format("{:02x}", digest[i]);
    }
    return hexadecimal;
  }
};

constexpr const char* COLUMNS =
    "serial, at, principal, remote_address, action, practice_id, patient_id, study_instance_uid, outcome, "
    "detail, "
    "previous_hash, hash";

template <typename Prepared, typename Visit>
void ForEach(Prepared&& prepared, Visit&& visit)
{
  Record row;
  soci::statement statement =
      (prepared, soci::into(row.serial), soci::into(row.at), soci::into(row.principal),
       soci::into(row.remoteAddress), soci::into(row.action), soci::into(row.practiceId),
       soci::into(row.patientId), soci::into(row.studyInstanceUid), soci::into(row.outcome),
       soci::into(row.detail), soci::into(row.previousHash), soci::into(row.hash));
  statement.execute();
  while (statement.fetch())
  {
    if (!visit(row))
    {
      return;
    }
  }
}
}  // namespace

void AuditTrail::Append(Transaction& transaction, AuditEntry entry)
{
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

std::pair<std::vector<Json::Value>, int64_t> AuditTrail::List(Transaction& transaction,
                                                              const std::string& patientId,
                                                              const std::string& studyInstanceUid,
                                                              int64_t limit, int64_t offset)
{
  return transaction.Sql(
      [&](soci::session& sql)
      {
        const std::string where =
            " FROM audit WHERE (:patient = '' OR patient_id = :patient2) AND (:study = '' OR "
            "study_instance_uid = "
            ":study2)";
        long long total = 0;
        sql << "SELECT COUNT(*)" + where, soci::use(patientId), soci::use(patientId),
            soci::use(studyInstanceUid), soci::use(studyInstanceUid), soci::into(total);
        const long long rows = limit;
        const long long first = offset;
        std::vector<Json::Value> records;
        ForEach((sql.prepare << std::string("SELECT ") + COLUMNS + where +
                                    " ORDER BY serial DESC LIMIT :limit OFFSET :offset",
                 soci::use(patientId), soci::use(patientId), soci::use(studyInstanceUid),
                 soci::use(studyInstanceUid), soci::use(rows), soci::use(first)),
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
                  return true;
                });
        return std::pair(std::move(records), static_cast<int64_t>(total));
      });
}

std::optional<int64_t> AuditTrail::FirstBroken(Transaction& transaction)
{
  return transaction.Sql(
      [&](soci::session& sql)
      {
        std::optional<int64_t> broken;
        std::string previous;
        ForEach((sql.prepare << std::string("SELECT ") + COLUMNS + " FROM audit ORDER BY serial"),
                [&](const Record& record)
                {
                  if (record.previousHash != previous || record.hash != record.ExpectedHash())
                  {
                    broken = record.serial;
                    return false;
                  }
                  previous = record.hash;
                  return true;
                });
        return broken;
      });
}
}  // namespace OrthancClinic
