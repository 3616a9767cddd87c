// SPDX-License-Identifier: GPL-3.0-or-later
//
// The table of tasks, within one transaction of the caller.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Tasks/Task.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API TaskStore
{
public:
  explicit TaskStore(Transaction& transaction) : transaction_(transaction) {}

  // Adds the task, or makes the one of the same kind and key due at `dueAt` with the new payload: one that is
  // running runs once more after it has ended, a dead one comes back to life.
  void Enqueue(const std::string& kind, const std::string& key,
               const Json::Value& payload = Json::objectValue, Timestamp dueAt = Now());

  // Forgets the task, if it exists; one that is running loses its lease.
  void Cancel(const std::string& kind, const std::string& key);
  // The same, but one that is running goes on.
  void CancelWaiting(const std::string& kind, const std::string& key);

  // Leases at most `limit` tasks that are due, the longest due first, and counts the attempt.
  std::vector<Task> Lease(const std::string& kind, const std::string& lease, Timestamp until, int limit);

  // Makes those of this kind that wait for a later moment due now; only those whose key begins with `prefix`,
  // which is of ASCII.
  void Hasten(const std::string& kind, const std::string& prefix = "");

  // When the next task of this kind is due; nothing if none waits.
  std::optional<Timestamp> NextDue(const std::string& kind);

  // A task's id and the name of its lease.
  using Leased = std::pair<std::string, std::string>;

  // Prolongs the leases of this owner (whose names start with "owner:"). A task that is not among `held` has
  // a worker that could not say how it ended: it is given back, due at `dueAt`, and counted in the result.
  int Keep(const std::string& owner, const std::set<Leased>& held, Timestamp until, Timestamp dueAt);

  // Makes tasks due again whose lease has ended (their worker died); all of them if `everyLease`.
  void Recover(bool everyLease);

  // Ends the task: deletes it, or makes it due again if it was enqueued anew meanwhile. Throws Conflict if
  // the lease was lost: then nothing of this transaction may be committed.
  void Complete(const Task& task, const std::string& lease);

  // Gives the task back: due at `dueAt`, or dead without it. Does nothing if the lease was lost.
  void Fail(const Task& task, const std::string& lease, const std::string& error,
            std::optional<Timestamp> dueAt);

  // Gives the task back as if it had never been leased.
  void Release(const Task& task, const std::string& lease);

  std::optional<Task> Find(const std::string& id);
  bool Exists(const std::string& kind, const std::string& key);
  std::pair<std::vector<Task>, int64_t> List(const std::string& kind, const std::string& state, int64_t limit,
                                             int64_t offset);

  // How many tasks there are, by kind and state.
  std::map<std::pair<std::string, TaskState>, int64_t> Count();

  // For a person: make a dead (or waiting) task due now; delete a dead task. Throw NotFound, or Conflict
  // where the state does not allow it.
  void Retry(const std::string& id);
  void Discard(const std::string& id);

private:
  Transaction& transaction_;
};
}  // namespace OrthancClinic
