// SPDX-License-Identifier: GPL-3.0-or-later
//
// Deliveries over real HTTP to a strict receiver, with the real queue of tasks.

#include "Webhooks/Deliverer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <mutex>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/DatabaseFixture.h"
#include "Core/Errors.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "Support/EmptyOrthanc.h"
#include "Support/Wait.h"
#include "Support/WebhookReceiver.h"

namespace OrthancClinic::Webhooks
{
MigrationScripts Migrations();

namespace
{
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Testing::ServedReply;
using Testing::WaitUntil;
using Testing::WebhookReceiver;

constexpr const char* SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* BEARER = "secret-of-the-crm";

// Has the instances that the test says, all of one study.
class FakeOrthanc : public Testing::EmptyOrthanc
{
public:
  std::map<std::string, std::string> received;  // instance → Orthanc's spelling of the time
  std::atomic<bool> hasStudy{true};

  Json::Value Get(const std::string& path) override
  {
    Json::Value study;
    study["ID"] = "study";
    if (path == "/studies/study" && hasStudy)
    {
      return study;
    }
    for (const auto& [instance, time] : received)
    {
      if (path == "/instances/" + instance + "/study")
      {
        return study;
      }
    }
    throw NotFound(path);
  }
  std::string GetBytes(const std::string& path) override
  {
    for (const auto& [instance, time] : received)
    {
      if (path == "/instances/" + instance + "/metadata/ReceptionDate")
      {
        return time;
      }
    }
    throw NotFound(path);
  }
};

std::string OrthancTime(Timestamp time)
{
  std::string text = ToString(time).substr(0, 19);
  std::erase(text, '-');
  std::erase(text, ':');
  return text;
}

class DeliveriesOn : public Testing::DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    GetDatabase().Migrate("webhooks", Migrations());
  }

  void TearDown() override { Stop(); }

  // A process that delivers; without `run`, nothing is done yet.
  void Start(Options options = {.privateAddresses = true}, bool run = true)
  {
    Stop();
    deliverer_ = std::make_unique<Deliverer>(GetDatabase(), orthanc_, options);
    workers_ = std::make_unique<TaskWorkers>(GetDatabase());
    events_ = std::make_unique<EventLog>();
    for (TaskKind& kind : deliverer_->Tasks())
    {
      workers_->Register(std::move(kind));
    }
    deliverer_->Subscribe(*events_);
    if (run)
    {
      deliverer_->Start();
      workers_->Start();
    }
  }

  void Stop()
  {
    workers_.reset();
    deliverer_.reset();
  }

  void Put(const std::string& id, const WebhookReceiver& receiver, Form form = Form::Standard)
  {
    Endpoint endpoint;
    endpoint.id = id;
    endpoint.practiceId = "default";
    endpoint.url = receiver.Url();
    endpoint.form = form;
    endpoint.events = {form == Form::Crm ? Endpoint::NEW_INSTANCE : "*"};
    endpoint.secret = form == Form::Crm ? BEARER : SECRET;
    endpoint.createdAt = endpoint.updatedAt = Now();
    Put(endpoint);
  }

  void Put(const Endpoint& endpoint)
  {
    WithStore<EndpointStore>([&](EndpointStore& store) { store.Put(endpoint); });
  }

  Endpoint Find(const std::string& id)
  {
    return WithStore<EndpointStore>([&](EndpointStore& store) { return store.Find(id).value(); });
  }

  void Emit(const std::string& study, int number, const std::string& practice = "default")
  {
    Json::Value data;
    data["study_instance_uid"] = study;
    data["number"] = number;
    Transaction transaction(GetDatabase());
    events_->Emit(transaction, "study.test", practice, data);
    transaction.Commit();
  }

  // What the receiver took of a study, by number.
  static std::vector<int> Taken(const WebhookReceiver& receiver, const std::string& study)
  {
    std::vector<int> numbers;
    for (const Json::Value& body : receiver.Taken())
    {
      if (body["data"]["study_instance_uid"] == study)
      {
        numbers.push_back(body["data"]["number"].asInt());
      }
    }
    return numbers;
  }

  // Makes what waits for another try due now, until `predicate` holds.
  bool WaitHastily(const std::function<bool()>& predicate)
  {
    return WaitUntil(
        [&]
        {
          WithStore<TaskStore>([](TaskStore& store) { store.Hasten(DeliveryStore::TASK); });
          return predicate();
        },
        std::chrono::seconds(60));
  }

