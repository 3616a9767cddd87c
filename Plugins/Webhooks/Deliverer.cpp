// SPDX-License-Identifier: GPL-3.0-or-later

#include "Deliverer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Log.h"
#include "Core/Records/AwaitedStudy.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "Core/Tasks/Jitter.h"
#include "Core/Tasks/TaskStore.h"
#include "DeliveryForm.h"

namespace OrthancClinic::Webhooks
{
namespace
{
constexpr unsigned CONCURRENCY = 8;

// Of one endpoint: a slow one leaves workers to the others.
constexpr int MOST_AT_ONCE = 3;
constexpr Milliseconds WAITS_FOR_TURN(3'000);

constexpr Milliseconds FIRST_DELAY(5'000);
constexpr double GROWTH = 3;
constexpr Milliseconds LONGEST_DELAY(3'600'000);

// When to give up is decided by time, and when to try again by RetryDelay().
constexpr int ATTEMPTS = 1'000'000;
constexpr Milliseconds NO_DELAY(500);

constexpr std::chrono::seconds CRM_TIMEOUT(10);       // its contract
constexpr std::chrono::seconds STANDARD_TIMEOUT(20);  // "somewhere between 15 and 30s"
constexpr std::chrono::seconds CONNECT_TIMEOUT(8);
constexpr size_t LARGEST_REPLY = 1 << 20;

constexpr std::chrono::minutes NO_USER(10);
constexpr int TROUBLES = 3;  // in a row: the receiver is away, and what waits for it goes on when it is back
constexpr Milliseconds NOT_RECORDED(200);
constexpr int64_t ARRIVALS_AT_ONCE = 500;
constexpr std::chrono::hours TIDY_EVERY(1);
constexpr int64_t MOST_DELIVERIES = 10'000;  // of an endpoint

constexpr size_t HASH = 16;  // characters

// RFC 9110; the specification asks to be gentle with these.
constexpr int TOO_MANY_REQUESTS = 429;
constexpr int BAD_GATEWAY = 502;
constexpr int SERVICE_UNAVAILABLE = 503;
constexpr int GATEWAY_TIMEOUT = 504;
constexpr int GONE = 410;

HttpClient::Options ClientOptions(std::chrono::seconds timeout, bool privateAddresses)
{
  return {.connectTimeout = CONNECT_TIMEOUT,
          .timeout = timeout,
          .largestBody = LARGEST_REPLY,
          .connections = CONCURRENCY + 2,  // and for tests by people
          .publicAddressesOnly = !privateAddresses};
}

std::string CrmUser(Transaction& transaction, const std::string& practiceId)
{
  const auto practice = PracticeStore(transaction).Find(practiceId);
  return practice ? practice->crmUserId : "";
}

// One of the calls that an endpoint may get at once.
class Turn
{
public:
  Turn(std::mutex& mutex, int& running) : mutex_(mutex), running_(running)
  {
    const std::lock_guard lock(mutex_);
    isMine_ = running_ < MOST_AT_ONCE;
    running_ += isMine_ ? 1 : 0;
  }
  ~Turn()
  {
    const std::lock_guard lock(mutex_);
    running_ -= isMine_ ? 1 : 0;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  bool IsMine() const { return isMine_; }

private:
  std::mutex& mutex_;
  int& running_;
  bool isMine_ = false;
};

std::chrono::seconds RoundUp(Milliseconds time)
{
  return std::chrono::ceil<std::chrono::seconds>(time);
}
}  // namespace

Milliseconds RetryDelay(int attempts)
{
  const double grown =
      static_cast<double>(FIRST_DELAY.count()) * std::pow(GROWTH, std::min(std::max(attempts, 1) - 1, 30));
  const double delay = std::min(grown, static_cast<double>(LONGEST_DELAY.count()));
  return WithJitter(Milliseconds(static_cast<int64_t>(delay)));
}

std::string LaneOf(const Event& event)
{
  for (const char* name : {"study_instance_uid", "orthanc_study_id", "order_id", "appointment_id"})
  {
    if (const std::string id = TextOf(event.data, name); !id.empty())
    {
      return id;
    }
  }
  // A clinic may number its patients by what identifies them elsewhere, and tasks are listed.
  const std::string patient = TextOf(event.data, "patient_id");
  return patient.empty() ? event.type : "patient-" + Sha256Of(patient).substr(0, HASH);
}

Deliverer::Deliverer(Database& database, IOrthanc& orthanc, const Options& options)
    : database_(database),
      orthanc_(orthanc),
      options_(options),
      crm_(ClientOptions(CRM_TIMEOUT, options.privateAddresses)),
      standard_(ClientOptions(STANDARD_TIMEOUT, options.privateAddresses))
{
}

std::vector<TaskKind> Deliverer::Tasks()
{
  return {{.name = DeliveryStore::TASK,
           .handler = [this](RunningTask& task) { Deliver(task); },
           .concurrency = CONCURRENCY,
           .maxAttempts = ATTEMPTS,
           .firstDelay = NO_DELAY,
           .longestDelay = NO_DELAY},
          {.name = DeliveryStore::ARRIVALS_TASK,
           .handler = [this](RunningTask& task) { Announce(task); },
           .concurrency = 2,
           .maxAttempts = ATTEMPTS},
          {.name = "tidy.webhook", .handler = [this](RunningTask& task) { Tidy(task); }}};
}

void Deliverer::Subscribe(EventLog& events)
{
  events.OnEach(
      [](Transaction& transaction, const Event& event)
      {
        for (const Endpoint& endpoint : EndpointStore(transaction).Enabled(Form::Standard, event.practiceId))
        {
          if (endpoint.practiceId == event.practiceId && endpoint.Wants(event.type))
          {
            DeliveryStore(transaction)
                .Push({.id = NewMessageId(),
                       .endpointId = endpoint.id,
                       .lane = LaneOf(event),
                       .serial = event.serial,
                       .event = event.type,
                       .content = event.data,
                       .createdAt = event.createdAt});
          }
        }
      });
  for (const char* type : {"study.matched", "study.review", "study.unmatched"})
  {
    events.On(type,
              [](Transaction& transaction, const Event& event)
              {
                TaskStore tasks(transaction);
                const std::string study = TextOf(event.data, "orthanc_study_id");
                if (tasks.Exists(DeliveryStore::ARRIVALS_TASK, study))
                {
                  tasks.Enqueue(DeliveryStore::ARRIVALS_TASK, study);
                }
              });
  }
}

void Deliverer::Start()
{
  Transaction transaction(database_);
  TaskStore tasks(transaction);
  tasks.Hasten(DeliveryStore::TASK);  // what failed because of options that may have changed
  tasks.Enqueue("tidy.webhook", "all");
  transaction.Commit();
}

Deliverer::Receiver& Deliverer::Of(const std::string& endpointId)
{
  const std::lock_guard lock(mutex_);
  auto& receiver = receivers_[endpointId];
  if (!receiver)
  {
    receiver = std::make_unique<Receiver>();
  }
  return *receiver;
}

void Deliverer::Reset(const std::string& endpointId)
{
  Receiver& receiver = Of(endpointId);
  receiver.circuit.Succeeded();
  const std::lock_guard lock(mutex_);
  receiver.error.clear();
  receiver.troubles = 0;
}

std::map<std::string, std::string> Deliverer::Failing() const
{
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> failing;
  for (const auto& [id, receiver] : receivers_)
  {
    if (!receiver->error.empty())
    {
      failing[id] = receiver->error;
    }
  }
  return failing;
}

void Deliverer::Count(const Attempt& attempt)
{
  Receiver& receiver = Of(attempt.delivery.endpointId);
  if (attempt.delivery.error.empty())
  {
    receiver.circuit.Succeeded();
  }
  else if (attempt.troubled)
  {
    receiver.circuit.Failed(attempt.retryAfter);
  }
  const std::lock_guard lock(mutex_);
  receiver.attempts[attempt.delivery.outcome]++;
  receiver.error = attempt.delivery.error;
  receiver.troubles = attempt.troubled ? receiver.troubles + 1 : 0;
}

Deliverer::Attempt Deliverer::Send(const Endpoint& endpoint, const Message& message, const std::string& body,
                                   const std::function<bool()>& isCancelled)
{
  Attempt attempt;
  Delivery& delivery = attempt.delivery;
  delivery.endpointId = endpoint.id;
  delivery.messageId = message.id;
  delivery.lane = message.lane;
  delivery.event = message.event;
  delivery.attempt = message.attempts + 1;
  const Timestamp begin = Now();
  try
  {
    if (!options_.privateAddresses && !endpoint.url.starts_with("https://"))
    {
      throw Unavailable("The URL is not https, and private addresses are not allowed");
    }
    HttpCall call = MakeCall(endpoint, message.id, body, begin);
    call.isCancelled = isCancelled;
    const HttpReply reply = (endpoint.form == Form::Crm ? crm_ : standard_).Send(call);
    delivery.status = reply.status;
    delivery.error = FindFault(endpoint.form, reply);
    attempt.retryAfter = delivery.error.empty() ? std::nullopt : RetryAfter(reply);
    attempt.gone = endpoint.form == Form::Standard && reply.status == GONE;
    attempt.troubled = reply.status == TOO_MANY_REQUESTS || reply.status == BAD_GATEWAY ||
                       reply.status == SERVICE_UNAVAILABLE || reply.status == GATEWAY_TIMEOUT;
  }
  catch (const Unavailable& error)
  {
    delivery.error = error.what();
    attempt.troubled = true;
  }
  delivery.latency = static_cast<int>((Now() - begin).count());
  delivery.outcome = delivery.error.empty() ? Delivery::DELIVERED : Delivery::FAILED;
  return attempt;
}

Delivery Deliverer::Test(const Endpoint& endpoint)
{
  std::string body;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    body = TestBody(endpoint, CrmUser(transaction, endpoint.practiceId), Now());
    transaction.Commit();
  }
  Message message;
  message.id = NewMessageId();
  message.event = endpoint.form == Form::Crm ? "Test" : "webhook.test";
  message.lane = "test";
  const Delivery delivery = Send(endpoint, message, body, {}).delivery;
  Transaction transaction(database_);
  DeliveryStore(transaction).Log(delivery);
  transaction.Commit();
  return delivery;
}

void Deliverer::Finish(RunningTask& task, Transaction& transaction, const std::string& endpointId,
                       const std::string& lane)
{
  task.Complete(transaction);
  if (DeliveryStore(transaction).First(endpointId, lane))
  {
    TaskStore(transaction).Enqueue(DeliveryStore::TASK, task.Get().key, task.Get().payload);
  }
}

void Deliverer::Deliver(RunningTask& task)
{
  const std::string endpointId = TextOf(task.Get().payload, "endpoint");
  const std::string lane = TextOf(task.Get().payload, "lane");
  std::optional<Endpoint> endpoint;
  std::optional<Message> message;
  std::string body;
  bool isMoot = false;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    endpoint = EndpointStore(transaction).Find(endpointId);
    message = DeliveryStore(transaction).First(endpointId, lane);
    if (endpoint && message && endpoint->form == Form::Crm)
    {
      const std::string user = CrmUser(transaction, endpoint->practiceId);
      if (user.empty())
      {
        throw Unavailable("The practice has no crm_user_id, which the CRM asks for", NO_USER);
      }
      const auto study =
          StudyStore(transaction).FindByOrthancId(TextOf(message->content, "orthanc_study_id"));
      isMoot = !study;
      body = study ? CrmBody(TextOf(message->content, "orthanc_instance_id"), user, *study) : "";
    }
    else if (endpoint && message)
    {
      body = StandardBody(message->event, message->createdAt, endpoint->practiceId, message->content);
    }
    transaction.Commit();
  }
  if (!endpoint || !message)
  {
    Transaction transaction(database_);
    transaction.NextSerial();
    Finish(task, transaction, endpointId, lane);
    transaction.Commit();
    return;
  }
  if (!endpoint->enabled)
  {
    throw PermanentFailure("The endpoint is disabled: enable it, or discard what waits for it");
  }
  if (isMoot)
  {
    Discard(task, *message, "The study was deleted");
    return;
  }

  Receiver& receiver = Of(endpointId);
  if (const auto until = receiver.circuit.OpenUntil())
  {
    if (!message->giveUpAt || Now() < *message->giveUpAt)
    {
      task.PutOff(*until + WithJitter(Milliseconds(500)));
      return;
    }
  }
  Attempt attempt;
  {
    const Turn turn(mutex_, receiver.running);
    if (!turn.IsMine())
    {
      task.PutOff(Now() + WithJitter(WAITS_FOR_TURN));
      return;
    }
    attempt = Send(*endpoint, *message, body, [&] { return task.IsStopping(); });
  }
  if (!attempt.delivery.error.empty() && task.IsStopping())
  {
    throw Unavailable("Orthanc stops");  // says nothing of the receiver
  }
  if (attempt.delivery.error.empty())
  {
    Succeeded(task, attempt);
    return;
  }
  Failed(*endpoint, *message, attempt);
}

void Deliverer::Succeeded(RunningTask& task, const Attempt& attempt)
{
  const Delivery& delivery = attempt.delivery;
  bool isBack = false;
  {
    Receiver& receiver = Of(delivery.endpointId);
    const std::lock_guard lock(mutex_);
    isBack = receiver.troubles >= TROUBLES;
  }
  Transaction transaction(database_);
  transaction.NextSerial();
  DeliveryStore store(transaction);
  store.Remove(delivery.messageId);
  store.Log(delivery);
  Finish(task, transaction, delivery.endpointId, delivery.lane);
  if (isBack)
  {
    TaskStore(transaction).Hasten(DeliveryStore::TASK, DeliveryStore::Key(delivery.endpointId, ""));
  }
  transaction.Commit();
  Count(attempt);
}

void Deliverer::Discard(RunningTask& task, const Message& message, const std::string& reason)
{
  Transaction transaction(database_);
  transaction.NextSerial();
  DeliveryStore(transaction).Discard(message, reason);
  Finish(task, transaction, message.endpointId, message.lane);
  transaction.Commit();
}

void Deliverer::Failed(const Endpoint& endpoint, Message message, const Attempt& attempt)
{
  const Timestamp now = Now();
  const std::string& error = attempt.delivery.error;
  Count(attempt);
  message.attempts++;
  const bool givesUp = attempt.gone || (message.giveUpAt && now >= *message.giveUpAt);
  if (givesUp)
  {
    message.giveUpAt.reset();  // when a person retries it, it is tried for days again
  }
  else if (!message.giveUpAt)
  {
    message.giveUpAt = now + std::chrono::hours(24) * options_.retryDays;
  }
  Transaction transaction(database_);
  transaction.NextSerial();
  DeliveryStore store(transaction);
  store.Update(message);
  store.Log(attempt.delivery);
  if (attempt.gone)
  {
    EndpointStore(transaction).Disable(endpoint.id, "The receiver answered 410: it wants no more");
    AuditEntry entry;
    entry.principal.name = "webhooks";
    entry.action = "webhook.disable";
    entry.practiceId = endpoint.practiceId;
    entry.detail["endpoint"] = endpoint.id;
    AuditTrail::Append(transaction, entry);
  }
  transaction.Commit();
  if (attempt.gone)
  {
    LogError("The webhook endpoint " + endpoint.id + " was disabled: it answered 410 (gone)");
  }
  if (givesUp)
  {
    throw PermanentFailure(attempt.gone ? error : fmt::format("Given up after days: {}", error));
  }
  throw Unavailable(error, std::max(RoundUp(RetryDelay(message.attempts)),
                                    attempt.retryAfter.value_or(std::chrono::seconds(0))));
}

void Deliverer::Announce(RunningTask& task)
{
  const std::string& id = task.Get().key;
  {
    Transaction transaction(database_);
    const auto study = StudyStore(transaction).FindForUpdate(id);
    DeliveryStore store(transaction);
    const std::vector<Arrival> arrivals = store.Arrivals(id, ARRIVALS_AT_ONCE);
    if (study && !arrivals.empty())
    {
      const Timestamp waits = arrivals.front().readAt + std::chrono::seconds(options_.matchWaitSeconds);
      task.Complete(transaction);
      if (study->match.status == MatchStatus::Pending && Now() < waits)
      {
        TaskStore(transaction).Enqueue(DeliveryStore::ARRIVALS_TASK, id, Json::objectValue, waits);
        transaction.Commit();
        return;
      }
      const auto endpoints = EndpointStore(transaction).Enabled(Form::Crm, study->practiceId);
      for (const Arrival& arrival : arrivals)
      {
        for (const Endpoint& endpoint : endpoints)
        {
          if (arrival.receivedAt >= std::chrono::floor<std::chrono::seconds>(endpoint.createdAt))
          {
            Json::Value content;
            content["orthanc_instance_id"] = arrival.orthancInstanceId;
            content["orthanc_study_id"] = id;
            store.Push({.id = NewMessageId(),
                        .endpointId = endpoint.id,
                        .lane = study->studyInstanceUid,
                        .serial = transaction.NextSerial(),
                        .event = Endpoint::NEW_INSTANCE,
                        .content = content,
                        .createdAt = Now()});
          }
        }
        store.RemoveArrival(arrival);
      }
      if (std::ssize(arrivals) == ARRIVALS_AT_ONCE)
      {
        TaskStore(transaction).Enqueue(DeliveryStore::ARRIVALS_TASK, id);
      }
      transaction.Commit();
      return;
    }
    if (arrivals.empty())
    {
      task.Complete(transaction);
      transaction.Commit();
      return;
    }
  }

  // The feed that records studies is another one, and may be late; or the study was deleted.
  try
  {
    orthanc_.Get("/studies/" + id);
    task.PutOff(Now() + NOT_RECORDED);
  }
  catch (const NotFound&)
  {
    Transaction transaction(database_);
    DeliveryStore store(transaction);
    for (const Arrival& arrival : store.Arrivals(id, ARRIVALS_AT_ONCE))
    {
      store.RemoveArrival(arrival);
    }
    task.Complete(transaction);
    transaction.Commit();
  }
}

void Deliverer::Tidy(RunningTask& task)
{
  {
    Transaction transaction(database_);
    transaction.NextSerial();
    DeliveryStore(transaction).Tidy(Now() - std::chrono::hours(24) * options_.logDays, MOST_DELIVERIES);
    transaction.Commit();
  }
  task.PutOff(Now() + TIDY_EVERY);
}

std::string Deliverer::Metrics() const
{
  std::map<std::string, int64_t> waiting;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    waiting = DeliveryStore(transaction).CountWaiting();
    transaction.Commit();
  }
  std::string text =
      "# HELP orthanc_clinic_webhook_waiting Messages that are not delivered yet.\n"
      "# TYPE orthanc_clinic_webhook_waiting gauge\n";
  for (const auto& [endpoint, count] : waiting)
  {
    text += fmt::format("orthanc_clinic_webhook_waiting{{endpoint=\"{}\"}} {}\n", endpoint, count);
  }
  text +=
      "# HELP orthanc_clinic_webhook_attempts_total Attempts of this process that ended.\n"
      "# TYPE orthanc_clinic_webhook_attempts_total counter\n";
  const std::lock_guard lock(mutex_);
  for (const auto& [endpoint, receiver] : receivers_)
  {
    for (const auto& [outcome, count] : receiver->attempts)
    {
      text += fmt::format("orthanc_clinic_webhook_attempts_total{{endpoint=\"{}\",outcome=\"{}\"}} {}\n",
                          endpoint, outcome, count);
    }
  }
  return text;
}

std::function<void(Transaction&)> ArrivalSubscriber::Read(const std::vector<Change>& changes)
{
  Timestamp since = Timestamp::max();
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    for (const Endpoint& endpoint : EndpointStore(transaction).Enabled(Form::Crm))
    {
      since = std::min(since, Timestamp(std::chrono::floor<std::chrono::seconds>(endpoint.createdAt)));
    }
    transaction.Commit();
  }
  std::vector<std::pair<Arrival, std::string>> arrivals;  // with the StudyInstanceUID
  for (const Change& change : changes)
  {
    if (change.type != "NewInstance" || since == Timestamp::max())
    {
      continue;
    }
    try
    {
      const std::string path = "/instances/" + change.resource;
      const Timestamp now = Now();
      const auto received = ParseOrthancTime(orthanc_.GetBytes(path + "/metadata/ReceptionDate"));
      if (!received || *received >= since)
      {
        const Json::Value study = orthanc_.Get(path + "/study");
        arrivals.emplace_back(
            Arrival{change.sequence, change.resource, TextOf(study, "ID"), received.value_or(now), now},
            TextOf(study["MainDicomTags"], "StudyInstanceUID"));
      }
    }
    catch (const NotFound&)
    {
      // Deleted since.
    }
  }
  return [arrivals = std::move(arrivals)](Transaction& transaction)
  {
    std::set<std::string> studies;
    for (const auto& [arrival, uid] : arrivals)
    {
      if (!AwaitedStudyStore(transaction).TaskOf(uid))
      {
        DeliveryStore(transaction).AddArrival(arrival);
        studies.insert(arrival.orthancStudyId);
      }
    }
    for (const std::string& study : studies)
    {
      TaskStore(transaction).Enqueue(DeliveryStore::ARRIVALS_TASK, study);
    }
  };
}
}  // namespace OrthancClinic::Webhooks
