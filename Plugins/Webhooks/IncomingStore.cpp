// SPDX-License-Identifier: GPL-3.0-or-later

#include "IncomingStore.h"

#include "Core/Database/Query.h"

namespace OrthancClinic::Webhooks
{
bool IncomingStore::Remember(const std::string& eventId)
{
  const std::string now = ToString(Now());
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        soci::statement insert =
            (sql.prepare << "INSERT INTO incoming_events (practice_id, event_id, received_at) VALUES "
                            "(:practice, :event, :at) ON CONFLICT (practice_id, event_id) DO NOTHING",
             soci::use(practiceId_), soci::use(eventId), soci::use(now));
        insert.execute(true);
        return insert.get_affected_rows() == 1;
      });
}

IncomingRecord IncomingStore::Lock(const std::string& kind, const std::string& id)
{
  Execute(
      transaction_,
      "INSERT INTO incoming_records (practice_id, kind, record_id, version, deleted, touched_at) VALUES "
      "(:practice, :kind, :id, "
      "'', 0, :at) ON CONFLICT (practice_id, kind, record_id) DO UPDATE SET touched_at = excluded.touched_at",
      {practiceId_, kind, id, ToString(Now())});
  IncomingRecord record;
  std::string version;
  int deleted = 0;
  Query(
      transaction_,
      "SELECT version, deleted FROM incoming_records WHERE practice_id = :practice AND kind = :kind AND "
      "record_id = :id",
      {practiceId_, kind, id}, [] {}, version, deleted);
  record.version = ParseTimestamp(version);
  record.deleted = deleted != 0;
  return record;
}

void IncomingStore::Put(const std::string& kind, const std::string& id, Timestamp version, bool deleted)
{
  Execute(transaction_,
          "INSERT INTO incoming_records (practice_id, kind, record_id, version, deleted, touched_at) VALUES "
          "(:practice, :kind, :id, "
          ":version, CAST(:deleted AS INTEGER), :at) ON CONFLICT (practice_id, kind, record_id) DO UPDATE "
          "SET version = "
          "excluded.version, deleted = excluded.deleted, touched_at = excluded.touched_at",
          {practiceId_, kind, id, ToString(version), deleted ? "1" : "0", ToString(Now())});
}

bool IncomingStore::IsDeleted(const std::string& kind, const std::string& id)
{
  int deleted = 0;
  Query(
      transaction_,
      "SELECT deleted FROM incoming_records WHERE practice_id = :practice AND kind = :kind AND record_id = "
      ":id",
      {practiceId_, kind, id}, [] {}, deleted);
  return deleted != 0;
}

void IncomingStore::Forget(Transaction& transaction, Timestamp before)
{
  Execute(transaction, "DELETE FROM incoming_events WHERE received_at < :before", {ToString(before)});
  Execute(transaction, "DELETE FROM incoming_records WHERE touched_at < :before AND deleted = 1",
          {ToString(before)});
}

std::vector<IncomingSender> IncomingSenderStore::List()
{
  std::vector<IncomingSender> senders;
  IncomingSender sender;
  std::string updatedAt;
  Query(
      transaction_, "SELECT id, practice_id, secret, updated_at FROM incoming_senders ORDER BY id", {},
      [&]
      {
        sender.updatedAt = ParseTimestamp(updatedAt).value();
        senders.push_back(sender);
      },
      sender.id, sender.practiceId, sender.secret, updatedAt);
  return senders;
}

std::optional<IncomingSender> IncomingSenderStore::Find(const std::string& id)
{
  for (IncomingSender& sender : List())
  {
    if (sender.id == id)
    {
      return std::move(sender);
    }
  }
  return std::nullopt;
}

void IncomingSenderStore::Put(const IncomingSender& sender)
{
  Execute(transaction_,
          "INSERT INTO incoming_senders (id, practice_id, secret, updated_at) VALUES (:id, :practice, "
          ":secret, :at) ON CONFLICT (id) DO UPDATE SET practice_id = excluded.practice_id, secret = "
          "excluded.secret, updated_at = excluded.updated_at",
          {sender.id, sender.practiceId, sender.secret, ToString(sender.updatedAt)});
}

void IncomingSenderStore::Delete(const std::string& id)
{
  Execute(transaction_, "DELETE FROM incoming_senders WHERE id = :id", {id});
}
}  // namespace OrthancClinic::Webhooks