  std::vector<Task> Tasks(const std::string& state = "", const std::string& kind = DeliveryStore::TASK)
  {
    return WithStore<TaskStore>([&](TaskStore& store) { return store.List(kind, state, 1000, 0).first; });
  }

  std::vector<Delivery> Log(const std::string& endpoint, const std::string& outcome = "")
  {
    return WithStore<DeliveryStore>([&](DeliveryStore& store)
                                    { return store.Deliveries(endpoint, outcome, 1000, 0).first; });
  }

  int64_t Waiting(const std::string& endpoint)
  {
    return WithStore<DeliveryStore>([&](DeliveryStore& store) { return store.CountWaiting()[endpoint]; });
  }

  FakeOrthanc orthanc_;
  std::unique_ptr<EventLog> events_;
  std::unique_ptr<Deliverer> deliverer_;
  std::unique_ptr<TaskWorkers> workers_;
};
}  // namespace

TEST_P(DeliveriesOn, ReachWhoSubscribedSigned)
{
  WebhookReceiver receiver(SECRET);
  Start();
  Emit("1.1", 0);  // before there was an endpoint
  Put("a", receiver);
  Endpoint other = Find("a");
  other.id = "other";
  other.events = {"order.*"};
  Put(other);

  Emit("1.1", 1);
  Emit("1.1", 2, "elsewhere");

  EXPECT_TRUE(WaitUntil([&] { return Waiting("a") == 0 && !receiver.Taken().empty(); }));
  ASSERT_EQ(1u, receiver.Taken().size());
  const Json::Value body = receiver.Taken()[0];
  EXPECT_EQ("study.test", body["type"].asString());
  EXPECT_EQ("default", body["practice_id"].asString());
  EXPECT_TRUE(ParseTimestamp(body["timestamp"].asString()));
  EXPECT_EQ("1.1", body["data"]["study_instance_uid"].asString());
  EXPECT_THAT(receiver.Refusals(), IsEmpty());
  const auto log = Log("a");
  ASSERT_EQ(1u, log.size());
  EXPECT_EQ("delivered", log[0].outcome);
  EXPECT_EQ(204, log[0].status);
  EXPECT_EQ(1, log[0].attempt);
  EXPECT_THAT(Log("other"), IsEmpty());
  EXPECT_THAT(Tasks(), IsEmpty());
}

