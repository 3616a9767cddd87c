// SPDX-License-Identifier: GPL-3.0-or-later

#include "OrderLinker.h"

#include <algorithm>
#include <map>
#include <set>

#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Errors.h"
#include "Core/Records/AppointmentStore.h"
#include "Core/Records/Filing.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "Core/Tasks/TaskStore.h"
#include "OrderMatching.h"

namespace OrthancClinic::Orders
{
namespace
{
constexpr int64_t MOST_STUDIES = 200;       // of one patient that are looked at for a new order
constexpr int64_t MOST_ORDERS = 200;        // of one patient that are compared with a study
constexpr int64_t MOST_FORGOTTEN = 10'000;  // studies that are looked at when the plugin starts
constexpr std::chrono::hours FORGOTTEN_FOR(30 * 24);
constexpr const char* MACHINE = StudyMatch::MACHINE;

void EmitStatus(Transaction& transaction, const EventLog& events, const Order& order, OrderState from)
{
  Json::Value data;
  data["order_id"] = order.id;
  data["from"] = ToString(from);
  data["to"] = ToString(order.state);
  events.Emit(transaction, "order.status_changed", order.practiceId, data);
}

void EmitLink(Transaction& transaction, const EventLog& events, const char* type, const Study& study,
              const OrderLink& link)
{
  Json::Value data;
  data["order_id"] = link.orderId;
  data["study_instance_uid"] = study.studyInstanceUid;
  data["orthanc_study_id"] = study.orthancStudyId;
  data["linked_by"] = link.linkedBy;
  events.Emit(transaction, type, study.practiceId, data);
}

std::string ZoneOf(Transaction& transaction, const std::string& practiceId)
{
  const auto practice = PracticeStore(transaction).Find(practiceId);
  return practice ? practice->timeZone : Practice().timeZone;
}

// The appointment at which these images were taken: the one that the images name, else the open one that is
// nearest in time.
std::optional<Appointment> AppointmentOf(Transaction& transaction, const Study& study, const Order& order)
{
  std::set<std::string> named;
  for (const Json::Value& request : study.acquisition["request_attributes"])
  {
    named.insert(request["scheduled_procedure_step_id"].asString());
  }
  std::optional<Appointment> nearest;
  const auto distance = [&](const Appointment& appointment)
  { return std::chrono::abs(appointment.start - study.receivedAt); };
  for (const Appointment& appointment : AppointmentStore(transaction).OfOrder(order.id))
  {
    if (named.contains(appointment.scheduledProcedureStepId))
    {
      return appointment;
    }
    if (appointment.IsOpen() && (!nearest || distance(appointment) < distance(*nearest)))
    {
      nearest = appointment;
    }
  }
  return nearest;
}

// What the images tell of the progress: Orthanc has no MPPS.
void Advance(Transaction& transaction, const EventLog& events, const Study& study, Order& order)
{
  auto appointment = AppointmentOf(transaction, study, order);
  AppointmentStore appointments(transaction);
  if (order.state == OrderState::Requested || order.state == OrderState::Scheduled)
  {
    MoveOrder(transaction, events, order, OrderState::InProgress, MACHINE, "images arrived");
  }
  if (appointment && (appointment->status == AppointmentStatus::Scheduled ||
                      appointment->status == AppointmentStatus::Arrived))
  {
    appointment->status = AppointmentStatus::InProgress;
    appointments.SetStatus(appointment->id, appointment->status);
  }
  if (!study.settledAt)
  {
    return;
  }
  if (order.state == OrderState::InProgress)
  {
    MoveOrder(transaction, events, order, OrderState::Acquired, MACHINE, "the study is complete");
  }
  if (appointment && appointment->status == AppointmentStatus::InProgress)
  {
    appointments.SetStatus(appointment->id, AppointmentStatus::Completed);
  }
}

// The order lost this study: without another one it waits for its images again.
void Retreat(Transaction& transaction, const EventLog& events, Order& order, const std::string& by)
{
  OrderStore orders(transaction);
  for (const OrderLink& link : orders.LinksOfOrder(order.id))
  {
    if (link.linked)
    {
      return;
    }
  }
  if (order.state != OrderState::InProgress && order.state != OrderState::Acquired)
  {
    return;
  }
  bool scheduled = order.scheduledAt.has_value();
  AppointmentStore appointments(transaction);
  for (const Appointment& appointment : appointments.OfOrder(order.id))
  {
    if (appointment.status == AppointmentStatus::InProgress ||
        appointment.status == AppointmentStatus::Completed)
    {
      appointments.SetStatus(appointment.id, AppointmentStatus::Arrived);
      scheduled = true;
    }
  }
  const OrderState from = order.state;
  orders.PutBack(order, scheduled ? OrderState::Scheduled : OrderState::Requested, by,
                 "its images were of another order");
  EmitStatus(transaction, events, order, from);
}

void WriteLink(Transaction& transaction, const EventLog& events, const Study& study, Order& order,
               const OrderLink& link)
{
  OrderStore(transaction).PutLink(link);
  EmitLink(transaction, events, "order.linked", study, link);
  Advance(transaction, events, study, order);
}

void RemoveLink(Transaction& transaction, const EventLog& events, const Study& study, Order& order,
                const OrderLink& link, const std::string& by)
{
  OrderStore(transaction).RemoveLink(link.orthancStudyId, link.orderId);
  EmitLink(transaction, events, "order.unlinked", study, link);
  Retreat(transaction, events, order, by);
}

// What the machine says of a study now.
struct Decision
{
  std::map<std::string, OrderLink> links;  // by order
  std::optional<OrderReview> review;
};

class Decider
{
public:
  Decider(Transaction& transaction, const Study& study)
      : transaction_(transaction), orders_(transaction), patients_(transaction), study_(study)
  {
    for (const OrderLink& link : orders_.LinksOfStudy(study.orthancStudyId))
    {
      if (link.byPerson && !link.linked)
      {
        refused_.insert(link.orderId);
      }
    }
  }

