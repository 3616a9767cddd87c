// SPDX-License-Identifier: GPL-3.0-or-later
//
// What waits to be delivered, what was tried, and which instances came, within one transaction of the caller.
//
// The messages of one study for one endpoint are a lane: they are delivered one after the other. A lane has
// the task `deliver.webhook` exactly as long as it has messages; whoever changes that holds the lock of
// Transaction::NextSerial. Where a person discarded the dead task of a lane, what waited in it is discarded
// with it.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Webhooks
{
struct Message
{
  std::string id;  // the same at every attempt
  std::string endpointId;
  std::string lane;
  int64_t serial = 0;
  std::string event;
  Json::Value content = {};  // identifiers and states
  int attempts = 0;
  std::optional<Timestamp> giveUpAt = {};  // nothing before the first attempt, and after it was given up
  Timestamp createdAt{};
};

// One attempt.
struct Delivery
{
  static constexpr const char* DELIVERED = "delivered";
  static constexpr const char* FAILED = "failed";
  static constexpr const char* DISCARDED = "discarded";

  int64_t serial = 0;  // given by the store
  std::string endpointId;
  std::string messageId;
  std::string lane;
  std::string event;
  int attempt = 0;
  std::string outcome;
  int status = 0;   // of HTTP; 0 without an answer
  int latency = 0;  // milliseconds
  std::string error;
  Timestamp at{};
};

Json::Value ToJson(const Delivery& delivery);

// A new instance of Orthanc.
struct Arrival
{
  int64_t sequence = 0;  // of Orthanc's change log
  std::string orthancInstanceId;
  std::string orthancStudyId;
  Timestamp receivedAt{};  // by Orthanc; in whole seconds
  Timestamp readAt{};      // by us
};

class DeliveryStore
{
public:
  static constexpr const char* TASK = "deliver.webhook";
  static constexpr const char* ARRIVALS_TASK = "announce.webhook";  // key: Orthanc's study id

  explicit DeliveryStore(Transaction& transaction) : transaction_(transaction) {}

  static std::string Key(const std::string& endpointId, const std::string& lane);

  // Adds it at the end of its lane. Under NextSerial's lock, of which `serial` is.
  void Push(Message message);

  // The one that is next in a lane.
  std::optional<Message> First(const std::string& endpointId, const std::string& lane);
  void Update(const Message& message);  // its attempts, and when to give up
  void Remove(const std::string& id);
  void Discard(const Message& message, const std::string& reason);  // removes it, and says so in the log

  // Makes the lanes of an endpoint due now, also the dead ones. Under NextSerial's lock.
  void Revive(const std::string& endpointId);

  // Forgets what waits for an endpoint and what was tried. Under NextSerial's lock.
  void Forget(const std::string& endpointId);

  // How many messages wait, by endpoint.
  std::map<std::string, int64_t> CountWaiting();

  void Log(Delivery delivery);
  // The newest first, with the total number; of one outcome, unless that is empty.
  std::pair<std::vector<Delivery>, int64_t> Deliveries(const std::string& endpointId,
                                                       const std::string& outcome, int64_t limit,
                                                       int64_t offset);
  // Forgets what was tried before, and of each endpoint all but the newest `most`; discards the lanes whose
  // task a person discarded. Under NextSerial's lock.
  void Tidy(Timestamp before, int64_t most);

  void AddArrival(const Arrival& arrival);
  std::vector<Arrival> Arrivals(const std::string& orthancStudyId, int64_t limit);  // the first first
  void RemoveArrival(const Arrival& arrival);

private:
  std::vector<Message> Fetch(const std::string& tail, const std::vector<std::string>& values);
  std::vector<std::string> Lanes(const std::string& endpointId);
  void DiscardLane(const std::string& endpointId, const std::string& lane);

  Transaction& transaction_;
};
}  // namespace OrthancClinic::Webhooks