TEST_P(DeliveriesOn, KeepTheOrderOfEachStudyAndHoldBackNoOther)
{
  std::atomic<bool> broken{true};
  WebhookReceiver receiver(SECRET,
                           [&](const Json::Value& body) -> std::optional<ServedReply>
                           {
                             return broken && body["data"]["study_instance_uid"] == "1.1" &&
                                            body["data"]["number"] == 2
                                        ? std::optional(ServedReply{.status = 500})
                                        : std::nullopt;
                           });
  Start();
  Put("a", receiver);
  for (int number = 1; number <= 4; number++)
  {
    Emit("1.1", number);
    Emit("1.2", number);
    Emit("1.3", number);
  }

  EXPECT_TRUE(WaitUntil(
      [&]
      {
        return Taken(receiver, "1.2").size() == 4 && Taken(receiver, "1.3").size() == 4 &&
               !Log("a", Delivery::FAILED).empty();
      }));
  EXPECT_THAT(Taken(receiver, "1.1"), ElementsAre(1));
  EXPECT_TRUE(WaitUntil([&] { return Waiting("a") == 3; })) << Waiting("a");
  EXPECT_THAT(deliverer_->Metrics(), HasSubstr("orthanc_clinic_webhook_waiting{endpoint=\"a\"} 3\n"));
  broken = false;
  EXPECT_TRUE(WaitHastily([&] { return Taken(receiver, "1.1").size() == 4; }));
  EXPECT_THAT(Taken(receiver, "1.1"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Taken(receiver, "1.2"), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(WaitUntil([&] { return Tasks().empty(); }));
  EXPECT_EQ(0, receiver.Repeated());
}

TEST_P(DeliveriesOn, GoOnWhenTheReceiverIsBack)
{
  WebhookReceiver receiver(SECRET);
  Start();
  Put("a", receiver);
  receiver.GoAway();
  for (int study = 0; study < 5; study++)
  {
    Emit("1." + std::to_string(study), 1);
  }
  EXPECT_TRUE(WaitUntil([&] { return Log("a", Delivery::FAILED).size() >= 3; }));
  EXPECT_EQ(1u, deliverer_->Failing().count("a"));
  Emit("1.9", 1);
  EXPECT_TRUE(WaitUntil([&] { return Tasks("due").size() == 6; }));
  receiver.ComeBack();

  // The more attempts have failed by now, the longer the receiver is left alone.
  EXPECT_TRUE(WaitUntil([&] { return receiver.Taken().size() == 6; }, std::chrono::seconds(100)));

  EXPECT_THAT(receiver.Refusals(), IsEmpty());
  EXPECT_TRUE(WaitUntil([&] { return deliverer_->Failing().empty(); }));
}

TEST_P(DeliveriesOn, WaitAsLongAsTheReceiverAsks)
{
  std::atomic<int> calls{0};
  std::mutex mutex;
  std::vector<Timestamp> times;  // guarded by mutex
  WebhookReceiver receiver(
      SECRET,
      [&](const Json::Value&) -> std::optional<ServedReply>
      {
        const std::lock_guard lock(mutex);  // what waited comes at once
        times.push_back(Now());
        return calls++ == 0 ? std::optional(ServedReply{.status = 429, .headers = {{"Retry-After", "3"}}})
                            : std::nullopt;
      });
  Start();
  Put("a", receiver);
  Emit("1.1", 1);
  EXPECT_TRUE(WaitUntil([&] { return !Log("a").empty(); }));
  Emit("1.2", 1);  // another study of the same receiver, which wants to be left alone
  EXPECT_TRUE(WaitHastily([&] { return receiver.Taken().size() == 2; }));
  const std::lock_guard lock(mutex);
  EXPECT_GE(times.at(1) - times.at(0), Milliseconds(2'990));
}

TEST_P(DeliveriesOn, EndWhenTheReceiverIsGone)
{
  std::atomic<bool> gone{true};
  WebhookReceiver receiver(SECRET,
                           [&](const Json::Value&) -> std::optional<ServedReply>
                           { return gone ? std::optional(ServedReply{.status = 410}) : std::nullopt; });
  Start();
  Put("a", receiver);
  Emit("1.1", 1);
  EXPECT_TRUE(WaitUntil([&] { return Tasks("dead").size() == 1; }));
  EXPECT_FALSE(Find("a").enabled);
  EXPECT_THAT(Find("a").disabledReason, HasSubstr("410"));
  Emit("1.1", 2);  // not for it any more
  EXPECT_EQ(1, Waiting("a"));
  EXPECT_EQ(1u, receiver.Calls().size());

  gone = false;
  Endpoint endpoint = Find("a");
  endpoint.enabled = true;
  Put(endpoint);
  {
    Transaction transaction(GetDatabase());
    transaction.NextSerial();
    DeliveryStore(transaction).Revive("a");
    transaction.Commit();
  }
  EXPECT_TRUE(WaitUntil([&] { return Taken(receiver, "1.1").size() == 1; }));
}

TEST_P(DeliveriesOn, AreGivenUpAfterDaysUntilAPersonRetries)
{
  std::atomic<bool> broken{true};
  WebhookReceiver receiver(SECRET,
                           [&](const Json::Value&) -> std::optional<ServedReply>
                           { return broken ? std::optional(ServedReply{.status = 500}) : std::nullopt; });
  Start();
  Put("a", receiver);
  Emit("1.1", 1);
  EXPECT_TRUE(WaitUntil([&] { return Log("a").size() == 1; }));
  {
    Transaction transaction(GetDatabase());
    const Message message = DeliveryStore(transaction).First("a", "1.1").value();
    EXPECT_GT(message.giveUpAt.value(), Now() + std::chrono::hours(71));
    transaction.Commit();
  }
  // More than once: an attempt that is under way writes back the time that it has read.
  EXPECT_TRUE(WaitHastily(
      [&]
      {
        Transaction transaction(GetDatabase());
        Execute(transaction, "UPDATE webhook_messages SET give_up_at = :past WHERE give_up_at <> ''",
                {ToString(Now())});
        transaction.Commit();
        return Tasks("dead").size() == 1;
      }));
  EXPECT_THAT(Tasks("dead").at(0).lastError.value(), HasSubstr("status 500"));
  EXPECT_EQ("a/1.1", Tasks("dead").at(0).key);
  Emit("1.1", 2);  // waits behind it
  Emit("1.2", 1);
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const auto log = Log("a");
        return std::any_of(log.begin(), log.end(), [](const Delivery& one) { return one.lane == "1.2"; });
      }));
  EXPECT_EQ(1u, Tasks("dead").size());

  broken = false;
  const std::string task = Tasks("dead").at(0).id;
  WithStore<TaskStore>([&](TaskStore& store) { store.Retry(task); });
  EXPECT_TRUE(WaitHastily([&] { return receiver.Taken().size() == 3; }));
  EXPECT_THAT(Taken(receiver, "1.1"), ElementsAre(1, 2));
}

TEST_P(DeliveriesOn, AreDiscardedByAPersonWithWhatWaitsBehind)
{
  std::atomic<bool> broken{true};
  WebhookReceiver receiver(SECRET,
                           [&](const Json::Value&) -> std::optional<ServedReply>
                           { return broken ? std::optional(ServedReply{.status = 410}) : std::nullopt; });
  Start();
  Put("a", receiver);
  Emit("1.1", 1);
  EXPECT_TRUE(WaitUntil([&] { return Tasks("dead").size() == 1; }));
  const std::string task = Tasks("dead").at(0).id;
  WithStore<TaskStore>([&](TaskStore& store) { store.Discard(task); });
  broken = false;
  Endpoint endpoint = Find("a");
  endpoint.enabled = true;
  Put(endpoint);

  Emit("1.1", 2);

  EXPECT_TRUE(WaitUntil([&] { return receiver.Taken().size() == 1; }));
  EXPECT_THAT(Taken(receiver, "1.1"), ElementsAre(2));
  EXPECT_EQ(1u, Log("a", Delivery::DISCARDED).size());
}

TEST_P(DeliveriesOn, NeverReachPrivateAddressesUnlessAllowed)
{
  WebhookReceiver receiver(SECRET);
  Start({.privateAddresses = false});
  Put("a", receiver);
  Endpoint endpoint = Find("a");
  const Delivery plain = deliverer_->Test(endpoint);
  EXPECT_THAT(plain.error, HasSubstr("not https"));
  endpoint.url = "https" + receiver.Url().substr(4);
  EXPECT_THAT(deliverer_->Test(endpoint).error, HasSubstr("not one of the Internet"));
  endpoint.url = "https://localhost" + receiver.Url().substr(receiver.Url().rfind(':'));
  EXPECT_THAT(deliverer_->Test(endpoint).error, HasSubstr("not one of the Internet"));
  EXPECT_THAT(receiver.Requests(), IsEmpty());
  EXPECT_EQ(3u, Log("a", Delivery::FAILED).size());
}

TEST_P(DeliveriesOn, AreNotHeldUpByASlowReceiver)
{
  std::atomic<bool> released{false};
  WebhookReceiver slow(SECRET,
                       [&](const Json::Value&) -> std::optional<ServedReply>
                       {
                         WaitUntil([&] { return released.load(); }, std::chrono::minutes(2));
                         return std::nullopt;
                       });
  WebhookReceiver quick(SECRET);
  Start();
  Put("slow", slow);
  for (int study = 0; study < 20; study++)
  {
    Emit("1." + std::to_string(study), 1);
  }
  EXPECT_TRUE(WaitUntil([&] { return !slow.Calls().empty(); }));
  Put("quick", quick);
  for (int study = 0; study < 20; study++)
  {
    Emit("1." + std::to_string(study), 2);
  }
  // Before a call of the slow one times out, which takes 20 seconds.
  EXPECT_TRUE(WaitUntil([&] { return quick.Taken().size() == 20; }, std::chrono::seconds(18)));
  EXPECT_THAT(slow.Taken(), IsEmpty());
  const size_t calls = slow.Calls().size();
  const size_t timedOut = Log("slow", Delivery::FAILED).size();  // each made room for another one
  EXPECT_LE(calls, 3u + timedOut);
  released = true;
  EXPECT_TRUE(WaitHastily([&] { return slow.Taken().size() == 40; }));
}

TEST_P(DeliveriesOn, SurviveTheEndOfTheProcess)
{
  WebhookReceiver receiver(SECRET);
  Start({.privateAddresses = true}, false);
  Put("a", receiver);
  Emit("1.1", 1);
  Emit("1.1", 2);
  Start();
  EXPECT_TRUE(WaitUntil([&] { return receiver.Taken().size() == 2; }));
  EXPECT_THAT(Taken(receiver, "1.1"), ElementsAre(1, 2));
}

TEST_P(DeliveriesOn, TellACrmOfNewInstancesOnceTheStudyIsDecided)
{
  Practice practice;
  practice.id = "default";
  practice.crmUserId = "user-1";
  WithStore<PracticeStore>([&](PracticeStore& store) { store.Put(practice); });
  WebhookReceiver receiver(BEARER);
  Start({.privateAddresses = true, .matchWaitSeconds = 600});
  Put("crm", receiver, Form::Crm);
  orthanc_.received = {{"old", OrthancTime(Now() - std::chrono::hours(1))},
                       {"one", OrthancTime(Now())},
                       {"two", OrthancTime(Now())}};
  ArrivalSubscriber subscriber(GetDatabase(), orthanc_);
  {
    const auto write = subscriber.Read({{1, "NewInstance", "old"},
                                        {2, "NewInstance", "gone"},
                                        {3, "NewStudy", "study"},
                                        {4, "NewInstance", "one"},
                                        {5, "NewInstance", "two"}});
    Transaction transaction(GetDatabase());
    write(transaction);
    transaction.Commit();
  }
  Study study;
  study.orthancStudyId = "study";
  study.studyInstanceUid = "1.1";
  study.practiceId = "default";
  study.receivedAt = study.lastInstanceAt = Now();
  WithStore<StudyStore>([&](StudyStore& store) { store.Insert(study); });
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        const auto tasks = Tasks("due", DeliveryStore::ARRIVALS_TASK);
        return tasks.size() == 1 && tasks[0].dueAt > Now() + std::chrono::minutes(5);
      }));
  EXPECT_THAT(receiver.Requests(), IsEmpty()) << "it waits for the decision";

  study.match.status = MatchStatus::Matched;
  study.match.patientId = "cml123";
  study.match.decidedBy = StudyMatch::MACHINE;
  {
    Transaction transaction(GetDatabase());
    StudyStore(transaction).UpdateMatch("study", study.match);
    Json::Value data;
    data["orthanc_study_id"] = "study";
    events_->Emit(transaction, "study.matched", "default", data);
    transaction.Commit();
  }
  EXPECT_TRUE(WaitUntil([&] { return receiver.Taken().size() == 2; }));
  EXPECT_THAT(receiver.Refusals(), IsEmpty());
  EXPECT_EQ("one", receiver.Taken()[0]["resourceId"].asString());
  EXPECT_EQ("two", receiver.Taken()[1]["resourceId"].asString());
  EXPECT_EQ("user-1", receiver.Taken()[0]["userId"].asString());
  EXPECT_EQ("cml123", receiver.Taken()[0]["patientId"].asString());
  EXPECT_EQ("matched", receiver.Taken()[0]["match"]["status"].asString());
  EXPECT_TRUE(WaitUntil([&] { return Tasks("", "").size() == 1; })) << "the hourly one";
}