  // Nothing while it is not known whose study it is: that is decided first.
  Decision Decide()
  {
    if (study_.match.status == MatchStatus::Pending || study_.match.status == MatchStatus::Review)
    {
      return {};
    }
    ByFiling();
    ByIdentifiers();
    if (decision_.links.empty() && !decision_.review && study_.match.patientId)
    {
      ByComparison();
    }
    return std::move(decision_);
  }

private:
  // What a person said when they sent the study.
  void ByFiling()
  {
    const auto filing = FilingStore(transaction_).Find(study_.orthancStudyId);
    const auto order = filing && !filing->orderId.empty() ? orders_.Find(filing->orderId) : std::nullopt;
    if (!order)
    {
      return;
    }
    Consider(*order, "filing");
    if (const auto link = decision_.links.find(order->id); link != decision_.links.end())
    {
      link->second.linkedBy = filing->filedBy;
      link->second.byPerson = true;
    }
  }

  void ByIdentifiers()
  {
    if (const auto order = orders_.FindByStudyInstanceUid(study_.studyInstanceUid))
    {
      Consider(*order, "study_instance_uid");
    }
    if (!study_.accessionNumber.empty())
    {
      ByAccession(study_.accessionNumber, study_.acquisition["accession_issuer"].asString(),
                  "accession_number");
    }
    for (const Json::Value& request : study_.acquisition["request_attributes"])
    {
      if (const std::string number = request["requested_procedure_id"].asString(); !number.empty())
      {
        if (const auto order = orders_.FindByNumber(number))
        {
          Consider(*order, "request_attributes");
        }
      }
      if (const std::string step = request["scheduled_procedure_step_id"].asString(); !step.empty())
      {
        if (const auto appointment = AppointmentStore(transaction_).FindByStepId(step))
        {
          if (const auto order = orders_.Find(appointment->orderId))
          {
            Consider(*order, "request_attributes");
          }
        }
      }
      if (const std::string accession = request["accession_number"].asString(); !accession.empty())
      {
        ByAccession(accession, "", "request_attributes");
      }
    }
  }

  void ByAccession(const std::string& number, const std::string& issuer, const char* linkedBy)
  {
    std::vector<Order> found;
    for (Order& order : orders_.FindByAccession(number))
    {
      const bool issuerAgrees =
          issuer.empty() || order.accessionIssuer.empty() || order.accessionIssuer == issuer;
      if (order.practiceId == study_.practiceId && issuerAgrees)
      {
        found.push_back(std::move(order));
      }
    }
    if (found.size() > 1)
    {
      for (const Order& order : found)
      {
        Ask("ambiguous", order, linkedBy);
      }
      return;
    }
    for (const Order& order : found)
    {
      Consider(order, linkedBy);
    }
  }

