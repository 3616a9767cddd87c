// SPDX-License-Identifier: GPL-3.0-or-later
//
// Delivers events to endpoints: at least once, in the order of each study. There are the tasks
// - `deliver.webhook` (key: "<endpoint>/<study>", see DeliveryStore.h): one message, then the next of its
// lane.
//   A message that fails is tried again for days, and holds back what follows in its lane alone;
// - `announce.webhook` (key: Orthanc's study id): new instances become messages for CRMs, once the study is
//   decided or has waited long enough;
// - `tidy.webhook` (key: "all"): forgets old deliveries, every hour.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Feed/Feed.h"
#include "Core/Http/HttpClient.h"
#include "Core/Orthanc.h"
#include "Core/Tasks/Circuit.h"
#include "Core/Tasks/TaskWorkers.h"
#include "DeliveryStore.h"
#include "EndpointStore.h"
#include "WebhookOptions.h"

namespace OrthancClinic::Webhooks
{
// How long to wait after so many failed attempts: seconds at first, an hour at most, with jitter.
Milliseconds RetryDelay(int attempts);

// What happens to one study, order, appointment or patient is delivered in its order.
std::string LaneOf(const Event& event);

class Deliverer
{
public:
  Deliverer(Database& database, IOrthanc& orthanc, const Options& options);

  std::vector<TaskKind> Tasks();
  void Subscribe(EventLog& events);
  void Start();

  // For a person who wants to see whether it works; is logged as the others are.
  Delivery Test(const Endpoint& endpoint);

  // What was known of the receiver is not known any more: it is another one, or was mended.
  void Reset(const std::string& endpointId);

  // Of the endpoints whose last attempt failed: why.
  std::map<std::string, std::string> Failing() const;

  std::string Metrics() const;

private:
  // What the process remembers of an endpoint.
  struct Receiver
  {
    Circuit circuit;
    int running = 0;                          // guarded by mutex_, as what follows
    int troubles = 0;                         // in a row
    std::string error;                        // of the last attempt
    std::map<std::string, int64_t> attempts;  // by outcome
  };

  // What came of one call.
  struct Attempt
  {
    Delivery delivery;
    bool troubled = false;  // the receiver is away or overloaded, whatever the message
    bool gone = false;      // it wants no more
    std::optional<std::chrono::seconds> retryAfter = {};
  };

  void Deliver(RunningTask& task);
  Attempt Send(const Endpoint& endpoint, const Message& message, const std::string& body,
               const std::function<bool()>& isCancelled);
  void Succeeded(RunningTask& task, const Attempt& attempt);
  void Discard(RunningTask& task, const Message& message, const std::string& reason);
  [[noreturn]] void Failed(const Endpoint& endpoint, Message message, const Attempt& attempt);
  // Ends the task, unless there is more in the lane.
  static void Finish(RunningTask& task, Transaction& transaction, const std::string& endpointId,
                     const std::string& lane);
  void Announce(RunningTask& task);
  void Tidy(RunningTask& task);
  Receiver& Of(const std::string& endpointId);
  void Count(const Attempt& attempt);

  Database& database_;
  IOrthanc& orthanc_;
  const Options options_;
  HttpClient crm_;
  HttpClient standard_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Receiver>> receivers_;  // guarded by mutex_; none is ever removed
};

// Keeps the new instances of which a CRM is to be told.
class ArrivalSubscriber : public IFeedSubscriber
{
public:
  ArrivalSubscriber(Database& database, IOrthanc& orthanc) : database_(database), orthanc_(orthanc) {}

  std::string Name() const override { return "webhooks"; }
  std::function<void(Transaction&)> Read(const std::vector<Change>& changes) override;
  void Deleted(Transaction&, const std::vector<std::string>&) override {}
  void Sweep(SweepDepth, const std::atomic<bool>&) override {}

private:
  Database& database_;
  IOrthanc& orthanc_;
};
}  // namespace OrthancClinic::Webhooks