TEST_P(DeliveriesOn, DoNotWaitForADecisionForEver)
{
  Practice practice;
  practice.id = "default";
  practice.crmUserId = "user-1";
  WithStore<PracticeStore>([&](PracticeStore& store) { store.Put(practice); });
  std::atomic<int> calls{0};
  WebhookReceiver receiver(
      BEARER,
      [&](const Json::Value&) -> std::optional<ServedReply>
      { return calls++ == 0 ? std::optional(ServedReply{.body = R"({"success": false})"}) : std::nullopt; });
  Start({.privateAddresses = true, .matchWaitSeconds = 0});
  Put("crm", receiver, Form::Crm);
  orthanc_.received = {{"one", OrthancTime(Now())}};
  ArrivalSubscriber subscriber(GetDatabase(), orthanc_);
  const auto arrive = [&]
  {
    const auto write = subscriber.Read({{4, "NewInstance", "one"}});
    Transaction transaction(GetDatabase());
    write(transaction);
    transaction.Commit();
  };
  Study study;
  study.orthancStudyId = "study";
  study.studyInstanceUid = "1.1";
  study.practiceId = "default";
  study.receivedAt = study.lastInstanceAt = Now();
  WithStore<StudyStore>([&](StudyStore& store) { store.Insert(study); });
  arrive();
  EXPECT_TRUE(WaitHastily([&] { return receiver.Taken().size() == 1; })) << "and success: false is retried";
  EXPECT_EQ("pending", receiver.Taken()[0]["match"]["status"].asString());
  EXPECT_TRUE(receiver.Taken()[0]["patientId"].isNull());

  // What is deleted before it is recorded is not told.
  WithStore<StudyStore>([&](StudyStore& store) { store.Delete("study"); });
  arrive();
  EXPECT_TRUE(WaitUntil([&] { return Tasks("due", DeliveryStore::ARRIVALS_TASK).size() == 1; }));
  orthanc_.hasStudy = false;
  EXPECT_TRUE(WaitUntil([&] { return Tasks("", DeliveryStore::ARRIVALS_TASK).empty(); }));
  EXPECT_EQ(1u, receiver.Taken().size());
}

