// SPDX-License-Identifier: GPL-3.0-or-later

#include "DeliveryStore.h"

#include <fmt/format.h>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Tasks/TaskStore.h"

namespace OrthancClinic::Webhooks
{
namespace
{
Json::Value Payload(const std::string& endpointId, const std::string& lane)
{
  Json::Value payload;
  payload["endpoint"] = endpointId;
  payload["lane"] = lane;
  return payload;
}
}  // namespace

Json::Value ToJson(const Delivery& delivery)
{
  Json::Value json;
  json["id"] = static_cast<Json::Int64>(delivery.serial);
  json["message_id"] = delivery.messageId;
  json["event"] = delivery.event;
  json["subject"] = delivery.lane;
  json["attempt"] = delivery.attempt;
  json["outcome"] = delivery.outcome;
  json["status"] = delivery.status == 0 ? Json::Value() : Json::Value(delivery.status);
  json["latency_ms"] = delivery.latency;
  json["error"] = OrNull(delivery.error);
  json["at"] = ToString(delivery.at);
  return json;
}

std::string DeliveryStore::Key(const std::string& endpointId, const std::string& lane)
{
  return endpointId + "/" + lane;
}

std::vector<Message> DeliveryStore::Fetch(const std::string& tail, const std::vector<std::string>& values)
{
  std::vector<Message> messages;
  Message message;
  long long serial = 0;
  std::string content;
  std::string giveUpAt;
  std::string createdAt;
  Query(
      transaction_,
      "SELECT id, endpoint_id, lane, serial, event, content, attempts, give_up_at, created_at FROM "
      "webhook_messages " +
          tail,
      values,
      [&]
      {
        message.serial = serial;
        message.content = ParseJson(content);
        message.giveUpAt = ParseTimestamp(giveUpAt);
        message.createdAt = ParseTimestamp(createdAt).value();
        messages.push_back(message);
      },
      message.id, message.endpointId, message.lane, serial, message.event, content, message.attempts,
      giveUpAt, createdAt);
  return messages;
}

void DeliveryStore::Push(Message message)
{
  const std::string key = Key(message.endpointId, message.lane);
  TaskStore tasks(transaction_);
  if (!tasks.Exists(TASK, key))
  {
    DiscardLane(message.endpointId, message.lane);
    tasks.Enqueue(TASK, key, Payload(message.endpointId, message.lane));
  }
  Execute(
      transaction_,
      "INSERT INTO webhook_messages (id, endpoint_id, lane, serial, event, content, attempts, give_up_at, "
      "created_at) VALUES (:id, :endpoint, :lane, CAST(:serial AS BIGINT), :event, :content, 0, '', "
      ":created)",
      {message.id, message.endpointId, message.lane, std::to_string(message.serial), message.event,
       WriteJson(message.content), ToString(message.createdAt)});
}

void DeliveryStore::Discard(const Message& message, const std::string& reason)
{
  Log({.endpointId = message.endpointId,
       .messageId = message.id,
       .lane = message.lane,
       .event = message.event,
       .attempt = message.attempts,
       .outcome = Delivery::DISCARDED,
       .error = reason});
  Remove(message.id);
}

void DeliveryStore::DiscardLane(const std::string& endpointId, const std::string& lane)
{
  for (const Message& message :
       Fetch("WHERE endpoint_id = :endpoint AND lane = :lane ORDER BY serial", {endpointId, lane}))
  {
    Discard(message, "A person discarded the task");
  }
}

std::optional<Message> DeliveryStore::First(const std::string& endpointId, const std::string& lane)
{
  auto messages =
      Fetch("WHERE endpoint_id = :endpoint AND lane = :lane ORDER BY serial LIMIT 1", {endpointId, lane});
  return messages.empty() ? std::nullopt : std::optional(std::move(messages.front()));
}

void DeliveryStore::Update(const Message& message)
{
  Execute(
      transaction_,
      "UPDATE webhook_messages SET attempts = CAST(:attempts AS INTEGER), give_up_at = :until WHERE id = "
      ":id",
      {std::to_string(message.attempts), message.giveUpAt ? ToString(*message.giveUpAt) : "", message.id});
}

void DeliveryStore::Remove(const std::string& id)
{
  Execute(transaction_, "DELETE FROM webhook_messages WHERE id = :id", {id});
}

std::vector<std::string> DeliveryStore::Lanes(const std::string& endpointId)
{
  std::vector<std::string> lanes;
  std::string lane;
  Query(
      transaction_, "SELECT DISTINCT lane FROM webhook_messages WHERE endpoint_id = :endpoint", {endpointId},
      [&] { lanes.push_back(lane); }, lane);
  return lanes;
}

void DeliveryStore::Revive(const std::string& endpointId)
{
  TaskStore tasks(transaction_);
  for (const std::string& lane : Lanes(endpointId))
  {
    if (tasks.Exists(TASK, Key(endpointId, lane)))
    {
      tasks.Enqueue(TASK, Key(endpointId, lane), Payload(endpointId, lane));
    }
    else
    {
      DiscardLane(endpointId, lane);
    }
  }
}

void DeliveryStore::Forget(const std::string& endpointId)
{
  TaskStore tasks(transaction_);
  for (const std::string& lane : Lanes(endpointId))
  {
    tasks.Cancel(TASK, Key(endpointId, lane));
  }
  Execute(transaction_, "DELETE FROM webhook_messages WHERE endpoint_id = :endpoint", {endpointId});
  Execute(transaction_, "DELETE FROM webhook_deliveries WHERE endpoint_id = :endpoint", {endpointId});
}

std::map<std::string, int64_t> DeliveryStore::CountWaiting()
{
  std::map<std::string, int64_t> counts;
  std::string endpoint;
  long long count = 0;
  Query(
      transaction_, "SELECT endpoint_id, COUNT(*) FROM webhook_messages GROUP BY endpoint_id", {},
      [&] { counts[endpoint] = count; }, endpoint, count);
  return counts;
}

void DeliveryStore::Log(Delivery delivery)
{
  delivery.serial = transaction_.NextSerial();
  Execute(
      transaction_,
      "INSERT INTO webhook_deliveries (serial, endpoint_id, message_id, lane, event, attempt, outcome, "
      "status, latency_ms, error, at) VALUES (CAST(:serial AS BIGINT), :endpoint, :message, :lane, "
      ":event, CAST(:attempt AS INTEGER), :outcome, CAST(:status AS INTEGER), CAST(:latency AS INTEGER), "
      ":error, :at)",
      {std::to_string(delivery.serial), delivery.endpointId, delivery.messageId, delivery.lane,
       delivery.event, std::to_string(delivery.attempt), delivery.outcome, std::to_string(delivery.status),
       std::to_string(delivery.latency), delivery.error, ToString(Now())});
}

std::pair<std::vector<Delivery>, int64_t> DeliveryStore::Deliveries(const std::string& endpointId,
                                                                    const std::string& outcome, int64_t limit,
                                                                    int64_t offset)
{
  Conditions conditions;
  conditions.Add("endpoint_id = ?", endpointId);
  conditions.Add("outcome = ?", outcome);
  std::vector<Delivery> deliveries;
  Delivery delivery;
  long long serial = 0;
  std::string at;
  Query(
      transaction_,
      "SELECT serial, endpoint_id, message_id, lane, event, attempt, outcome, status, latency_ms, error, at "
      "FROM webhook_deliveries" +
          conditions.Where() + fmt::format(" ORDER BY serial DESC LIMIT {} OFFSET {}", limit, offset),
      conditions.Values(),
      [&]
      {
        delivery.serial = serial;
        delivery.at = ParseTimestamp(at).value();
        deliveries.push_back(delivery);
      },
      serial, delivery.endpointId, delivery.messageId, delivery.lane, delivery.event, delivery.attempt,
      delivery.outcome, delivery.status, delivery.latency, delivery.error, at);
  return {std::move(deliveries), CountRows(transaction_, "webhook_deliveries", conditions)};
}

void DeliveryStore::Tidy(Timestamp before, int64_t most)
{
  Execute(transaction_, "DELETE FROM webhook_deliveries WHERE at < :before", {ToString(before)});
  std::vector<std::string> endpoints;
  std::string endpoint;
  Query(
      transaction_, "SELECT endpoint_id FROM webhook_deliveries GROUP BY endpoint_id", {},
      [&] { endpoints.push_back(endpoint); }, endpoint);
  for (const std::string& id : endpoints)
  {
    Execute(transaction_,
            "DELETE FROM webhook_deliveries WHERE endpoint_id = :endpoint AND serial <= "
            "(SELECT serial FROM webhook_deliveries WHERE endpoint_id = :endpoint2 ORDER BY serial DESC "
            "LIMIT 1 OFFSET " +
                std::to_string(most) + ")",
            {id, id});
  }

  std::vector<std::pair<std::string, std::string>> lanes;
  std::string lane;
  Query(
      transaction_, "SELECT DISTINCT endpoint_id, lane FROM webhook_messages", {},
      [&] { lanes.emplace_back(endpoint, lane); }, endpoint, lane);
  for (const auto& [id, name] : lanes)
  {
    if (!TaskStore(transaction_).Exists(TASK, Key(id, name)))
    {
      DiscardLane(id, name);
    }
  }
}

void DeliveryStore::AddArrival(const Arrival& arrival)
{
  Execute(transaction_,
          "INSERT INTO webhook_arrivals (sequence, orthanc_instance_id, orthanc_study_id, received_at, "
          "read_at) VALUES (CAST(:sequence AS BIGINT), :instance, :study, :received, :read) ON CONFLICT DO "
          "NOTHING",
          {std::to_string(arrival.sequence), arrival.orthancInstanceId, arrival.orthancStudyId,
           ToString(arrival.receivedAt), ToString(arrival.readAt)});
}

std::vector<Arrival> DeliveryStore::Arrivals(const std::string& orthancStudyId, int64_t limit)
{
  std::vector<Arrival> arrivals;
  Arrival arrival;
  long long sequence = 0;
  std::string receivedAt;
  std::string readAt;
  Query(
      transaction_,
      fmt::format("SELECT sequence, orthanc_instance_id, orthanc_study_id, received_at, read_at FROM "
                  "webhook_arrivals WHERE orthanc_study_id = :study ORDER BY sequence LIMIT {}",
                  limit),
      {orthancStudyId},
      [&]
      {
        arrival.sequence = sequence;
        arrival.receivedAt = ParseTimestamp(receivedAt).value();
        arrival.readAt = ParseTimestamp(readAt).value();
        arrivals.push_back(arrival);
      },
      sequence, arrival.orthancInstanceId, arrival.orthancStudyId, receivedAt, readAt);
  return arrivals;
}

void DeliveryStore::RemoveArrival(const Arrival& arrival)
{
  Execute(transaction_,
          "DELETE FROM webhook_arrivals WHERE orthanc_study_id = :study AND sequence = CAST(:sequence AS "
          "BIGINT) AND orthanc_instance_id = :instance",
          {arrival.orthancStudyId, std::to_string(arrival.sequence), arrival.orthancInstanceId});
}
}  // namespace OrthancClinic::Webhooks
