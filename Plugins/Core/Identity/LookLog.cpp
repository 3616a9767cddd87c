// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Identity/LookLog.h"

#include "Core/Identity/AuditTrail.h"

namespace OrthancClinic
{
namespace
{
constexpr auto LOOK = std::chrono::minutes(5);
constexpr size_t MOST_REMEMBERED = 100'000;
}  // namespace

void LookLog::Write(const AuditEntry& entry)
{
  const std::string key =
      entry.principal.name + "\n" + entry.principal.remoteAddress + "\n" + entry.action + "\n" +
      (entry.studyInstanceUid.empty() ? entry.detail["route"].asString() : entry.studyInstanceUid);
  const Timestamp now = Now();
  {
    const std::lock_guard lock(mutex_);
    const auto known = written_.find(key);
    if (known != written_.end() && now - known->second < LOOK)
    {
      return;
    }
  }
  WriteAlways(entry);
  const std::lock_guard lock(mutex_);
  if (written_.size() > MOST_REMEMBERED)
  {
    written_.clear();
  }
  written_[key] = now;
}

void LookLog::WriteAlways(const AuditEntry& entry)
{
  Transaction transaction(database_);
  AuditTrail::Append(transaction, entry);
  transaction.Commit();
}
}  // namespace OrthancClinic
