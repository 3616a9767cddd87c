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
class ORTHANC_CLINIC_API AuditTrail
{
public:
  // Stored when the transaction commits.
  static void Append(Transaction& transaction, AuditEntry entry);

  // Newest first; filtered by patient and study unless these are empty. With the total number.
  static std::pair<std::vector<Json::Value>, int64_t> List(Transaction& transaction,
                                                           const std::string& patientId,
                                                           const std::string& studyInstanceUid, int64_t limit,
                                                           int64_t offset);

  // The serial of the first record that does not follow from the one before it; nothing if the chain is
  // whole.
  static std::optional<int64_t> FirstBroken(Transaction& transaction);
};
}  // namespace OrthancClinic
