// SPDX-License-Identifier: GPL-3.0-or-later
//
// A viewer fetches a study in hundreds of requests: one look, and one record in the audit trail.

#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Identity/AuditEntry.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
// Thread-safe.
class ORTHANC_CLINIC_API LookLog
{
public:
  explicit LookLog(Database& database) : database_(database) {}

  // Writes the entry, unless the same principal did the same to the same study (or by the same `route` of its
  // detail, if it is about none) within five minutes. Throws if it cannot be written: then nothing is shown.
  void Write(const AuditEntry& entry);

  // In any case.
  void WriteAlways(const AuditEntry& entry);

private:
  Database& database_;
  std::mutex mutex_;
  std::unordered_map<std::string, Timestamp> written_;
};
}  // namespace OrthancClinic
