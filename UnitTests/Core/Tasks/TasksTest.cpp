// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Tasks/TaskWorkers.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>

#include "Core/DatabaseFixture.h"
#include "Core/Log.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
class TasksOn : public DatabaseTest
{
protected:
  void Enqueue(const std::string& kind, const std::string& key, Timestamp due = Now())
  {
    Transaction transaction(GetDatabase());
    TaskStore(transaction).Enqueue(kind, key, Json::objectValue, due);
    transaction.Commit();
  }

  std::vector<Task> List(const std::string& state = "")
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    auto tasks = TaskStore(transaction).List("", state, 1000, 0).first;
    transaction.Commit();
    return tasks;
  }

  // Leases as a worker would, without running.
  std::vector<Task> Lease(const std::string& lease, Timestamp until = Now() + Milliseconds(60'000))
  {
    Transaction transaction(GetDatabase());
    auto tasks = TaskStore(transaction).Lease("test", lease, until, 10);
    transaction.Commit();
    return tasks;
  }

  bool Complete(const Task& task, const std::string& lease)
  {
    try
    {
      Transaction transaction(GetDatabase());
      TaskStore(transaction).Complete(task, lease);
      transaction.Commit();
      return true;
    }
    catch (const Conflict&)
    {
      return false;
    }
  }
};

TEST_P(TasksOn, OneOfAKindAndKey)
{
  Enqueue("test", "a");
  Enqueue("test", "a");
  Enqueue("test", "b");
  Enqueue("other", "a");
  EXPECT_EQ(List().size(), 3U);
}

TEST_P(TasksOn, OnesOfAPrefixAreHastened)
{
  for (const char* key : {"a/1", "a/2", "ab/1", "b/1"})
  {
    Enqueue("test", key, Now() + Milliseconds(60'000));
  }
  Enqueue("other", "a/1", Now() + Milliseconds(60'000));
  const auto hasten = [&](const std::string& prefix)
  { WithStore<TaskStore>([&](TaskStore& store) { store.Hasten("test", prefix); }); };
  hasten("a/");
  const auto due = Lease("one:1");
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].key.substr(0, 2), "a/");
  EXPECT_EQ(due[1].key.substr(0, 2), "a/");
  hasten("");
  EXPECT_EQ(Lease("two:1").size(), 2U);
}

TEST_P(TasksOn, ATaskIsLeasedOnceAndNotBeforeItIsDue)
{
  Enqueue("test", "now");
  Enqueue("test", "later", Now() + Milliseconds(60'000));
  const auto first = Lease("one:1");
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].key, "now");
  EXPECT_EQ(first[0].attempts, 1);
  EXPECT_TRUE(Lease("two:1").empty());
}

TEST_P(TasksOn, ALostLeaseCannotComplete)
{
  Enqueue("test", "a");
  const auto first = Lease("one:1", Now() - Milliseconds(1));
  {
    Transaction transaction(GetDatabase());
    TaskStore(transaction).Recover(false);
    transaction.Commit();
  }
  const auto second = Lease("two:1");
  ASSERT_EQ(second.size(), 1U);
  EXPECT_FALSE(Complete(first[0], "one:1"));
  EXPECT_TRUE(Complete(second[0], "two:1"));
  EXPECT_TRUE(List().empty());
}

TEST_P(TasksOn, ATaskEnqueuedWhileItRunsIsDueOnceMore)
{
  Enqueue("test", "a");
  const auto running = Lease("one:1");
  Enqueue("test", "a");
  EXPECT_TRUE(Lease("two:1").empty()) << "it must not run twice at once";
  EXPECT_TRUE(Complete(running[0], "one:1"));
  ASSERT_EQ(List("due").size(), 1U);
  const auto again = Lease("two:2");
  ASSERT_EQ(again.size(), 1U);
  EXPECT_TRUE(Complete(again[0], "two:2"));
}

TEST_P(TasksOn, APersonRetriesAndDiscardsDeadTasksAlone)
{
  Enqueue("test", "a");
  const Task task = Lease("one:1").at(0);
  Transaction transaction(GetDatabase());
  TaskStore store(transaction);
  EXPECT_THROW(store.Retry(task.id), Conflict);
  EXPECT_THROW(store.Discard(task.id), Conflict);
  store.Fail(task, "one:1", "broken", std::nullopt);
  EXPECT_EQ(store.Find(task.id)->state, TaskState::Dead);
  EXPECT_EQ(store.Find(task.id)->lastError, "broken");
  store.Retry(task.id);
  EXPECT_EQ(store.Find(task.id)->state, TaskState::Due);
  EXPECT_EQ(store.Find(task.id)->attempts, 0);
  EXPECT_THROW(store.Discard(task.id), Conflict);
  EXPECT_THROW(store.Retry("missing"), NotFound);
  EXPECT_THROW(store.Discard("missing"), NotFound);
  transaction.Commit();
}

TEST_P(TasksOn, ProlongingKeepsTheLeasesOfItsOwnerAlone)
{
  Enqueue("test", "a");
  Enqueue("test", "b");
  {
    Transaction transaction(GetDatabase());
    const auto held = TaskStore(transaction).Lease("test", "one:1", Now() - Milliseconds(1), 1);
    TaskStore(transaction).Lease("test", "two:1", Now() - Milliseconds(1), 1);
    const Timestamp until = Now() + Milliseconds(60'000);
    EXPECT_EQ(0, TaskStore(transaction).Keep("one", {{held.at(0).id, "one:1"}}, until, Now()));
    TaskStore(transaction).Recover(false);
    transaction.Commit();
  }
  EXPECT_EQ(List("leased").size(), 1U);
  EXPECT_EQ(List("due").size(), 1U);
}

TEST_P(TasksOn, AreKnownByKindAndKey)
{
  Enqueue("test", "a");
  Transaction transaction(GetDatabase());
  EXPECT_TRUE(TaskStore(transaction).Exists("test", "a"));
  EXPECT_FALSE(TaskStore(transaction).Exists("test", "b"));
  EXPECT_FALSE(TaskStore(transaction).Exists("other", "a"));
  transaction.Commit();
}

TEST_P(TasksOn, ALeaseThatNobodyHoldsIsGivenBackAndNotProlonged)
{
  Enqueue("test", "a");
  Enqueue("test", "b");
  const std::vector<Task> leased = Lease("one:1");
  {
    Transaction transaction(GetDatabase());
    const Timestamp until = Now() + Milliseconds(60'000);
    EXPECT_EQ(1, TaskStore(transaction).Keep("one", {{leased.at(1).id, "one:1"}}, until, Now()));
    transaction.Commit();
  }
  ASSERT_EQ(List("due").size(), 1U);
  EXPECT_EQ(List("due")[0].id, leased[0].id);
  EXPECT_FALSE(Complete(leased[0], "one:1"));
  EXPECT_TRUE(Complete(leased[1], "one:1"));
}

TEST_P(TasksOn, ATaskWhoseEndTheDatabaseDidNotTakeRunsAgainSoon)
{
  const auto alter = [this](const std::string& statement)
  {
    Transaction transaction(GetDatabase());
    transaction.Sql([&](soci::session& sql) { sql << statement; });
    transaction.Commit();
  };
  static std::atomic<bool> notRecorded;
  notRecorded = false;
  SetLogSink(
      [](LogLevel, const std::string& message)
      {
        if (message.find("could not be recorded") != std::string::npos)
        {
          notRecorded = true;
        }
      });
  std::atomic<int> runs{0};
  TaskWorkers workers(GetDatabase());
  workers.Register({.name = "test",
                    .handler = [&](RunningTask&)
                    {
                      if (++runs == 1)
                      {
                        alter("ALTER TABLE tasks RENAME TO gone");
                      }
                    }});
  workers.Start();
  Enqueue("test", "a");
  ASSERT_TRUE(WaitUntil([] { return notRecorded.load(); }));
  SetLogSink(nullptr);
  alter("ALTER TABLE gone RENAME TO tasks");
  EXPECT_TRUE(WaitUntil([&] { return runs == 2 && List().empty(); }, std::chrono::seconds(8)));
}

TEST_P(TasksOn, WorkersRunWhatIsEnqueuedAtOnce)
{
  Milliseconds shortest = Milliseconds::max();
  for (int i = 0; i < 3; i++)  // the machine may hold up one of them
  {
    std::atomic<int> runs{0};
    TaskWorkers workers(GetDatabase());
    workers.Register({.name = "test", .handler = [&](RunningTask&) { runs++; }});
    workers.Start();
    const Timestamp begin = Now();
    Enqueue("test", "a");
    ASSERT_TRUE(WaitUntil([&] { return runs == 1 && List().empty(); }));
    shortest = std::min(shortest, Now() - begin);
  }
  EXPECT_LT(shortest, Milliseconds(3000)) << "woken by the commit, not by polling";
}

TEST_P(TasksOn, AFailedTaskIsTriedAgainAndThenDead)
{
  std::atomic<int> runs{0};
  TaskWorkers workers(GetDatabase());
  workers.Register({.name = "test",
                    .handler =
                        [&](RunningTask&)
                    {
                      runs++;
                      throw Unavailable("no");
                    },
                    .maxAttempts = 3,
                    .firstDelay = Milliseconds(10)});
  workers.Start();
  Enqueue("test", "a");
  ASSERT_TRUE(WaitUntil([&] { return List("dead").size() == 1; }));
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(List("dead")[0].lastError, "no");
}

TEST_P(TasksOn, APermanentFailureIsDeadAtOnce)
{
  std::atomic<int> runs{0};
  TaskWorkers workers(GetDatabase());
  workers.Register({.name = "test",
                    .handler = [&](RunningTask&)
                    {
                      runs++;
                      throw PermanentFailure("never");
                    }});
  workers.Start();
  Enqueue("test", "a");
  ASSERT_TRUE(WaitUntil([&] { return List("dead").size() == 1; }));
  EXPECT_EQ(runs, 1);
}

TEST_P(TasksOn, WhateverAHandlerThrowsTheWorkersGoOn)
{
  std::atomic<int> runs{0};
  TaskWorkers workers(GetDatabase());
  workers.Register({.name = "test",
                    .handler = [&](RunningTask& task)
                    {
                      runs++;
                      if (task.Get().key == "bad")
                      {
                        throw 42;
                      }
                    }});
  workers.Start();
  Enqueue("test", "bad");
  Enqueue("test", "good");
  EXPECT_TRUE(WaitUntil([&] { return runs >= 2; }));
}

TEST_P(TasksOn, TwoProcessesShareTheTasksWithoutDoingOneTwice)
{
  if (GetParam() == DatabaseKind::Sqlite)
  {
    GTEST_SKIP() << "an SQLite file belongs to one process";
  }
  constexpr int TASKS = 200;
  std::mutex mutex;
  std::map<std::string, int> runs;
  std::map<int, int> byProcess;
  std::array<std::atomic<bool>, 3> begun{};
  const auto other = MakeAnother();
  const auto kind = [&](int process)
  {
    return TaskKind{.name = "test",
                    .handler =
                        [&, process](RunningTask& task)
                    {
                      begun.at(static_cast<size_t>(process)) = true;
                      WaitUntil([&] { return begun[1] && begun[2]; });  // or the first one does all at once
                      const std::lock_guard lock(mutex);
                      runs[task.Get().key]++;
                      byProcess[process]++;
                    },
                    .concurrency = 2};
  };
  TaskWorkers first(GetDatabase());
  TaskWorkers second(*other);
  first.Register(kind(1));
  second.Register(kind(2));
  first.Start();
  second.Start();
  for (int i = 0; i < TASKS; i++)
  {
    Enqueue("test", std::to_string(i));
  }
  ASSERT_TRUE(WaitUntil([&] { return List().empty(); }));
  first.Stop();
  second.Stop();
  EXPECT_EQ(runs.size(), static_cast<size_t>(TASKS));
  for (const auto& [key, count] : runs)
  {
    EXPECT_EQ(count, 1) << key;
  }
  EXPECT_GT(byProcess[2], 0);
}

TEST_P(TasksOn, StoppingGivesBackWhatWasNotBegun)
{
  std::atomic<bool> go{false};
  std::atomic<int> begun{0};
  {
    TaskWorkers workers(GetDatabase());
    workers.Register({.name = "test",
                      .handler = [&](RunningTask& task)
                      {
                        begun++;
                        while (!go && !task.IsStopping())
                        {
                          std::this_thread::sleep_for(Milliseconds(5));
                        }
                      }});
    workers.Start();
    for (int i = 0; i < 5; i++)
    {
      Enqueue("test", std::to_string(i));
    }
    ASSERT_TRUE(WaitUntil([&] { return begun == 1; }));
  }
  EXPECT_EQ(List("leased").size(), 0U);
  const auto due = List("due");
  EXPECT_EQ(due.size(), 4U);
  for (const Task& task : due)
  {
    EXPECT_EQ(task.attempts, 0);
  }
}

ON_BOTH_DATABASES(TasksOn);
}  // namespace
}  // namespace OrthancClinic::Testing
