// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/OrderStore.h"

#include <fmt/format.h>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Dicom/Uid.h"
#include "Core/Errors.h"
#include "Core/Records/PatientStore.h"
#include "Core/Uuid.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t LONGEST_ACCESSION = 16;  // characters of an SH (PS3.5 6.2)

std::vector<OrderLink> FetchLinks(Transaction& transaction, const std::string& tail, const std::string& value)
{
  std::vector<OrderLink> links;
  OrderLink link;
  std::string state;
  int byPerson = 0;
  std::string evidence;
  std::string at;
  Query(
      transaction,
      "SELECT orthanc_study_id, order_id, state, linked_by, by_person, evidence, linked_at FROM "
      "order_links " +
          tail,
      {value},
      [&]
      {
        link.linked = state == "linked";
        link.byPerson = byPerson != 0;
        link.evidence = ParseJson(evidence);
        link.linkedAt = ParseTimestamp(at).value();
        links.push_back(link);
      },
      link.orthancStudyId, link.orderId, state, link.linkedBy, byPerson, evidence, at);
  return links;
}

std::vector<OrderReview> FetchReviews(Transaction& transaction, const std::string& tail,
                                      const std::vector<std::string>& values)
{
  std::vector<OrderReview> reviews;
  OrderReview review;
  std::string candidates;
  std::string at;
  Query(
      transaction,
      "SELECT orthanc_study_id, practice_id, reason, candidates, created_at FROM order_reviews " + tail,
      values,
      [&]
      {
        review.candidates = ParseJson(candidates);
        review.createdAt = ParseTimestamp(at).value();
        reviews.push_back(review);
      },
      review.orthancStudyId, review.practiceId, review.reason, candidates, at);
  return reviews;
}

std::string Text(const std::optional<Timestamp>& time)
{
  return time ? ToString(*time) : "";
}

int Year(Timestamp time)
{
  return std::stoi(ToString(time).substr(0, 4));
}
}  // namespace

std::string FormatAccessionNumber(const std::string& format, int year, int64_t number)
{
  std::string text = format;
  const auto replace = [&](const std::string& name, const std::string& value)
  {
    const size_t at = text.find(name);
    if (at != std::string::npos)
    {
      text.replace(at, name.size(), value);
    }
    return at != std::string::npos;
  };
  replace("{year}", std::to_string(year));
  if (!replace("{number}", fmt::format("{:05}", number)) || text.size() > LONGEST_ACCESSION ||
      text.find('\\') != std::string::npos)
  {
    throw BadInput("expected a text with {number} that makes at most 16 characters without a backslash");
  }
  return text;
}

std::vector<Order> OrderStore::Fetch(const std::string& tail, const std::vector<std::string>& values)
{
  std::vector<Order> orders;
  Order order;
  std::string state;
  std::string scheduledAt;
  std::string orderedAt;
  std::string document;
  std::string createdAt;
  std::string updatedAt;
  Query(
      transaction_,
      "SELECT id, practice_id, patient_id, order_number, accession_number, accession_issuer, "
      "study_instance_uid, state, modality, visit_id, priority, COALESCE(scheduled_at, ''), ordered_at, "
      "document, created_at, updated_at FROM orders " +
          tail,
      values,
      [&]
      {
        order.state = ParseOrderState(state);
        order.scheduledAt = ParseTimestamp(scheduledAt);
        order.orderedAt = ParseTimestamp(orderedAt).value();
        order.document = ParseJson(document);
        order.createdAt = ParseTimestamp(createdAt).value();
        order.updatedAt = ParseTimestamp(updatedAt).value();
        orders.push_back(order);
      },
      order.id, order.practiceId, order.patientId, order.orderNumber, order.accessionNumber,
      order.accessionIssuer, order.studyInstanceUid, state, order.modality, order.visitId, order.priority,
      scheduledAt, orderedAt, document, createdAt, updatedAt);
  return orders;
}

std::optional<Order> OrderStore::Find(const std::string& id)
{
  auto orders = Fetch("WHERE id = :id", {id});
  return orders.empty() ? std::nullopt : std::optional(std::move(orders.front()));
}

Order OrderStore::Get(const std::string& id)
{
  auto order = Find(id);
  if (!order)
  {
    throw NotFound("There is no such order");
  }
  return *std::move(order);
}

