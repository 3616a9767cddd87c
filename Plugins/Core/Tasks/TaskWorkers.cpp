// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Tasks/TaskWorkers.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "Core/Log.h"
#include "Core/Tasks/Jitter.h"
#include "Core/Thread.h"
#include "Core/Uuid.h"

namespace OrthancClinic
{
namespace
{
// A lease outlives three missed prolongations.
constexpr Milliseconds LEASE(30'000);
constexpr Milliseconds PROLONG_EVERY(10'000);

constexpr Milliseconds FLUSH_EVERY(10'000);  // what was measured

// When a task runs again whose end the database did not take.
constexpr Milliseconds ABANDONED_DELAY(1'000);

// Another process's commits are not told to this one, so that it looks by itself.
constexpr Milliseconds POLL_ALONE(5'000);
constexpr Milliseconds POLL_SHARED(250);

// So many are leased ahead for each worker, in one transaction.
constexpr unsigned AHEAD = 8;

Milliseconds Backoff(const TaskKind& kind, int attempts)
{
  const double doubled =
      static_cast<double>(kind.firstDelay.count()) * std::pow(2.0, std::min(attempts - 1, 30));
  const double delay = std::min(doubled, static_cast<double>(kind.longestDelay.count()));
  return WithJitter(Milliseconds(static_cast<int64_t>(delay)));
}
}  // namespace

void RunningTask::Complete(Transaction& transaction)
{
  TaskStore(transaction).Complete(task_, lease_);
  completed_ = true;
}

void RunningTask::PutOff(Timestamp until)
{
  Transaction transaction(database_);
  Complete(transaction);
  TaskStore(transaction).Enqueue(task_.kind, task_.key, task_.payload, until);
  transaction.Commit();
  putOff_ = true;
}

TaskWorkers::TaskWorkers(Database& database) : database_(database), owner_(NewUuid()) {}

TaskWorkers::~TaskWorkers()
{
  Stop();
}

void TaskWorkers::Register(TaskKind kind)
{
  const std::string name = kind.name;
  if (!kinds_.emplace(name, Kind{std::move(kind), {}, {}, 0, {}}).second)
  {
    throw std::logic_error("Two handlers for the task " + name);
  }
}

std::vector<std::string> TaskWorkers::Kinds() const
{
  std::vector<std::string> names;
  for (const auto& [name, kind] : kinds_)
  {
    names.push_back(name);
  }
  return names;
}

void TaskWorkers::Start()
{
  stopping_ = false;
  if (!database_.IsPostgreSql())
  {
    // The file belongs to this process alone: whoever held a lease is dead, and nobody needs to wait for its
    // end.
    Transaction transaction(database_);
    TaskStore(transaction).Recover(true);
    transaction.Commit();
  }
  listening_ = database_.Listen("tasks",
                                [this]
                                {
                                  {
                                    const std::lock_guard lock(mutex_);
                                    wake_ = true;
                                  }
                                  wakeScheduler_.notify_one();
                                });
  threads_.push_back(StartThread("clinic-tasks", [this] { Schedule(); }));
  for (auto& [name, kind] : kinds_)
  {
    for (unsigned i = 0; i < kind.description.concurrency; i++)
    {
      threads_.push_back(StartThread(name, [this, &kind = kind] { Work(kind); }));
    }
  }
}

void TaskWorkers::Stop()
{
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakeScheduler_.notify_all();
  wakeWorkers_.notify_all();
  for (std::thread& thread : threads_)
  {
    thread.join();
  }
  if (!threads_.empty())
  {
    FlushMeasurements();
  }
  threads_.clear();
  listening_.reset();

  try
  {
    for (auto& [name, kind] : kinds_)
    {
      for (const auto& [task, lease] : kind.leased)
      {
        Transaction transaction(database_);
        TaskStore(transaction).Release(task, lease);
        transaction.Commit();
      }
      kind.leased.clear();
      kind.held.clear();
    }
  }
  catch (const Error& error)
  {
    LogWarning(std::string("Tasks could not be given back, their leases will end by themselves: ") +
               error.what());
  }
}

std::map<std::string, TaskWorkers::Counts> TaskWorkers::GetCounts() const
{
  const std::lock_guard lock(mutex_);
  std::map<std::string, Counts> counts;
  for (const auto& [name, kind] : kinds_)
  {
    counts[name] = kind.counts;
  }
  return counts;
}

void TaskWorkers::Schedule()
{
  Timestamp prolong = Now() + PROLONG_EVERY;
  Timestamp flush = Now() + FLUSH_EVERY;
  bool failing = false;
  while (!stopping_)
  {
    Timestamp next = Now() + (database_.IsPostgreSql() ? POLL_SHARED : POLL_ALONE);
    try
    {
      bool settle = false;
      {
        const std::lock_guard lock(mutex_);
        settle = std::exchange(settle_, false);
      }
      if (settle || Now() >= prolong)
      {
        KeepLeases();
        prolong = Now() + PROLONG_EVERY;
      }
      next = std::min({next, prolong, LeaseDue()});
      if (Now() >= flush)
      {
        FlushMeasurements();
        flush = Now() + FLUSH_EVERY;
      }
      if (failing)
      {
        LogWarning("The tasks go on: the database answers again");
        failing = false;
      }
    }
    catch (const std::exception& error)
    {
      if (!failing)
      {
        LogError(std::string("The tasks wait, the database fails: ") + error.what());
        failing = true;
      }
      next = Now() + Milliseconds(1000);
    }

    std::unique_lock lock(mutex_);
    settle_ = settle_ || failing;  // whether the last transaction was committed is not known
    wakeScheduler_.wait_until(lock, next, [this] { return wake_ || stopping_; });
    wake_ = false;
    if (failing && !stopping_)
    {
      // Its own retries' wake-ups must not make this loop spin.
      wakeScheduler_.wait_for(lock, Milliseconds(200), [this] { return stopping_.load(); });
    }
  }
}

void TaskWorkers::KeepLeases()
{
  // Only this thread leases: what is not held now was given up without the database knowing.
  std::set<TaskStore::Leased> held;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, kind] : kinds_)
    {
      held.insert(kind.held.begin(), kind.held.end());
    }
  }
  Transaction transaction(database_);
  TaskStore store(transaction);
  store.Keep(owner_, held, Now() + LEASE, Now() + ABANDONED_DELAY);
  store.Recover(false);
  transaction.Commit();
}

void TaskWorkers::FlushMeasurements() noexcept
{
  try
  {
    measurements_.Flush(database_);
  }
  catch (const std::exception& error)
  {
    LogWarning(std::string("What was measured waits, the database fails: ") + error.what());
  }
}

Timestamp TaskWorkers::LeaseDue()
{
  Timestamp next = Timestamp::max();
  for (auto& [name, kind] : kinds_)
  {
    int room = 0;
    {
      const std::lock_guard lock(mutex_);
      const unsigned most = kind.description.concurrency * AHEAD;
      const unsigned used = kind.running + static_cast<unsigned>(kind.leased.size());
      room = (used < most) ? static_cast<int>(most - used) : 0;
    }
    if (room == 0)
    {
      continue;  // a worker that ends a task wakes the scheduler
    }

    std::optional<Timestamp> due;
    {
      Transaction transaction(database_, Transaction::Mode::ReadOnly);
      due = TaskStore(transaction).NextDue(name);
      transaction.Commit();
    }
    if (!due)
    {
      continue;
    }
    if (*due > Now())
    {
      next = std::min(next, *due);
      continue;
    }

    const std::string lease = fmt::format("{}:{}", owner_, ++leases_);
    Transaction transaction(database_);
    std::vector<Task> tasks = TaskStore(transaction).Lease(name, lease, Now() + LEASE, room);
    transaction.Commit();
    if (!tasks.empty())
    {
      const std::lock_guard lock(mutex_);
      for (Task& task : tasks)
      {
        kind.held.emplace(task.id, lease);
        kind.leased.emplace_back(std::move(task), lease);
      }
      wakeWorkers_.notify_all();
    }
  }
  return next;
}

void TaskWorkers::Work(Kind& kind)
{
  std::unique_lock lock(mutex_);
  for (;;)
  {
    wakeWorkers_.wait(lock, [&] { return stopping_ || !kind.leased.empty(); });
    if (stopping_)
    {
      return;
    }
    const auto [task, lease] = std::move(kind.leased.front());
    kind.leased.pop_front();
    kind.running++;
    lock.unlock();
    Run(kind, task, lease);
    lock.lock();
    kind.held.erase({task.id, lease});
    kind.running--;
    wake_ = true;
    wakeScheduler_.notify_one();
  }
}

void TaskWorkers::Run(Kind& kind, const Task& task, const std::string& lease)
{
  RunningTask running(database_, task, lease, stopping_);
  const auto begin = std::chrono::steady_clock::now();
  std::optional<StepOutcome> outcome;
  try
  {
    if (task.attempts > kind.description.maxAttempts)
    {
      throw PermanentFailure(task.lastError.value_or("Too many attempts"));
    }
    kind.description.handler(running);
    if (!running.completed_)
    {
      Transaction transaction(database_);
      running.Complete(transaction);
      transaction.Commit();
    }
    outcome = task.attempts > 1 ? StepOutcome::DoneAgain : StepOutcome::Done;
    const std::lock_guard lock(mutex_);
    kind.counts.done++;
  }
  catch (const PermanentFailure& error)
  {
    outcome = GiveUp(kind, running, error.what(), true);
  }
  catch (const Unavailable& error)
  {
    outcome =
        GiveUp(kind, running, error.what(), false, error.RetryAfter().value_or(std::chrono::seconds(0)));
  }
  catch (const std::exception& error)
  {
    outcome = GiveUp(kind, running, error.what(), false);
  }
  catch (...)
  {
    outcome = GiveUp(kind, running, "An error of unknown kind", false);
  }
  if (outcome && !running.putOff_)
  {
    measurements_.Add(task.kind, std::chrono::steady_clock::now() - begin, *outcome);
  }
}

std::optional<StepOutcome> TaskWorkers::GiveUp(Kind& kind, RunningTask& running, const std::string& error,
                                               bool permanent, Milliseconds notBefore)
{
  const Task& task = running.Get();
  try
  {
    Transaction transaction(database_);
    TaskStore store(transaction);
    if (stopping_ && !permanent)
    {
      store.Release(task, running.lease_);
      transaction.Commit();
      return std::nullopt;
    }
    const bool dead = permanent || task.attempts >= kind.description.maxAttempts;
    store.Fail(task, running.lease_, error,
               dead ? std::nullopt
                    : std::optional(Now() + std::max(Backoff(kind.description, task.attempts), notBefore)));
    transaction.Commit();
    const StepOutcome outcome = dead ? StepOutcome::Dead : StepOutcome::Failed;
    const std::lock_guard lock(mutex_);
    (dead ? kind.counts.dead : kind.counts.failed)++;
    if (dead)
    {
      LogError(fmt::format("The task {} ({}) is dead after {} attempts: {}", task.id, task.kind,
                           task.attempts, error));
    }
    else
    {
      LogWarning(
          fmt::format("The task {} ({}) failed and will be tried again: {}", task.id, task.kind, error));
    }
    return outcome;
  }
  catch (const std::exception& second)
  {
    // The scheduler gives it back as soon as the database answers.
    {
      const std::lock_guard lock(mutex_);
      kind.held.erase({task.id, running.lease_});
      settle_ = true;
    }
    LogError(fmt::format("The failure of the task {} ({}) could not be recorded: {}", task.id, task.kind,
                         second.what()));
    return StepOutcome::Failed;
  }
}
}  // namespace OrthancClinic