TEST_P(DeliveriesOn, AreForgottenWithTheirEndpointAndWhenTheyAreOld)
{
  WebhookReceiver receiver(SECRET);
  Start({.privateAddresses = true}, false);
  Put("a", receiver);
  Put("b", receiver);
  Emit("1.1", 1);
  WithStore<DeliveryStore>(
      [&](DeliveryStore& store)
      {
        for (int i = 0; i < 5; i++)
        {
          store.Log({.endpointId = "a", .messageId = std::to_string(i), .outcome = "delivered"});
          store.Log({.endpointId = "b", .messageId = std::to_string(i), .outcome = "failed"});
        }
        store.Tidy(Now() - std::chrono::hours(1), 3);
      });
  EXPECT_EQ(3u, Log("a").size());
  EXPECT_EQ("4", Log("a")[0].messageId);
  EXPECT_EQ(3u, Log("b", Delivery::FAILED).size());
  EXPECT_EQ(1, Waiting("a")) << "its task is there";
  WithStore<DeliveryStore>([&](DeliveryStore& store) { store.Forget("a"); });
  EXPECT_EQ(0u, Log("a").size());
  EXPECT_EQ(0, Waiting("a"));
  EXPECT_EQ(1u, Tasks().size());
  WithStore<TaskStore>([](TaskStore& store) { store.Cancel(DeliveryStore::TASK, "b/1.1"); });
  WithStore<DeliveryStore>([&](DeliveryStore& store) { store.Tidy(Now() + std::chrono::hours(1), 3); });
  EXPECT_EQ(1u, Log("b", Delivery::DISCARDED).size()) << "a person discarded its task";
  EXPECT_EQ(0, Waiting("b"));
}

