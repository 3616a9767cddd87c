// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tables of orders, of their transitions, and of which study fulfils which order, within one transaction
// of the caller. Every change of an order or of its appointments is numbered in `order_changes`, which is
// what an index in memory follows.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Records/Order.h"
#include "Core/Records/PracticeScope.h"

namespace OrthancClinic
{
struct OrderFilter
{
  PracticeScope practices = {};  // empty fields do not filter
  std::string patientId = {};    // also of whoever is part of the same patient
  std::string visitId = {};
  std::vector<std::string> states = {};
  std::string modality = {};
  std::string priority = {};
  std::string from = {};  // ordered at, as a timestamp, inclusive
  std::string to = {};    // exclusive
  int64_t limit = 50;
  int64_t offset = 0;
};

// That a study fulfils an order, or that a person said it does not.
struct OrderLink
{
  std::string orthancStudyId = {};
  std::string orderId = {};
  bool linked = true;
  std::string linkedBy = {};  // "study_instance_uid", "accession_number", "request_attributes", "score", or
                              // the user's name
  bool byPerson = false;
  Json::Value evidence = Json::arrayValue;  // why, for a person: [{field, level, weight}]
  Timestamp linkedAt{};
};

// A study whose order a person must choose.
struct OrderReview
{
  std::string orthancStudyId = {};
  std::string practiceId = {};
  std::string reason = {};
  Json::Value candidates = Json::arrayValue;  // [{order_id, score, evidence}], best first
  Timestamp createdAt{};
};

struct OrderTransition
{
  OrderState from;
  OrderState to;
  std::string by;
  std::string notes;
  Timestamp at{};
};

class ORTHANC_CLINIC_API OrderStore
{
public:
  explicit OrderStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Order> Find(const std::string& id);
  Order Get(const std::string& id);  // throws NotFound
  // The same, and nobody else changes the order until the transaction ends. Throws NotFound.
  Order GetForUpdate(const std::string& id);
  std::optional<Order> FindByNumber(const std::string& orderNumber);
  std::optional<Order> FindByStudyInstanceUid(const std::string& studyInstanceUid);
  // Of every practice and issuer.
  std::vector<Order> FindByAccession(const std::string& accessionNumber);

  // The last ordered first; with the total number.
  std::pair<std::vector<Order>, int64_t> Search(const OrderFilter& filter);

  // Completes what is empty (id, order number, StudyInstanceUID, accession number in `accessionFormat`,
  // times) and stores it. Throws Conflict if the accession number is taken.
  Order Insert(Order order, const std::string& accessionFormat);
  // Everything but the state and what never changes. Throws Conflict as above.
  void Update(const Order& order);
  // Throws Conflict if studies are linked to it.
  void Delete(const std::string& id);

  // Moves the order on, and records it; nothing if it is in that state already. Throws Conflict if that is no
  // legal transition. True if it moved.
  bool Move(Order& order, OrderState to, const std::string& by, const std::string& notes = "");
  // Puts an order back whose images turned out to be of another one, or whose appointment is gone, and
  // records it.
  void PutBack(Order& order, OrderState to, const std::string& by, const std::string& notes);
  std::vector<OrderTransition> Transitions(const std::string& id);

  std::vector<OrderLink> LinksOfStudy(const std::string& orthancStudyId);
  std::vector<OrderLink> LinksOfOrder(const std::string& orderId);  // the last linked first
  void PutLink(const OrderLink& link);
  void RemoveLink(const std::string& orthancStudyId, const std::string& orderId);

  // Of the studies received since then whose patient is decided, those without a link and without a review.
  std::vector<std::string> UnlinkedStudies(Timestamp since, int64_t limit);

  std::optional<OrderReview> FindReview(const std::string& orthancStudyId);
  std::pair<std::vector<OrderReview>, int64_t> Reviews(const PracticeScope& practices, int64_t limit,
                                                       int64_t offset);
  void PutReview(const OrderReview& review);
  void RemoveReview(const std::string& orthancStudyId);

  // Numbers a change of the order or of one of its appointments.
  void NoteChange(const std::string& id);
  // At most `limit` orders whose change has a greater number than `after`, in order; the second is the
  // number.
  std::vector<std::pair<std::string, int64_t>> ChangedSince(int64_t after, int64_t limit);

  // The orders that still wait for images, and the number of the last change of any order before they were
  // read: where an index in memory begins.
  std::pair<std::vector<std::string>, int64_t> Open();

  // The next number of a sequence; no two transactions get the same.
  int64_t NextNumber(const std::string& sequence);

private:
  void Record(Order& order, OrderState to, const std::string& by, const std::string& notes);
  std::vector<Order> Fetch(const std::string& tail, const std::vector<std::string>& values);
  std::string NewAccessionNumber(const std::string& format, int year);

  Transaction& transaction_;
};

// "{year}" and "{number}" (at least five digits) are replaced; throws BadInput unless the format has a
// {number} and what comes out fits DICOM's SH (16 characters, no backslash).
ORTHANC_CLINIC_API std::string FormatAccessionNumber(const std::string& format, int year, int64_t number);
}  // namespace OrthancClinic
