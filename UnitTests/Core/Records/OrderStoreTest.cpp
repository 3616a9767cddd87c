// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/OrderStore.h"

#include <gmock/gmock.h>

#include "Core/DatabaseFixture.h"
#include "Core/Errors.h"
#include "Core/Records/AppointmentStore.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/StudyStore.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* FORMAT = "ACC-{year}-{number}";

class OrdersOn : public DatabaseTest
{
protected:
  template <typename Function>
  auto With(Function&& function)
  {
    return WithStore<OrderStore>(std::forward<Function>(function));
  }

  Order Insert(Order order = {})
  {
    order.practiceId = "default";
    order.patientId = order.patientId.empty() ? "p1" : order.patientId;
    return With([&](OrderStore& store) { return store.Insert(order, FORMAT); });
  }

  void InsertStudy(const std::string& id)
  {
    Transaction transaction(GetDatabase());
    Study study;
    study.orthancStudyId = id;
    study.studyInstanceUid = "1.2." + id;
    study.practiceId = "default";
    study.receivedAt = Now();
    study.match.status = MatchStatus::Unmatched;
    StudyStore(transaction).Insert(study);
    transaction.Commit();
  }
};

TEST_P(OrdersOn, AreReadAsTheyWereWritten)
{
  Order order;
  order.patientId = "p1";
  order.modality = "XRAY";
  order.visitId = "v1";
  order.priority = "stat";
  order.accessionNumber = "A-1";
  order.accessionIssuer = "RIS";
  order.scheduledAt = ParseTimestamp("2026-02-08T10:30:00Z");
  order.document["clinical_indication"] = "Toux « sèche »";
  const Order stored = Insert(order);

  const Order read = With([&](OrderStore& store) { return store.Get(stored.id); });

  EXPECT_EQ(OrderState::Requested, read.state);
  EXPECT_EQ("XRAY", read.modality);
  EXPECT_EQ("v1", read.visitId);
  EXPECT_EQ("stat", read.priority);
  EXPECT_EQ("A-1", read.accessionNumber);
  EXPECT_EQ("RIS", read.accessionIssuer);
  EXPECT_EQ(order.scheduledAt, read.scheduledAt);
  EXPECT_EQ("Toux « sèche »", read.Text("clinical_indication"));
  EXPECT_EQ(stored.studyInstanceUid, read.studyInstanceUid);
  EXPECT_EQ(stored.id, With([&](OrderStore& store) { return store.FindByNumber(read.orderNumber); })->id);
  EXPECT_EQ(stored.id,
            With([&](OrderStore& store) { return store.FindByStudyInstanceUid(read.studyInstanceUid); })->id);
}

TEST_P(OrdersOn, AreFoundWithThoseOfMergedPatients)
{
  Order order;
  order.patientId = "a";
  Insert(order);
  order.patientId = "b";
  Insert(order);
  order.patientId = "c";
  Insert(order);
  Transaction transaction(GetDatabase());
  PatientStore patients(transaction);
  for (const char* id : {"a", "b", "c"})
  {
    Patient patient;
    patient.id = id;
    patient.practiceId = "default";
    patients.Put(patient);
  }
  patients.Merge("a", "b", "alice");
  OrderStore store(transaction);
  EXPECT_EQ(2, store.Search({.patientId = "b"}).second);
  EXPECT_EQ(2, store.Search({.patientId = "a"}).second);
  EXPECT_EQ(1, store.Search({.patientId = "c"}).second);
  EXPECT_EQ(3, store.Search({}).second);
}

TEST_P(OrdersOn, HaveAccessionNumbersThatAreUniqueForTheirIssuer)
{
  Order order;
  order.accessionNumber = "A-1";
  order.accessionIssuer = "RIS";
  Insert(order);
  EXPECT_THROW(Insert(order), Conflict);
  order.accessionIssuer = "OTHER";
  Insert(order);
  order.accessionIssuer = "";
  Insert(order);
  EXPECT_THROW(Insert(order), Conflict);
  EXPECT_EQ(3U, With([](OrderStore& store) { return store.FindByAccession("A-1"); }).size());
}

