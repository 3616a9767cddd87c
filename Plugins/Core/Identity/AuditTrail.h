// SPDX-License-Identifier: GPL-3.0-or-later
//
// The audit trail: append-only, each record chained to the one before it by SHA-256, so that a changed or
// missing record shows. Written in the transaction of what it tells, or before an answer is sent.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Identity/AuditEntry.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
// What is empty does not filter.
struct AuditFilter
{
  std::string patientId = {};
  std::string studyInstanceUid = {};
  std::string action = {};
  std::string principal = {};
  std::string outcome = {};
  std::string from = {};  // RFC 3339, inclusive
  std::string to = {};    // exclusive
  int64_t since = 0;      // only records with a greater id
  PracticeScope practices = {};
  int64_t limit = 100;
  int64_t offset = 0;
};

class ORTHANC_CLINIC_API AuditTrail
{
public:
  // Stored when the transaction commits. Throws what AuditEntry::Check() throws.
  static void Append(Transaction& transaction, AuditEntry entry);

  // In the order of writing, `since` and `limit` at a time: for whoever hands them on.
  static std::vector<Json::Value> Next(Transaction& transaction, const AuditFilter& filter);

  // Newest first, with the total number.
  static std::pair<std::vector<Json::Value>, int64_t> List(Transaction& transaction,
                                                           const AuditFilter& filter);

  // The serial of the first record that does not follow from the one before it; nothing if the chain is
  // whole.
  static std::optional<int64_t> FirstBroken(Transaction& transaction);

  // Forgets the records before that time, but not that they were: the chain begins with the hash of the last
  // of them. Returns how many.
  static int64_t Purge(Transaction& transaction, Timestamp before);
};
}  // namespace OrthancClinic
