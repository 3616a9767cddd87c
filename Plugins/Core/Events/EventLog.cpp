// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Events/EventLog.h"

#include <fmt/format.h>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Database/Query.h"

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

void EventLog::OnEach(std::function<void(Transaction&, const Event&)> subscriber)
{
  followers_.push_back(std::move(subscriber));
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
      [this, &transaction, event]
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
        Event numbered = event;
        numbered.serial = serial;
        for (const auto& follower : followers_)
        {
          follower(transaction, numbered);
        }
      });
  transaction.Notify("events");
}

std::vector<Event> EventLog::Since(Transaction& transaction, int64_t since, const std::string& type,
                                   int64_t limit, const PracticeScope& practices)
{
  Conditions conditions;
  conditions.Add("type = ?", type);
  practices.AddTo(conditions);
  long long serial = 0;
  std::string data;
  std::string createdAt;
  Event event;
  std::vector<Event> events;
  Query(
      transaction,
      "SELECT serial, type, practice_id, data, created_at FROM events" + conditions.Where() +
          fmt::format(" AND serial > {} ORDER BY serial LIMIT {}", since, limit),
      conditions.Values(),
      [&]
      {
        event.serial = serial;
        event.data = ParseJson(data);
        event.createdAt = ParseTimestamp(createdAt).value();
        events.push_back(event);
      },
      serial, event.type, event.practiceId, data, createdAt);
  return events;
}

int64_t EventLog::Last(Transaction& transaction)
{
  long long last = 0;
  Query(
      transaction, "SELECT COALESCE(MAX(serial), 0) FROM events", {}, [] {}, last);
  return last;
}
}  // namespace OrthancClinic
