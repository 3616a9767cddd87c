// SPDX-License-Identifier: GPL-3.0-or-later
//
// The worklist of this process, kept as current as the database: whoever asks brings it up to date first, by
// the numbers of the changes of orders and patients, whichever process wrote them.

#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "Core/Database/Database.h"
#include "Core/Host/Clinic.h"
#include "WorklistIndex.h"
#include "WorklistOptions.h"

namespace OrthancClinic::Worklist
{
class Schedule
{
public:
  Schedule(Database& database, const Options& options) : database_(database), options_(options) {}

  // The index with every change that is committed by now. The first call reads all open orders.
  const WorklistIndex& Current();

  // What a modality is answered; leaves an audit record. Throws Unavailable before all was read once,
  // Forbidden for an AE title that its practice does not name, if it names any.
  WorklistAnswer Answer(const WorklistRequest& request);

  // The practice's list for the REST API.
  Answers List(const std::string& practiceId, const std::string& firstDay, const std::string& lastDay,
               const std::string& station, const std::string& modality, size_t most);

  // Whether a name on today's lists needs ISO_IR 192.
  bool NeedsUtf8();

  bool IsLoaded() const { return loaded_; }
  size_t Size() const { return index_.Size(); }

  // AE titles that were refused, with how often, since the start.
  std::map<std::string, int> Refused() const;

private:
  void Load();
  void Read(Transaction& transaction, const std::string& orderId);
  Scope MakeScope(const std::string& practiceId, const std::string& zone) const;

  Database& database_;
  const Options options_;
  WorklistIndex index_;
  std::mutex mutex_;  // of the one who reads changes; queries do not wait for it
  int64_t orders_ = 0;
  int64_t patients_ = 0;
  std::atomic<bool> loaded_{false};
  mutable std::mutex refusedMutex_;
  std::map<std::string, int> refused_;
};
}  // namespace OrthancClinic::Worklist