Order OrderStore::GetForUpdate(const std::string& id)
{
  // A write transaction of SQLite is alone anyway.
  auto orders = Fetch(transaction_.IsPostgreSql() ? "WHERE id = :id FOR UPDATE" : "WHERE id = :id", {id});
  if (orders.empty())
  {
    throw NotFound("There is no such order");
  }
  return std::move(orders.front());
}

std::optional<Order> OrderStore::FindByNumber(const std::string& orderNumber)
{
  auto orders = Fetch("WHERE order_number = :number", {orderNumber});
  return orders.empty() ? std::nullopt : std::optional(std::move(orders.front()));
}

std::optional<Order> OrderStore::FindByStudyInstanceUid(const std::string& studyInstanceUid)
{
  auto orders = Fetch("WHERE study_instance_uid = :uid", {studyInstanceUid});
  return orders.empty() ? std::nullopt : std::optional(std::move(orders.front()));
}

std::vector<Order> OrderStore::FindByAccession(const std::string& accessionNumber)
{
  return Fetch("WHERE accession_number = :number ORDER BY ordered_at DESC, id", {accessionNumber});
}

std::pair<std::vector<Order>, int64_t> OrderStore::Search(const OrderFilter& filter)
{
  Conditions conditions;
  filter.practices.AddTo(conditions);
  conditions.AddAny("patient_id", PatientStore(transaction_).PartsOf(filter.patientId));
  conditions.Add("visit_id = ?", filter.visitId);
  conditions.Add("modality = ?", filter.modality);
  conditions.Add("priority = ?", filter.priority);
  conditions.Add("ordered_at >= ?", filter.from);
  conditions.Add("ordered_at < ?", filter.to);
  conditions.AddAny("state", filter.states);
  return {Fetch(conditions.Where() + fmt::format(" ORDER BY ordered_at DESC, id DESC LIMIT {} OFFSET {}",
                                                 filter.limit, filter.offset),
                conditions.Values()),
          CountRows(transaction_, "orders", conditions)};
}

int64_t OrderStore::NextNumber(const std::string& sequence)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        // The row stays locked until the transaction ends, so that nobody else reads this number.
        sql << "INSERT INTO number_sequences (name, value) VALUES (:name, 1) "
               "ON CONFLICT (name) DO UPDATE SET value = number_sequences.value + 1",
            soci::use(sequence);
        long long number = 0;
        sql << "SELECT value FROM number_sequences WHERE name = :name", soci::use(sequence),
            soci::into(number);
        return static_cast<int64_t>(number);
      });
}

std::string OrderStore::NewAccessionNumber(const std::string& format, int year)
{
  for (;;)
  {
    const std::string number =
        FormatAccessionNumber(format, year, NextNumber(fmt::format("accession:{}", year)));
    if (FindByAccession(number).empty())  // a CRM may have used one of our form
    {
      return number;
    }
  }
}

Order OrderStore::Insert(Order order, const std::string& accessionFormat)
{
  const Timestamp now = Now();
  order.createdAt = now;
  order.updatedAt = now;
  order.orderedAt = order.orderedAt == Timestamp{} ? now : order.orderedAt;
  order.id = order.id.empty() ? NewUuid() : order.id;
  order.studyInstanceUid = order.studyInstanceUid.empty() ? NewUid() : order.studyInstanceUid;
  const int year = Year(now);
  order.orderNumber = fmt::format("ORD-{}-{:05}", year, NextNumber(fmt::format("order:{}", year)));
  if (order.accessionNumber.empty())
  {
    order.accessionNumber = NewAccessionNumber(accessionFormat, year);
  }
  try
  {
    Execute(transaction_,
            "INSERT INTO orders (id, practice_id, patient_id, order_number, accession_number, "
            "accession_issuer, study_instance_uid, state, modality, visit_id, priority, scheduled_at, "
            "ordered_at, document, created_at, updated_at) VALUES (:id, :practice, :patient, :number, "
            ":accession, :issuer, :uid, :state, :modality, :visit, :priority, NULLIF(:scheduled, ''), "
            ":ordered, :document, :created, :updated)",
            {order.id, order.practiceId, order.patientId, order.orderNumber, order.accessionNumber,
             order.accessionIssuer, order.studyInstanceUid, ToString(order.state), order.modality,
             order.visitId, order.priority, Text(order.scheduledAt), ToString(order.orderedAt),
             WriteJson(order.document), ToString(order.createdAt), ToString(order.updatedAt)});
  }
  catch (const Conflict&)
  {
    throw Conflict("An order with this id or this accession number exists already");
  }
  NoteChange(order.id);
  return order;
}

