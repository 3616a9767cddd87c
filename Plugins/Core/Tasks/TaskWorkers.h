// SPDX-License-Identifier: GPL-3.0-or-later
//
// The threads that run tasks: one scheduler leases what is due, each kind of task has its own workers, so
// that a slow kind never delays another. Several processes may work on one database.

#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Errors.h"
#include "Core/Tasks/Measurements.h"
#include "Core/Tasks/Task.h"
#include "Core/Tasks/TaskStore.h"

namespace OrthancClinic
{
// What a handler throws when another attempt cannot help: the task becomes a dead letter at once.
class ORTHANC_CLINIC_API PermanentFailure : public Error
{
public:
  using Error::Error;
};

// A task in the hands of a worker.
class ORTHANC_CLINIC_API RunningTask
{
public:
  RunningTask(Database& database, Task task, std::string lease, const std::atomic<bool>& stopping)
      : database_(database), task_(std::move(task)), lease_(std::move(lease)), stopping_(stopping)
  {
  }

  const Task& Get() const { return task_; }

  // Ends the task in the transaction that writes its result, so that both happen or neither does. A handler
  // that returns without having called it is done as well. Throws Conflict if another worker took over.
  void Complete(Transaction& transaction);

  // Ends this run, and lets the task run again at `until`, as if it had never been tried.
  void PutOff(Timestamp until);

  // Orthanc stops: a long handler should throw Unavailable soon; the task will be run again.
  bool IsStopping() const { return stopping_; }

private:
  friend class TaskWorkers;

  Database& database_;
  Task task_;
  std::string lease_;
  const std::atomic<bool>& stopping_;
  bool completed_ = false;
  bool putOff_ = false;
};

struct ORTHANC_CLINIC_API TaskKind
{
  std::string name;
  std::function<void(RunningTask&)> handler;
  unsigned concurrency = 1;       // at once in this process
  int maxAttempts = 12;           // then it is a dead letter
  Milliseconds firstDelay{1000};  // doubled with each attempt, with jitter of ±50 %
  Milliseconds longestDelay{3600'000};
};

class ORTHANC_CLINIC_API TaskWorkers
{
public:
  explicit TaskWorkers(Database& database);
  ~TaskWorkers();  // stops

  // Only before Start.
  void Register(TaskKind kind);
  std::vector<std::string> Kinds() const;

  void Start();

  // Returns when every handler has ended; what was leased and not begun is given back.
  void Stop();

  // How many attempts ended in this process, by kind: done, failed (will be retried), dead.
  struct Counts
  {
    int64_t done = 0;
    int64_t failed = 0;
    int64_t dead = 0;
  };
  std::map<std::string, Counts> GetCounts() const;

  // Each attempt by its kind; and what else somebody measures. Written while the workers run.
  OrthancClinic::Measurements& Measurements() { return measurements_; }

private:
  struct Kind
  {
    TaskKind description;
    std::deque<std::pair<Task, std::string>> leased;  // with the lease's name; waiting for a thread
    std::set<TaskStore::Leased> held;                 // those, and the ones that run
    unsigned running = 0;
    Counts counts;
  };

  void Schedule();
  void KeepLeases();
  void FlushMeasurements() noexcept;
  // Leases what is due; returns when to look again.
  Timestamp LeaseDue();
  void Work(Kind& kind);
  void Run(Kind& kind, const Task& task, const std::string& lease);
  // How it ended; nothing if it did not, because Orthanc stops.
  std::optional<StepOutcome> GiveUp(Kind& kind, RunningTask& running, const std::string& error,
                                    bool permanent, Milliseconds notBefore = {});

  Database& database_;
  OrthancClinic::Measurements measurements_;
  const std::string owner_;  // distinguishes this process's leases, with a number for each time of leasing
  uint64_t leases_ = 0;      // of the scheduler alone
  mutable std::mutex mutex_;
  std::condition_variable wakeScheduler_;
  std::condition_variable wakeWorkers_;
  bool wake_ = false;
  bool settle_ = false;  // some tasks may be leased in the database alone
  std::atomic<bool> stopping_{false};
  std::map<std::string, Kind> kinds_;
  std::shared_ptr<void> listening_;
  std::vector<std::thread> threads_;
};
}  // namespace OrthancClinic