TEST_P(OrdersOn, SkipAccessionNumbersThatACrmUsedAlready)
{
  const std::string first = Insert().accessionNumber;
  Order taken;
  taken.accessionNumber = first.substr(0, first.size() - 1) + "2";
  Insert(taken);
  EXPECT_EQ(first.substr(0, first.size() - 1) + "3", Insert().accessionNumber);
}

TEST_P(OrdersOn, MoveByLegalTransitionsThatAreRecorded)
{
  Order order = Insert();
  With(
      [&](OrderStore& store)
      {
        EXPECT_TRUE(store.Move(order, OrderState::Scheduled, "alice", "by phone"));
        EXPECT_FALSE(store.Move(order, OrderState::Scheduled, "alice")) << "it is already";
        EXPECT_THROW(store.Move(order, OrderState::Reported, "alice"), Conflict);
        EXPECT_TRUE(store.Move(order, OrderState::InProgress, "machine"));
        store.PutBack(order, OrderState::Scheduled, "machine", "of another order");
      });

  const auto transitions = With([&](OrderStore& store) { return store.Transitions(order.id); });
  ASSERT_EQ(3U, transitions.size());
  EXPECT_EQ(OrderState::Requested, transitions[0].from);
  EXPECT_EQ(OrderState::Scheduled, transitions[0].to);
  EXPECT_EQ("alice", transitions[0].by);
  EXPECT_EQ("by phone", transitions[0].notes);
  EXPECT_EQ(OrderState::Scheduled, transitions[2].to);
  EXPECT_EQ(OrderState::Scheduled, With([&](OrderStore& store) { return store.Get(order.id); }).state);
}

TEST_P(OrdersOn, AreLinkedToStudiesAndForgetThemWithThese)
{
  const Order order = Insert();
  InsertStudy("s1");
  With(
      [&](OrderStore& store)
      {
        store.PutLink({.orthancStudyId = "s1", .orderId = order.id, .linkedBy = "score", .linkedAt = Now()});
        store.PutLink({.orthancStudyId = "s1",
                       .orderId = order.id,
                       .linkedBy = "alice",
                       .byPerson = true,
                       .linkedAt = Now()});
      });
  const auto links = With([](OrderStore& store) { return store.LinksOfStudy("s1"); });
  ASSERT_EQ(1U, links.size());
  EXPECT_EQ("alice", links[0].linkedBy);
  EXPECT_TRUE(links[0].byPerson);
  EXPECT_THROW(With([&](OrderStore& store) { store.Delete(order.id); }), Conflict);

  {
    Transaction transaction(GetDatabase());
    StudyStore(transaction).Delete("s1");
    transaction.Commit();
  }
  EXPECT_THAT(With([&](OrderStore& store) { return store.LinksOfOrder(order.id); }), IsEmpty());
  With([&](OrderStore& store) { store.Delete(order.id); });
  EXPECT_THROW(With([&](OrderStore& store) { return store.Get(order.id); }), NotFound);
}

TEST_P(OrdersOn, WaitForAPersonInAQueue)
{
  InsertStudy("s1");
  EXPECT_THAT(
      With([](OrderStore& store) { return store.UnlinkedStudies(Now() - std::chrono::hours(1), 10); }),
      ElementsAre("s1"));
  OrderReview review{
      .orthancStudyId = "s1", .practiceId = "default", .reason = "ambiguous", .createdAt = Now()};
  review.candidates.append("x");
  With([&](OrderStore& store) { store.PutReview(review); });

  EXPECT_EQ(1, With([](OrderStore& store) { return store.Reviews("default", 10, 0); }).second);
  EXPECT_EQ(0, With([](OrderStore& store) { return store.Reviews("other", 10, 0); }).second);
  EXPECT_EQ("ambiguous", With([](OrderStore& store) { return store.FindReview("s1"); })->reason);
  EXPECT_THAT(
      With([](OrderStore& store) { return store.UnlinkedStudies(Now() - std::chrono::hours(1), 10); }),
      IsEmpty());
  With([](OrderStore& store) { store.RemoveReview("s1"); });
  EXPECT_FALSE(With([](OrderStore& store) { return store.FindReview("s1"); }).has_value());
}

