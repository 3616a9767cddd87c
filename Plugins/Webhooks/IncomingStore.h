// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tables of what CRMs have told, within one transaction of the caller: so that an event counts once, an
// older one does not undo a later one, and what was deleted stays deleted.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Timestamp.h"
#include "IncomingSender.h"

namespace OrthancClinic::Webhooks
{
struct IncomingRecord
{
  std::optional<Timestamp> version;  // of the last event that was taken
  bool deleted = false;
};

class IncomingStore
{
public:
  // Events and records are those of one practice.
  IncomingStore(Transaction& transaction, std::string practiceId)
      : transaction_(transaction), practiceId_(std::move(practiceId))
  {
  }

  // False if the event was told already. Another one who tells it at the same time waits for
  // this transaction.
  bool Remember(const std::string& eventId);

  // Nobody else changes it until the transaction ends.
  IncomingRecord Lock(const std::string& kind, const std::string& id);
  void Put(const std::string& kind, const std::string& id, Timestamp version, bool deleted);
  bool IsDeleted(const std::string& kind, const std::string& id);

  // Events, and records that were deleted, of before; of every practice.
  static void Forget(Transaction& transaction, Timestamp before);

private:
  Transaction& transaction_;
  const std::string practiceId_;
};

class IncomingSenderStore
{
public:
  explicit IncomingSenderStore(Transaction& transaction) : transaction_(transaction) {}

  std::vector<IncomingSender> List();
  std::optional<IncomingSender> Find(const std::string& id);
  void Put(const IncomingSender& sender);
  void Delete(const std::string& id);

private:
  Transaction& transaction_;
};
}  // namespace OrthancClinic::Webhooks
