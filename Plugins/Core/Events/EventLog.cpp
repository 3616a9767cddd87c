// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Events/EventLog.h"

#include "Core/Configuration/JsonSchema.h"

namespace OrthancClinic
{
Json::Value ToJson(const Event& event)
{
  Json::Value json;
  json["id"] = static_cast<Json::Int64>(event.serial);
  json["type"] = event.type;
  json["practice_id"] = event.practiceId;
  json["data"] = event.data;
  json["created_at"] = ToString(event.createdAt);
  return json;
}

void EventLog::On(const std::string& type, std::function<void(Transaction&, const Event&)> subscriber)
{
  subscribers_.emplace(type, std::move(subscriber));
}

void EventLog::Emit(Transaction& transaction, const std::string& type, const std::string& practiceId,
                    const Json::Value& data) const
{
  const Event event{0, type, practiceId, data, Now()};
  const auto [first, last] = subscribers_.equal_range(type);
  for (auto subscriber = first; subscriber != last; ++subscriber)
  {
    subscriber->second(transaction, event);
  }

  // Late, because the serial's lock makes other writers wait.
  transaction.BeforeCommit(
      [&transaction, event]
      {
        const long long serial = transaction.NextSerial();
        const std::string document = WriteJson(event.data);
        const std::string createdAt = ToString(event.createdAt);
        transaction.Sql(
            [&](soci::session& sql)
            {
              sql << "INSERT INTO events (serial, type, practice_id, data, created_at) "
                     "VALUES (:serial, :type, :practice, :data, :created)",
                  soci::use(serial), soci::use(event.type), soci::use(event.practiceId), soci::use(document),
                  soci::use(createdAt);
            });
      });
  transaction.Notify("events");
}

std::vector<Event> EventLog::Since(Transaction& transaction, int64_t since, const std::string& type,
                                   int64_t limit)
{
  return transaction.Sql(
      [&](soci::session& sql)
      {
        const long long after = since;
        const long long rows = limit;
        long long serial = 0;
        std::string data;
        std::string createdAt;
        Event event;
        std::vector<Event> events;
        soci::statement statement =
            (sql.prepare
                 << "SELECT serial, type, practice_id, data, created_at FROM events WHERE serial > :since "
                    "AND (:type = '' OR type = :type2) ORDER BY serial LIMIT :limit",
             soci::use(after), soci::use(type), soci::use(type), soci::use(rows), soci::into(serial),
             soci::into(event.type), soci::into(event.practiceId), soci::into(data), soci::into(createdAt));
        statement.execute();
        while (statement.fetch())
        {
          event.serial = serial;
          event.data = ParseJson(data);
          event.createdAt = ParseTimestamp(createdAt).value();
          events.push_back(event);
        }
        return events;
      });
}
}  // namespace OrthancClinic