TEST_P(OrdersOn, AreNumberedByTheirChangesAndThoseOfTheirAppointments)
{
  const Order first = Insert();
  const Order second = Insert();
  const auto since = [&](int64_t after)
  {
    std::vector<std::string> ids;
    for (const auto& [id, serial] : With([&](OrderStore& store) { return store.ChangedSince(after, 10); }))
    {
      ids.push_back(id);
    }
    return ids;
  };
  EXPECT_THAT(since(0), ElementsAre(first.id, second.id));
  const int64_t last = With([](OrderStore& store) { return store.ChangedSince(0, 10); }).back().second;

  Appointment appointment;
  appointment.id = "a1";
  appointment.practiceId = "default";
  appointment.patientId = "p1";
  appointment.orderId = first.id;
  appointment.start = Now();
  appointment.updatedAt = Now();
  {
    Transaction transaction(GetDatabase());
    EXPECT_TRUE(AppointmentStore(transaction).Put(appointment));
    transaction.Commit();
  }
  EXPECT_THAT(since(last), ElementsAre(first.id));
}

TEST_P(OrdersOn, AppointmentsAreNotOverwrittenByAnOlderVersion)
{
  Appointment appointment;
  appointment.id = "a1";
  appointment.practiceId = "default";
  appointment.patientId = "p1";
  appointment.start = ParseTimestamp("2026-02-08T10:30:00Z").value();
  appointment.updatedAt = ParseTimestamp("2026-02-01T00:00:00Z").value();
  appointment.document["weight_kg"] = 71.5;
  Transaction transaction(GetDatabase());
  AppointmentStore store(transaction);
  EXPECT_TRUE(store.Put(appointment));
  const std::string step = appointment.scheduledProcedureStepId;
  EXPECT_FALSE(store.Put(appointment));
  EXPECT_EQ(step, appointment.scheduledProcedureStepId) << "kept";
  EXPECT_EQ(71.5, store.Find("a1")->document["weight_kg"].asDouble());
  appointment.updatedAt = ParseTimestamp("2026-01-31T00:00:00Z").value();
  EXPECT_THROW(store.Put(appointment), Conflict);
  EXPECT_EQ("a1", store.FindByStepId(step)->id);
  store.SetStatus("a1", AppointmentStatus::Arrived);
  EXPECT_EQ(AppointmentStatus::Arrived, store.Find("a1")->status);
  EXPECT_EQ(1, store.Search({.status = "arrived", .from = appointment.start}).second);
  EXPECT_EQ(0, store.Search({.status = "arrived", .to = appointment.start}).second);
  store.Delete("a1");
  EXPECT_THROW(store.Delete("a1"), NotFound);
}

TEST(AccessionNumbers, FitDicom)
{
  EXPECT_EQ("ACC-2026-00007", FormatAccessionNumber("ACC-{year}-{number}", 2026, 7));
  EXPECT_EQ("123456", FormatAccessionNumber("{number}", 2026, 123456));
  for (const char* format : {"ACC", "ACCESSION-{year}-{number}", "A\\{number}", ""})
  {
    EXPECT_THROW(FormatAccessionNumber(format, 2026, 1), BadInput) << format;
  }
}

TEST(OrderStates, GoForwardOneStepAtATime)
{
  const OrderState all[] = {OrderState::Requested, OrderState::Scheduled, OrderState::InProgress,
                            OrderState::Acquired,  OrderState::Reported,  OrderState::Completed,
                            OrderState::Cancelled};
  int legal = 0;
  for (const OrderState from : all)
  {
    EXPECT_EQ(from, ParseOrderState(ToString(from)));
    EXPECT_FALSE(IsTransition(OrderState::Cancelled, from));
    EXPECT_FALSE(IsTransition(OrderState::Completed, from));
    for (const OrderState to : all)
    {
      legal += IsTransition(from, to) ? 1 : 0;
    }
  }
  EXPECT_EQ(9, legal);
  EXPECT_FALSE(IsTransition(OrderState::Reported, OrderState::Cancelled));
}

ON_BOTH_DATABASES(OrdersOn);
}  // namespace
}  // namespace OrthancClinic::Testing
