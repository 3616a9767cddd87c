// SPDX-License-Identifier: GPL-3.0-or-later

#include "Webhooks/IncomingEvents.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "Core/Configuration/Json.h"
#include "Core/DatabaseFixture.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/AppointmentStore.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"
#include "Core/Rest/CoreRoutes.h"
#include "Orders/AppointmentOrders.h"
#include "Orders/OrderRoutes.h"
#include "Webhooks/IncomingStore.h"
#include "Worklist/AppointmentRoutes.h"

namespace OrthancClinic::Webhooks
{
MigrationScripts Migrations();

namespace
{
using ::testing::ElementsAre;

// The n-th second of a day not long ago.
std::string At(int n)
{
  return ToString(Timestamp(std::chrono::seconds(1'770'000'000 + n)));
}

Json::Value Event(const std::string& event, int time, const Json::Value& data)
{
  static int number = 0;
  Json::Value json;
  json["event"] = event;
  json["id"] = "e" + std::to_string(++number);
  json["timestamp"] = At(time);
  json["data"] = data;
  return json;
}

Json::Value Lead(const std::string& id, const std::string& name = "Jean Tremblay",
                 const std::string& userId = "u-north")
{
  Json::Value json;
  json["id"] = id;
  json["userId"] = userId;
  json["contactPerson"] = name;
  return json;
}

Json::Value Merged(const std::string& id, const std::string& into)
{
  Json::Value json = Lead(id);
  json["mergedInto"] = into;
  return json;
}

Json::Value Booking(const std::string& id, const std::string& lead, const std::string& status = "SCHEDULED")
{
  Json::Value json;
  json["id"] = id;
  json["userId"] = "u-north";
  json["leadId"] = lead;
  json["appointmentDate"] = "2026-03-02T14:00:00Z";
  json["status"] = status;
  return json;
}

class IncomingEventsTest : public Testing::DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    GetDatabase().Migrate("webhooks", Migrations());
    Orders::GiveOrdersToAppointments(events_, orderOptions_);
    writers_["patient"] = MakePatientWriter(events_);
    writers_["appointment"] = Worklist::MakeAppointmentWriter(events_);
    writers_["order"] = Orders::MakeOrderWriter(events_, orderOptions_);
    incoming_ = Make(GetDatabase());
    for (const char* id : {"north", "south"})
    {
      Practice practice;
      practice.id = id;
      practice.crmUserId = std::string("u-") + id;
      WithStore<PracticeStore>([&](PracticeStore& store) { store.Put(practice); });
    }
  }

  std::unique_ptr<IncomingEvents> Make(Database& database)
  {
    return std::make_unique<IncomingEvents>(
        database,
        [this](const std::string& kind)
        {
          const auto found = writers_.find(kind);
          return found == writers_.end() ? nullptr : &found->second;
        },
        30);
  }

  static Principal Sender(const std::string& practice)
  {
    Grants grants;
    for (const auto permission :
         {Permission::WritePatients, Permission::WriteAppointments, Permission::WriteOrders})
    {
      grants.Add(practice, permission);
    }
    return {.name = "webhook:" + practice, .grants = std::make_shared<const Grants>(grants)};
  }

  std::string Apply(const Json::Value& event, const std::string& practice = "north")
  {
    return incoming_->Apply(Sender(practice), event).status;
  }

  std::string Apply(const std::string& event, int time, const Json::Value& data)
  {
    return Apply(Event(event, time, data));
  }

  std::optional<Patient> FindPatient(const std::string& id)
  {
    return WithStore<PatientStore>([&](PatientStore& store) { return store.Find(id); });
  }

  std::string NameOf(const std::string& id)
  {
    const auto patient = FindPatient(id);
    return patient ? patient->contactPerson.value_or("") : "(none)";
  }

  std::optional<Appointment> FindAppointment(const std::string& id)
  {
    return WithStore<AppointmentStore>([&](AppointmentStore& store) { return store.Find(id); });
  }

  std::vector<std::string> EventTypes()
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    std::vector<std::string> types;
    for (const auto& event : EventLog::Since(transaction, 0, "", 1000))
    {
      types.push_back(event.type);
    }
    transaction.Commit();
    return types;
  }

  EventLog events_;
  const Orders::Options orderOptions_{"ACC-{year}-{number}"};
  std::map<std::string, RecordWriter> writers_;
  std::unique_ptr<IncomingEvents> incoming_;
};

ON_BOTH_DATABASES(IncomingEventsTest);

TEST_P(IncomingEventsTest, LeaveTheEventsAndTheAuditRecordsOfTheRoutes)
{
  EXPECT_EQ("created", Apply("lead.created", 1, Lead("a")));
  EXPECT_EQ("updated", Apply("lead.updated", 2, Lead("a", "Jean-F. Tremblay")));
  EXPECT_EQ("deleted", Apply("lead.deleted", 3, Lead("a")));

  EXPECT_THAT(EventTypes(), ElementsAre("patient.create", "patient.update", "patient.delete"));
  Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
  const auto records = AuditTrail::List(transaction, {.patientId = "a"}).first;
  transaction.Commit();
  ASSERT_EQ(3u, records.size());
  EXPECT_EQ("webhook:north", records[0]["principal"].asString());
  EXPECT_EQ("patient.delete", records[0]["action"].asString());
  EXPECT_EQ("north", records[0]["practice_id"].asString());
  EXPECT_FALSE(records[0]["detail"]["event_id"].asString().empty());
}

TEST_P(IncomingEventsTest, CountOnce)
{
  const Json::Value created = Event("lead.created", 1, Lead("a"));
  EXPECT_EQ("created", Apply(created));
  EXPECT_EQ("duplicate", Apply(created));
  EXPECT_EQ(1u, EventTypes().size());

  // Of another practice the same id is another event.
  Json::Value other = Event("lead.created", 1, Lead("b", "X", "u-south"));
  other["id"] = created["id"];
  EXPECT_EQ("created", Apply(other, "south"));
}

TEST_P(IncomingEventsTest, MayComeAgainAfterTheyFailed)
{
  const Json::Value booking = Event("appointment.created", 1, Booking("b", "a"));
  EXPECT_THROW(Apply(booking), NotFound);
  Apply("lead.created", 1, Lead("a"));
  EXPECT_EQ("created", Apply(booking));
}

TEST_P(IncomingEventsTest, DoNotUndoALaterOne)
{
  EXPECT_EQ("created", Apply("lead.updated", 5, Lead("a", "New")));
  EXPECT_EQ("ignored", Apply("lead.created", 1, Lead("a", "Old")));
  EXPECT_EQ("ignored", Apply("lead.deleted", 3, Lead("a")));
  EXPECT_EQ("New", NameOf("a"));

  // The record's own time counts, not when the event was sent.
  Json::Value lead = Lead("a", "Older");
  lead["updatedAt"] = At(4);
  EXPECT_EQ("ignored", Apply("lead.updated", 9, lead));
}

TEST_P(IncomingEventsTest, DoNotResurrectWhatWasDeleted)
{
  Apply("lead.created", 1, Lead("a"));
  Apply("lead.deleted", 3, Lead("a"));
  EXPECT_EQ("ignored", Apply("lead.updated", 2, Lead("a")));
  EXPECT_EQ("ignored", Apply("lead.updated", 3, Lead("a"))) << "at the same time, the deletion counts";
  EXPECT_EQ("(none)", NameOf("a"));
  EXPECT_EQ("created", Apply("lead.created", 4, Lead("a", "Again")));
  EXPECT_EQ("Again", NameOf("a"));

  // What was never seen can be deleted, too.
  EXPECT_EQ("deleted", Apply("lead.deleted", 3, Lead("b")));
  EXPECT_EQ("ignored", Apply("lead.created", 1, Lead("b")));
}

TEST_P(IncomingEventsTest, OfOnePracticeReachNoOther)
{
  Apply(Event("lead.created", 1, Lead("s", "Southern", "u-south")), "south");

  EXPECT_THROW(Apply("lead.updated", 2, Lead("s")), NotFound);
  EXPECT_THROW(Apply("lead.created", 2, Lead("x", "X", "u-south")), BadInput);
  EXPECT_THROW(Apply("lead.created", 2, Lead("x", "X", "u-nobody")), BadInput);
  EXPECT_THROW(Apply("lead.deleted", 2, Lead("s")), NotFound);
  EXPECT_THROW(Apply("appointment.created", 2, Booking("b", "s")), NotFound);
  Apply("lead.created", 1, Lead("n"));
  EXPECT_THROW(Apply("lead.merged", 2, Merged("n", "s")), NotFound);
  EXPECT_THROW(Apply("lead.merged", 2, Merged("s", "n")), NotFound);
  Json::Value ours;
  ours["id"] = "s";
  EXPECT_THROW(Apply("patient.deleted", 2, ours), NotFound);
  ours["practice_id"] = "south";
  EXPECT_THROW(Apply("patient.updated", 2, ours), BadInput);
  EXPECT_EQ("Southern", NameOf("s"));

  // Nor does a deletion of what one does not have stand in its way.
  EXPECT_EQ("deleted", Apply("lead.deleted", 9, Lead("t")));
  EXPECT_EQ("created", Apply(Event("lead.created", 1, Lead("t", "T", "u-south")), "south"));
}

TEST_P(IncomingEventsTest, TakeOurOwnShapesToo)
{
  Json::Value patient =
      ParseJson(R"({"id": "p", "identifiers": [{"value": "4711", "issuer": "CLINIC", "type": "mrn"}],
                    "names": [{"family": "Roy", "given": "Anne"}], "birth_date": "1990-02-03", "sex": "F"})");
  EXPECT_EQ("created", Apply("patient.created", 1, patient));
  EXPECT_EQ("north", FindPatient("p")->practiceId) << "the only one of the secret";
  EXPECT_EQ(PatientKind::Patient, FindPatient("p")->kind);
  patient["colour"] = "green";
  EXPECT_THROW(Apply("patient.updated", 2, patient), BadInput);