  // An order that the study names.
  void Consider(const Order& order, const char* linkedBy)
  {
    if (order.practiceId != study_.practiceId || refused_.contains(order.id) ||
        decision_.links.contains(order.id))
    {
      return;
    }
    if (!study_.match.patientId ||
        patients_.SurvivorOf(*study_.match.patientId) != patients_.SurvivorOf(order.patientId))
    {
      Ask("order_of_another_patient", order, linkedBy);
    }
    else if (order.state == OrderState::Cancelled)
    {
      Ask("order_cancelled", order, linkedBy);
    }
    else
    {
      decision_.links[order.id] = MakeLink(order.id, linkedBy, Evidence(linkedBy));
    }
  }

  void ByComparison()
  {
    const std::string zone = ZoneOf(transaction_, study_.practiceId);
    std::vector<OrderScore> scores;
    for (const Order& order : OpenOrders())
    {
      std::optional<OrderScore> best;
      for (const std::string& date : StudyDates(zone))
      {
        const auto score = Compare(study_, date, order, DateOf(order, zone, date));
        best = (score && (!best || score->score > best->score)) ? score : best;
      }
      if (best)
      {
        scores.push_back(*best);
      }
    }
    std::stable_sort(scores.begin(), scores.end(),
                     [](const OrderScore& a, const OrderScore& b) { return a.score > b.score; });
    switch (Choose(scores))
    {
      case Choice::Certain:
        decision_.links[scores.front().orderId] =
            MakeLink(scores.front().orderId, "score", scores.front().evidence);
        break;
      case Choice::Ambiguous:
        for (const OrderScore& score : scores)
        {
          AddCandidate(scores.size() > 1 ? "ambiguous" : "doubtful", score.orderId, score.score,
                       score.evidence);
        }
        break;
      case Choice::None:
        break;
    }
  }

  // The day that the images name, and the one on which they came if that is next to it: a console's clock may
  // be in another zone.
  std::vector<std::string> StudyDates(const std::string& zone) const
  {
    const std::string received = ToLocalTime(study_.receivedAt, zone).date;
    const auto date = DicomDate::Parse(study_.studyDate);
    if (!date || date->day == 0)
    {
      return {received};
    }
    const std::string& named = study_.studyDate;
    const bool near = received == AddDays(named, -1) || received == AddDays(named, 1);
    return near ? std::vector<std::string>{named, received} : std::vector<std::string>{named};
  }

  // Of the study's patient, without images of another study.
  std::vector<Order> OpenOrders()
  {
    OrderFilter filter;
    filter.practices = study_.practiceId;
    filter.patientId = *study_.match.patientId;
    filter.states = {"requested", "scheduled", "in_progress", "acquired"};
    filter.limit = MOST_ORDERS;
    std::vector<Order> open;
    for (Order& order : orders_.Search(filter).first)
    {
      const auto links = orders_.LinksOfOrder(order.id);
      const bool taken = std::any_of(links.begin(), links.end(),
                                     [&](const OrderLink& link)
                                     { return link.linked && link.orthancStudyId != study_.orthancStudyId; });
      if (!taken && !refused_.contains(order.id))
      {
        open.push_back(std::move(order));
      }
    }
    return open;
  }

  // The local day for which the order was planned: of its appointments, the one nearest to the study.
  std::string DateOf(const Order& order, const std::string& zone, const std::string& studyDate)
  {
    std::string date = ToLocalTime(order.scheduledAt.value_or(order.orderedAt), zone).date;
    for (const Appointment& appointment : AppointmentStore(transaction_).OfOrder(order.id))
    {
      const std::string day = ToLocalTime(appointment.start, zone).date;
      date = (day == studyDate) ? day : date;
    }
    return date;
  }

  static Json::Value Evidence(const char* field)
  {
    Json::Value evidence;
    evidence["field"] = field;
    evidence["level"] = "exact";
    evidence["weight"] = Json::Value();
    Json::Value all(Json::arrayValue);
    all.append(evidence);
    return all;
  }