void OrderStore::Update(const Order& order)
{
  try
  {
    Execute(transaction_,
            "UPDATE orders SET patient_id = :patient, accession_number = :accession, accession_issuer = "
            ":issuer, modality = :modality, visit_id = :visit, priority = :priority, scheduled_at = "
            "NULLIF(:scheduled, ''), document = :document, updated_at = :updated WHERE id = :id",
            {order.patientId, order.accessionNumber, order.accessionIssuer, order.modality, order.visitId,
             order.priority, Text(order.scheduledAt), WriteJson(order.document), ToString(Now()), order.id});
  }
  catch (const Conflict&)
  {
    throw Conflict("Another order has this accession number");
  }
  NoteChange(order.id);
}

void OrderStore::Delete(const std::string& id)
{
  Get(id);
  for (const OrderLink& link : LinksOfOrder(id))
  {
    if (link.linked)
    {
      throw Conflict("Studies are linked to this order");
    }
  }
  Execute(transaction_, "DELETE FROM orders WHERE id = :id", {id});
  NoteChange(id);
}

bool OrderStore::Move(Order& order, OrderState to, const std::string& by, const std::string& notes)
{
  if (order.state == to)
  {
    return false;
  }
  if (!IsTransition(order.state, to))
  {
    throw Conflict("An order that is " + ToString(order.state) + " cannot become " + ToString(to));
  }
  Record(order, to, by, notes);
  return true;
}

void OrderStore::PutBack(Order& order, OrderState to, const std::string& by, const std::string& notes)
{
  Record(order, to, by, notes);
}

void OrderStore::Record(Order& order, OrderState to, const std::string& by, const std::string& notes)
{
  const std::string from = ToString(order.state);
  const std::string now = ToString(Now());
  Execute(transaction_, "UPDATE orders SET state = :state, updated_at = :updated WHERE id = :id",
          {ToString(to), now, order.id});
  Execute(
      transaction_,
      "INSERT INTO order_transitions (order_id, number, from_state, to_state, by_whom, notes, at) "
      "SELECT :id, COUNT(*) + 1, :from, :to, :by, :notes, :at FROM order_transitions WHERE order_id = :same",
      {order.id, from, ToString(to), by, notes, now, order.id});
  order.state = to;
  NoteChange(order.id);
}

std::vector<OrderTransition> OrderStore::Transitions(const std::string& id)
{
  std::vector<OrderTransition> transitions;
  std::string from;
  std::string to;
  std::string by;
  std::string notes;
  std::string at;
  Query(
      transaction_,
      "SELECT from_state, to_state, by_whom, notes, at FROM order_transitions WHERE order_id = :id "
      "ORDER BY number",
      {id},
      [&]
      {
        transitions.push_back(
            {ParseOrderState(from), ParseOrderState(to), by, notes, ParseTimestamp(at).value()});
      },
      from, to, by, notes, at);
  return transitions;
}

std::vector<OrderLink> OrderStore::LinksOfStudy(const std::string& orthancStudyId)
{
  return FetchLinks(transaction_, "WHERE orthanc_study_id = :id ORDER BY linked_at, order_id",
                    orthancStudyId);
}

std::vector<OrderLink> OrderStore::LinksOfOrder(const std::string& orderId)
{
  return FetchLinks(transaction_, "WHERE order_id = :id ORDER BY linked_at DESC, orthanc_study_id", orderId);
}

void OrderStore::PutLink(const OrderLink& link)
{
  RemoveLink(link.orthancStudyId, link.orderId);
  Execute(transaction_,
          "INSERT INTO order_links (orthanc_study_id, order_id, state, linked_by, by_person, evidence, "
          "linked_at) VALUES (:study, :order, :state, :by, CAST(:person AS INTEGER), :evidence, :at)",
          {link.orthancStudyId, link.orderId, link.linked ? "linked" : "unlinked", link.linkedBy,
           link.byPerson ? "1" : "0", WriteJson(link.evidence), ToString(link.linkedAt)});
}