  const Json::Value appointment =
      ParseJson(R"({"id": "a", "patient_id": "p", "start": "2026-03-02T14:00:00Z", "modality": "PX"})");
  EXPECT_EQ("created", Apply("appointment.created", 1, appointment));
  const std::string orderId = FindAppointment("a")->orderId;
  EXPECT_FALSE(orderId.empty()) << "the appointment has got its order";

  const Json::Value order = ParseJson(R"({"id": "o", "patient_id": "p", "modality_id": "XRAY"})");
  EXPECT_EQ("created", Apply("order.created", 1, order));
  const auto find = [&] { return WithStore<OrderStore>([&](OrderStore& store) { return store.Find("o"); }); };
  EXPECT_TRUE(find()->accessionNumber.starts_with("ACC-")) << find()->accessionNumber;
  Json::Value changed = order;
  changed["priority"] = "stat";
  EXPECT_EQ("updated", Apply("order.updated", 5, changed));
  EXPECT_EQ("ignored", Apply("order.updated", 3, order));
  EXPECT_EQ("stat", find()->priority);
  changed["status"] = "cancelled";
  EXPECT_EQ("updated", Apply("order.updated", 6, changed));
  EXPECT_EQ(OrderState::Cancelled, find()->state);
  EXPECT_EQ("deleted", Apply("order.deleted", 7, order));
  EXPECT_FALSE(find());
}

TEST_P(IncomingEventsTest, GiveAnAppointmentThatTakesPlaceAfterAllAnOrderAnew)
{
  Apply("lead.created", 1, Lead("a"));
  Apply("appointment.created", 1, Booking("b", "a"));
  const std::string first = FindAppointment("b")->orderId;
  Apply("appointment.updated", 2, Booking("b", "a", "CANCELLED"));
  Apply("appointment.updated", 3, Booking("b", "a", "CONFIRMED"));

  const std::string second = FindAppointment("b")->orderId;
  EXPECT_NE(first, second);
  EXPECT_EQ(OrderState::Scheduled,
            WithStore<OrderStore>([&](OrderStore& store) { return store.Get(second); }).state);
  EXPECT_EQ(OrderState::Cancelled,
            WithStore<OrderStore>([&](OrderStore& store) { return store.Get(first); }).state);
}

TEST_P(IncomingEventsTest, FollowAMergeToItsEnd)
{
  for (const char* id : {"a", "b", "c"})
  {
    Apply("lead.created", 1, Lead(id));
  }
  EXPECT_EQ("merged", Apply("lead.merged", 2, Merged("a", "b")));
  EXPECT_EQ("unchanged", Apply("lead.merged", 2, Merged("a", "b")));
  EXPECT_EQ("merged", Apply("lead.merged", 3, Merged("b", "c")));
  EXPECT_EQ("c", FindPatient("a")->mergedInto);
  EXPECT_EQ("c", FindPatient("b")->mergedInto);
  EXPECT_EQ("deleted", Apply("lead.deleted", 4, Lead("c")));
  for (const char* id : {"a", "b", "c"})
  {
    EXPECT_FALSE(FindPatient(id)) << id;
    EXPECT_EQ("ignored", Apply("lead.updated", 2, Lead(id)));
  }
}

TEST_P(IncomingEventsTest, AreAnsweredOneByOne)
{
  Json::Value batch(Json::arrayValue);
  batch.append(Event("appointment.created", 1, Booking("b", "a")));  // before its lead
  batch.append(Event("lead.created", 1, Lead("a")));
  batch.append(Event("lead.created", 1, Lead("bad", "X", "u-nobody")));
  batch.append("no event");
  batch.append(Event("invoice.paid", 1, Json::objectValue));
  batch.append(batch[1]);
  batch.append(Event("appointment.created", 1, Booking("c", "nobody")));
  batch.append(Event("lead.created", 1, Json::objectValue));

  const Json::Value answer = incoming_->ApplyAll(Sender("north"), batch);

  std::vector<std::string> statuses;
  for (const Json::Value& result : answer["results"])
  {
    statuses.push_back(result["status"].asString());
  }
  EXPECT_THAT(statuses, ElementsAre("created", "created", "failed", "failed", "ignored", "duplicate",
                                    "failed", "failed"));
  EXPECT_FALSE(answer["success"].asBool());
  EXPECT_EQ(4, answer["failed"].asInt());
  EXPECT_FALSE(answer["results"][2]["retry"].asBool());
  EXPECT_TRUE(answer["results"][6]["retry"].asBool()) << "the lead may still come";
  EXPECT_EQ("data.id", answer["results"][7]["errors"][0]["field"].asString());
  EXPECT_TRUE(FindAppointment("b"));
}

TEST_P(IncomingEventsTest, AreRefusedWithoutATimeOrFromTheFuture)
{
  for (const Json::Value& time :
       {Json::Value(), Json::Value("yesterday"), Json::Value(-1), Json::Value(1.5),
        Json::Value(ToString(Now() + std::chrono::hours(48))), Json::Value(Json::Int64{9'000'000'000'000})})
  {
    Json::Value event = Event("lead.created", 1, Lead("a"));
    event["timestamp"] = time;
    EXPECT_THROW(Apply(event), BadInput) << WriteJson(time);
  }
  Json::Value event = Event("lead.created", 1, Lead("a"));
  event["timestamp"] = Json::Int64{1'770'000'000};
  EXPECT_EQ("created", Apply(event));
  event = Event("lead.updated", 1, Lead("a", "X"));
  event["timestamp"] = Json::Int64{1'770'000'001'500};
  EXPECT_EQ("updated", Apply(event));
  EXPECT_EQ("2026-02-02T02:40:01.500Z", ToString(FindPatient("a")->updatedAt));
}

TEST_P(IncomingEventsTest, AreForgottenInTime)
{
  const Json::Value event = Event("lead.created", 1, Lead("a"));
  Apply(event);
  Apply("lead.deleted", 2, Lead("a"));
  Transaction transaction(GetDatabase());
  IncomingStore::Forget(transaction, Now() + std::chrono::hours(1));
  IncomingStore store(transaction, "north");
  EXPECT_FALSE(store.IsDeleted("patient", "a"));
  EXPECT_TRUE(store.Remember(event["id"].asString()));
  transaction.Commit();
}

// A history of three leads as a CRM could have it, in the order in which it happened.
std::vector<Json::Value> History(std::mt19937& random)
{
  const auto roll = [&](int sides) { return static_cast<int>(random() % sides); };
  std::vector<Json::Value> history;
  int time = 0;
  std::set<std::string> living;
  for (int step = 0; step < 10; step++)
  {
    const std::string id(1, static_cast<char>('a' + roll(3)));
    time += roll(2) + 1;
    if (!living.contains(id))
    {
      history.push_back(Event("lead.created", time, Lead(id, "Name " + std::to_string(time))));
      living.insert(id);
      continue;
    }
    if (roll(4) == 0)
    {
      history.push_back(Event("lead.deleted", time, Lead(id)));
      living.erase(id);
    }
    else
    {
      history.push_back(Event("lead.updated", time, Lead(id, "Name " + std::to_string(time))));
    }
  }
  return history;
}

TEST_P(IncomingEventsTest, EndTheSameInWhateverOrderTheyCome)
{
  for (unsigned seed = 0; seed < 10; seed++)
  {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto history = History(random);
    const auto state = [&](const std::string& run)
    {
      std::string text;
      for (const char* id : {"a", "b", "c"})
      {
        text += NameOf(run + id) + "/";
      }
      return text;
    };
    // Each run has its own ids, so that all can stay in one database.
    const auto deliver = [&](std::vector<Json::Value> events, const std::string& run)
    {
      for (Json::Value& event : events)
      {
        event["id"] = run + event["id"].asString();
        event["data"]["id"] = run + event["data"]["id"].asString();
        Apply(event);
      }
    };
    const std::string name = std::to_string(seed) + "-";
    deliver(history, name + "in-order-");
    const std::string expected = state(name + "in-order-");
    for (int permutation = 0; permutation < 3; permutation++)
    {
      auto shuffled = history;
      shuffled.insert(shuffled.end(), history.begin(), history.begin() + 3);  // some come twice
      std::shuffle(shuffled.begin(), shuffled.end(), random);
      const std::string run = name + std::to_string(permutation) + "-";
      deliver(shuffled, run);
      EXPECT_EQ(expected, state(run));
    }
  }
}

// Small histories with merges in all kinds of orders; what fails for want of another record comes again.
TEST_P(IncomingEventsTest, EndTheSameWithMerges)
{
  std::vector<std::pair<std::string, std::vector<Json::Value>>> histories = {
      {"chain",
       {Event("lead.created", 1, Lead("a")), Event("lead.created", 2, Lead("b")),
        Event("lead.created", 3, Lead("c")), Event("lead.merged", 4, Merged("a", "b")),
        Event("lead.merged", 5, Merged("b", "c"))}},
      {"gone",
       {Event("lead.created", 1, Lead("a")), Event("lead.created", 2, Lead("b")),
        Event("lead.merged", 3, Merged("a", "b")), Event("lead.updated", 4, Lead("b", "New")),
        Event("lead.deleted", 5, Lead("b"))}},
      {"absorbed",
       {Event("lead.created", 1, Lead("a")), Event("lead.created", 2, Lead("b")),
        Event("lead.merged", 3, Merged("a", "b")), Event("lead.deleted", 4, Lead("a"))}}};
  for (const auto& [name, history] : histories)
  {
    std::vector<size_t> order(history.size());
    for (size_t i = 0; i < order.size(); i++)
    {
      order[i] = i;
    }
    std::string expected;
    int run = 0;
    int permutation = 0;
    do
    {
      if (permutation++ % 5 != 0)  // each is some twenty commits
      {
        continue;
      }
      const std::string prefix = name + std::to_string(run++) + "-";
      std::vector<Json::Value> waiting;
      for (const size_t i : order)
      {
        Json::Value event = history[i];
        event["id"] = prefix + event["id"].asString();
        event["data"]["id"] = prefix + event["data"]["id"].asString();
        if (event["data"].isMember("mergedInto"))
        {
          event["data"]["mergedInto"] = prefix + event["data"]["mergedInto"].asString();
        }
        waiting.push_back(event);
      }
      for (int round = 0; round < 5 && !waiting.empty(); round++)
      {
        std::vector<Json::Value> again;
        for (const Json::Value& event : waiting)
        {
          try
          {
            Apply(event);
          }
          catch (const NotFound&)
          {
            again.push_back(event);
          }
        }
        waiting = again;
      }
      EXPECT_TRUE(waiting.empty()) << prefix;
      std::string state;
      for (const char* id : {"a", "b", "c"})
      {
        const auto patient = FindPatient(prefix + id);
        state += !patient              ? "-"
                 : patient->mergedInto ? "m" + patient->mergedInto->substr(prefix.size())
                                       : "+";
      }
      expected = run == 1 ? state : expected;
      EXPECT_EQ(expected, state) << prefix;
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_P(IncomingEventsTest, CountOnceAlsoWhenTheyComeAtTheSameTime)
{
  const auto other = MakeAnother();
  const auto second = Make(*other);
  std::vector<Json::Value> events;
  for (int i = 0; i < 20; i++)
  {
    events.push_back(Event("lead.updated", i, Lead("a", "Name " + std::to_string(i))));
  }
  std::atomic<int> taken{0};
  const auto deliver = [&](IncomingEvents& to, bool backwards)
  {
    for (size_t i = 0; i < events.size(); i++)
    {
      const Json::Value& event = events[backwards ? events.size() - 1 - i : i];
      for (int attempt = 0; attempt < 10; attempt++)
      {
        try
        {
          taken += to.Apply(Sender("north"), event).status != "duplicate" ? 1 : 0;
          break;
        }
        catch (const Unavailable&)
        {
        }
      }
    }
  };
  std::thread one([&] { deliver(*incoming_, false); });
  std::thread two([&] { deliver(*second, true); });
  one.join();
  two.join();
  EXPECT_EQ(20, taken);
  EXPECT_EQ("Name 19", NameOf("a"));
}
}  // namespace
}  // namespace OrthancClinic::Webhooks
