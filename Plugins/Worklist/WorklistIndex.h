// SPDX-License-Identifier: GPL-3.0-or-later
//
// The worklist in memory: answers a query by the most selective of its keys, without looking at every item.
// Thread-safe.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <map>
#include <set>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "WorklistItem.h"

namespace OrthancClinic::Worklist
{
// Whose worklist is asked for, and which days of it are shown at all (YYYYMMDD, both included).
struct Scope
{
  std::string practiceId;
  std::string today;
  std::string firstDay;
  std::string lastDay;
  std::string callingAe;
  bool onlyOwnStation = false;
  std::string defaultModality = "OT";
  size_t most = 1000;
};

struct Answers
{
  std::vector<Json::Value> items;         // data sets by tag, the earliest first
  std::vector<std::string> orders;        // of each item
  std::vector<std::string> appointments;  // of each item; empty for an order without
  bool complete = true;                   // false if there were more than Scope::most
};

class WorklistIndex
{
public:
  // Replaces the items of an order.
  void Put(const std::string& orderId, std::vector<WorklistItem> items);

  // `query` is a C-FIND's identifier as JSON by tag, with UTF-8 values. Throws BadInput if it is not one of
  // a worklist.
  Answers Find(const Json::Value& query, const Scope& scope) const;

  size_t Size() const;

  // The orders of a patient.
  std::vector<std::string> OrdersOf(const std::string& patientId) const;

  // Whether an item within these days has a name that ISO_IR 100 cannot write.
  bool NeedsUtf8(const std::string& firstDay, const std::string& lastDay) const;

private:
  using Slot = uint32_t;
  using Slots = std::vector<Slot>;

  // A query's keys with a value.
  struct Query;
  static Query Parse(const Json::Value& json);

  void Link(Slot slot, bool add);
  Slots Candidates(const Query& query, const Scope& scope) const;
  bool Matches(const WorklistItem& item, const Query& query, const Scope& scope,
               Presentation& presentation) const;

  mutable std::shared_mutex mutex_;
  std::vector<WorklistItem> items_;
  Slots free_;
  std::unordered_map<std::string, Slots> byOrder_;
  std::unordered_map<std::string, std::set<std::string>> byPatient_;  // directory's id → orders
  std::unordered_map<std::string, Slots> byKey_;                      // "<tag>=<value>" of identifiers
  std::map<std::string, std::set<Slot>> byDay_;                       // "<practice>|<day>"; day empty: any
  std::set<std::pair<std::string, Slot>> byName_;                     // each folded group
  std::map<std::string, int> beyondLatin1_;                           // day → items
};
}  // namespace OrthancClinic::Worklist