  OrderLink MakeLink(const std::string& orderId, const char* linkedBy, const Json::Value& evidence) const
  {
    return {.orthancStudyId = study_.orthancStudyId,
            .orderId = orderId,
            .linkedBy = linkedBy,
            .evidence = evidence,
            .linkedAt = Now()};
  }

  void Ask(const char* reason, const Order& order, const char* field)
  {
    if (!refused_.contains(order.id))
    {
      AddCandidate(reason, order.id, std::nullopt, Evidence(field));
    }
  }

  void AddCandidate(const char* reason, const std::string& orderId, std::optional<double> score,
                    const Json::Value& evidence)
  {
    if (!decision_.review)
    {
      decision_.review = OrderReview{.orthancStudyId = study_.orthancStudyId,
                                     .practiceId = study_.practiceId,
                                     .reason = reason,
                                     .createdAt = Now()};
    }
    for (const Json::Value& known : decision_.review->candidates)
    {
      if (known["order_id"] == orderId)
      {
        return;
      }
    }
    Json::Value candidate;
    candidate["order_id"] = orderId;
    candidate["score"] = score ? Json::Value(*score) : Json::Value();
    candidate["evidence"] = evidence;
    decision_.review->candidates.append(candidate);
  }

  Transaction& transaction_;
  OrderStore orders_;
  PatientStore patients_;
  const Study& study_;
  std::set<std::string> refused_;
  Decision decision_;
};

bool SameReview(const std::optional<OrderReview>& a, const std::optional<OrderReview>& b)
{
  return a.has_value() == b.has_value() && (!a || (a->reason == b->reason && a->candidates == b->candidates));
}
}  // namespace

void MoveOrder(Transaction& transaction, const EventLog& events, Order& order, OrderState to,
               const std::string& by, const std::string& notes)
{
  const OrderState from = order.state;
  if (OrderStore(transaction).Move(order, to, by, notes))
  {
    EmitStatus(transaction, events, order, from);
  }
}

std::vector<TaskKind> OrderLinker::Tasks()
{
  return {{.name = "link.study", .handler = [this](RunningTask& task) { LinkStudy(task); }},
          {.name = "link.order", .handler = [this](RunningTask& task) { LinkOrder(task); }}};
}

void OrderLinker::Subscribe(EventLog& events)
{
  for (const char* type :
       {"study.matched", "study.review", "study.unmatched", "study.updated", "study.settled", "study.filed"})
  {
    events.On(type, [](Transaction& transaction, const Event& event)
              { TaskStore(transaction).Enqueue("link.study", event.data["orthanc_study_id"].asString()); });
  }
  for (const char* type : {"order.create", "order.update"})
  {
    events.On(type, [](Transaction& transaction, const Event& event)
              { TaskStore(transaction).Enqueue("link.order", event.data["order_id"].asString()); });
  }
}

void OrderLinker::Start()
{
  Transaction transaction(database_);
  TaskStore tasks(transaction);
  for (const std::string& study :
       OrderStore(transaction).UnlinkedStudies(Now() - FORGOTTEN_FOR, MOST_FORGOTTEN))
  {
    tasks.Enqueue("link.study", study);
  }
  transaction.Commit();
}

void OrderLinker::LinkStudy(RunningTask& task)
{
  Transaction transaction(database_);
  StudyStore studies(transaction);
  OrderStore orders(transaction);
  const auto study = studies.FindForUpdate(task.Get().key);
  if (!study)
  {
    return;
  }

  std::map<std::string, OrderLink> present;  // the machine's; in the order of their locks
  bool byPerson = false;
  for (const OrderLink& link : orders.LinksOfStudy(study->orthancStudyId))
  {
    if (link.linked && link.byPerson)
    {
      byPerson = true;
    }
    else if (link.linked)
    {
      present[link.orderId] = link;
    }
  }

  if (!byPerson)
  {
    Decision decision = Decider(transaction, *study).Decide();
    for (const auto& [orderId, link] : present)
    {
      Order order = orders.GetForUpdate(orderId);
      const bool fixed = order.state == OrderState::Reported || order.state == OrderState::Completed;
      if (!decision.links.contains(orderId) && !fixed)
      {
        RemoveLink(transaction, events_, *study, order, link, MACHINE);
      }
    }
    for (const auto& [orderId, link] : decision.links)
    {
      Order order = orders.GetForUpdate(orderId);
      if (present.contains(orderId))
      {
        Advance(transaction, events_, *study, order);
      }
      else
      {
        WriteLink(transaction, events_, *study, order, link);
      }
    }
    const auto review = orders.FindReview(study->orthancStudyId);
    if (!SameReview(review, decision.review))
    {
      orders.RemoveReview(study->orthancStudyId);
      if (decision.review)
      {
        orders.PutReview(*decision.review);
        Json::Value data;
        data["study_instance_uid"] = study->studyInstanceUid;
        data["orthanc_study_id"] = study->orthancStudyId;
        data["reason"] = decision.review->reason;
        events_.Emit(transaction, "order.review", study->practiceId, data);
      }
    }
  }
  else
  {
    for (const OrderLink& link : orders.LinksOfStudy(study->orthancStudyId))
    {
      if (link.linked)
      {
        Order order = orders.GetForUpdate(link.orderId);
        Advance(transaction, events_, *study, order);
      }
    }
  }
  task.Complete(transaction);
  transaction.Commit();
}

void OrderLinker::LinkOrder(RunningTask& task)
{
  Transaction transaction(database_);
  const auto order = OrderStore(transaction).Find(task.Get().key);
  if (order)
  {
    TaskStore tasks(transaction);
    StudyStore studies(transaction);
    std::set<std::string> concerned;
    StudyFilter filter;
    filter.practices = order->practiceId;
    filter.limit = MOST_STUDIES;
    filter.accessionNumber = order->accessionNumber;
    for (const Study& study : studies.Search(filter).first)
    {
      concerned.insert(study.orthancStudyId);
    }
    filter.accessionNumber.clear();
    PatientStore patients(transaction);
    filter.patientId = patients.SurvivorOf(order->patientId);
    for (const Study& study : studies.Search(filter).first)
    {
      concerned.insert(study.orthancStudyId);
    }
    for (const std::string& study : concerned)
    {
      tasks.Enqueue("link.study", study);
    }
  }
  task.Complete(transaction);
  transaction.Commit();
}

void OrderLinker::Link(Transaction& transaction, const EventLog& events, const Study& study, Order order,
                       const std::string& by)
{
  PatientStore patients(transaction);
  if (order.practiceId != study.practiceId)
  {
    throw Conflict("The order belongs to another practice than the study");
  }
  if (!study.match.patientId ||
      patients.SurvivorOf(*study.match.patientId) != patients.SurvivorOf(order.patientId))
  {
    throw Conflict("The order is of another patient than the study");
  }
  if (order.state == OrderState::Cancelled)
  {
    throw Conflict("The order is cancelled");
  }
  WriteLink(transaction, events, study, order,
            {.orthancStudyId = study.orthancStudyId,
             .orderId = order.id,
             .linkedBy = by,
             .byPerson = true,
             .linkedAt = Now()});
  OrderStore(transaction).RemoveReview(study.orthancStudyId);
}

void OrderLinker::Unlink(Transaction& transaction, const EventLog& events, const Study& study, Order order,
                         const std::string& by)
{
  OrderStore orders(transaction);
  for (OrderLink link : orders.LinksOfStudy(study.orthancStudyId))
  {
    if (link.orderId == order.id && link.linked)
    {
      RemoveLink(transaction, events, study, order, link, by);
      link.linked = false;
      link.linkedBy = by;
      link.byPerson = true;
      link.linkedAt = Now();
      orders.PutLink(link);
      TaskStore(transaction).Enqueue("link.study", study.orthancStudyId);
      return;
    }
  }
  throw NotFound("The study is not linked to this order");
}

void OrderLinker::Dismiss(Transaction& transaction, const Study& study, const OrderReview& review,
                          const std::string& by)
{
  OrderStore orders(transaction);
  for (const Json::Value& candidate : review.candidates)
  {
    orders.PutLink({.orthancStudyId = study.orthancStudyId,
                    .orderId = candidate["order_id"].asString(),
                    .linked = false,
                    .linkedBy = by,
                    .byPerson = true,
                    .linkedAt = Now()});
  }
  orders.RemoveReview(study.orthancStudyId);
}
}  // namespace OrthancClinic::Orders