void OrderStore::RemoveLink(const std::string& orthancStudyId, const std::string& orderId)
{
  Execute(transaction_, "DELETE FROM order_links WHERE orthanc_study_id = :study AND order_id = :order",
          {orthancStudyId, orderId});
  NoteChange(orderId);
}

std::vector<std::string> OrderStore::UnlinkedStudies(Timestamp since, int64_t limit)
{
  std::vector<std::string> studies;
  std::string id;
  Query(
      transaction_,
      "SELECT orthanc_study_id FROM studies WHERE match_status IN ('matched', 'unmatched') AND received_at > "
      ":since AND NOT EXISTS (SELECT 1 FROM order_links WHERE order_links.orthanc_study_id = "
      "studies.orthanc_study_id) AND NOT EXISTS (SELECT 1 FROM order_reviews WHERE "
      "order_reviews.orthanc_study_id = studies.orthanc_study_id) ORDER BY received_at DESC LIMIT " +
          std::to_string(limit),
      {ToString(since)}, [&] { studies.push_back(id); }, id);
  return studies;
}

std::optional<OrderReview> OrderStore::FindReview(const std::string& orthancStudyId)
{
  auto reviews = FetchReviews(transaction_, "WHERE orthanc_study_id = :id", {orthancStudyId});
  return reviews.empty() ? std::nullopt : std::optional(std::move(reviews.front()));
}

std::pair<std::vector<OrderReview>, int64_t> OrderStore::Reviews(const PracticeScope& practices,
                                                                 int64_t limit, int64_t offset)
{
  Conditions conditions;
  practices.AddTo(conditions);
  return {FetchReviews(transaction_,
                       conditions.Where() +
                           fmt::format(" ORDER BY created_at DESC, orthanc_study_id LIMIT {} OFFSET {}",
                                       limit, offset),
                       conditions.Values()),
          CountRows(transaction_, "order_reviews", conditions)};
}

void OrderStore::PutReview(const OrderReview& review)
{
  RemoveReview(review.orthancStudyId);
  Execute(transaction_,
          "INSERT INTO order_reviews (orthanc_study_id, practice_id, reason, candidates, created_at) VALUES "
          "(:id, :practice, :reason, :candidates, :at)",
          {review.orthancStudyId, review.practiceId, review.reason, WriteJson(review.candidates),
           ToString(review.createdAt)});
}

void OrderStore::RemoveReview(const std::string& orthancStudyId)
{
  Execute(transaction_, "DELETE FROM order_reviews WHERE orthanc_study_id = :id", {orthancStudyId});
}

void OrderStore::NoteChange(const std::string& id)
{
  transaction_.BeforeCommit(
      [id, &transaction = transaction_]
      {
        const long long serial = transaction.NextSerial();
        transaction.Sql(
            [&](soci::session& sql)
            {
              sql << "INSERT INTO order_changes (order_id, serial) VALUES (:id, :serial) "
                     "ON CONFLICT (order_id) DO UPDATE SET serial = excluded.serial",
                  soci::use(id), soci::use(serial);
            });
      });
  transaction_.Notify("orders");
}

std::vector<std::pair<std::string, int64_t>> OrderStore::ChangedSince(int64_t after, int64_t limit)
{
  std::vector<std::pair<std::string, int64_t>> changes;
  std::string id;
  long long serial = 0;
  Query(
      transaction_,
      fmt::format("SELECT order_id, serial FROM order_changes WHERE serial > {} ORDER BY serial LIMIT {}",
                  after, limit),
      {}, [&] { changes.emplace_back(id, serial); }, id, serial);
  return changes;
}
std::pair<std::vector<std::string>, int64_t> OrderStore::Open()
{
  long long last = 0;
  Query(
      transaction_, "SELECT COALESCE(MAX(serial), 0) FROM order_changes", {}, [] {}, last);
  std::vector<std::string> ids;
  std::string id;
  Query(
      transaction_, "SELECT id FROM orders WHERE state IN ('requested', 'scheduled', 'in_progress')", {},
      [&] { ids.push_back(id); }, id);
  return {ids, last};
}
}  // namespace OrthancClinic
