// SPDX-License-Identifier: GPL-3.0-or-later
//
// The targets as they are now: those of the configuration, and those that people made by REST, in this
// process or in another one. Thread-safe.

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "Core/Timestamp.h"
#include "Replicator.h"

namespace OrthancClinic::Replication
{
class TargetDirectory
{
public:
  TargetDirectory(const ReplicatorParts& parts, const std::vector<TargetOptions>& configured);

  const std::vector<std::shared_ptr<Replicator>>& Configured() const { return configured_; }

  // What another process changed is seen after half a second at most. None of these with a transaction open.
  std::shared_ptr<Replicator> Find(const std::string& name);  // nothing if there is none
  std::vector<std::shared_ptr<Replicator>> All();
  void Reload();  // after a change in this process

  // Without asking the database.
  std::vector<std::shared_ptr<Replicator>> Known() const;

  // Those of the configuration, and the others that hold something of the study or will.
  std::vector<std::shared_ptr<Replicator>> Of(Transaction& transaction, const Study& study) const;

private:
  void ReloadIfOld();

  const ReplicatorParts parts_;
  std::vector<std::shared_ptr<Replicator>> configured_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Replicator>> made_;  // guarded by mutex_, as the next
  int64_t watermark_ = -1;
  Timestamp lookedAt_{};
};
}  // namespace OrthancClinic::Replication