ON_BOTH_DATABASES(DeliveriesOn);

TEST(RetrySchedule, GrowsToAnHourAndSpansDays)
{
  for (int attempts = 1; attempts <= 7; attempts++)
  {
    const double expected = std::min(5'000.0 * std::pow(3, attempts - 1), 3'600'000.0);
    for (int i = 0; i < 20; i++)
    {
      EXPECT_GE(static_cast<double>(RetryDelay(attempts).count()), expected / 2 - 1);
      EXPECT_LE(static_cast<double>(RetryDelay(attempts).count()), expected * 1.5 + 1);
    }
  }
  EXPECT_LE(RetryDelay(1'000'000), std::chrono::minutes(90));
}

TEST(Lane, IsTheStudyElseTheOrderElseThePatient)
{
  Event event;
  event.type = "order.linked";
  event.data["order_id"] = "o";
  event.data["study_instance_uid"] = "1.1";
  EXPECT_EQ("1.1", LaneOf(event));
  event.data["study_instance_uid"] = "";
  EXPECT_EQ("o", LaneOf(event));
  event.data = Json::objectValue;
  event.data["patient_id"] = "TREM85010112";
  EXPECT_EQ(std::string::npos, LaneOf(event).find("TREM"));
  EXPECT_EQ(24u, LaneOf(event).size());
  event.data = Json::objectValue;
  EXPECT_EQ("order.linked", LaneOf(event));
}
}  // namespace OrthancClinic::Webhooks
