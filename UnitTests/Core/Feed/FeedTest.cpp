// SPDX-License-Identifier: GPL-3.0-or-later
//
// The feed on change logs that are not as orderly as one would like.

#include "Core/Feed/Feed.h"

#include <gmock/gmock.h>

#include <map>
#include <mutex>

#include "Core/DatabaseFixture.h"
#include "Core/Errors.h"
#include "Support/EmptyOrthanc.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
// Answers what Orthanc 1.10.1 answers.
class FakeLog : public EmptyOrthanc
{
public:
  explicit FakeLog(bool postgreSql) : postgreSql_(postgreSql) {}

  void Add(int64_t sequence, Timestamp at = Now())
  {
    const std::lock_guard lock(mutex_);
    rows_[sequence] = at;
    last_ = std::max(last_, sequence);
  }

  void Empty()
  {
    const std::lock_guard lock(mutex_);
    rows_.clear();
  }

  Json::Value Get(const std::string& path) override
  {
    Json::Value answer;
    if (path == "/system")
    {
      answer["DatabaseBackendPlugin"] =
          postgreSql_ ? Json::Value("libOrthancPostgreSQLIndex.so") : Json::Value();
      return answer;
    }
    long long since = 0;
    int limit = 0;
    if (sscanf(path.c_str(), "/changes?since=%lld&limit=%d", &since, &limit) != 2)
    {
      throw NotFound(path);
    }
    const std::lock_guard lock(mutex_);
    answer["Changes"] = Json::arrayValue;
    answer["Done"] = true;
    answer["Last"] = static_cast<Json::Int64>(last_);
    for (auto row = rows_.upper_bound(since); row != rows_.end(); ++row)
    {
      if (static_cast<int>(answer["Changes"].size()) == limit)
      {
        answer["Done"] = false;
        break;
      }
      Json::Value change;
      change["Seq"] = static_cast<Json::Int64>(row->first);
      change["ChangeType"] = "NewInstance";
      change["ID"] = std::to_string(row->first);
      std::string date = ToString(row->second).substr(0, 19);  // 2026-02-08T10:30:00
      std::erase(date, '-');
      std::erase(date, ':');
      change["Date"] = date;
      answer["Changes"].append(change);
    }
    return answer;
  }

private:
  const bool postgreSql_;
  std::mutex mutex_;
  std::map<int64_t, Timestamp> rows_;
  int64_t last_ = 0;
};

struct Seen
{
  std::mutex mutex;
  std::vector<int64_t> changes;
  std::vector<SweepDepth> sweeps;

  std::vector<int64_t> Changes()
  {
    const std::lock_guard lock(mutex);
    return changes;
  }
  std::vector<SweepDepth> Sweeps()
  {
    const std::lock_guard lock(mutex);
    return sweeps;
  }
};

class Subscriber : public IFeedSubscriber
{
public:
  explicit Subscriber(Seen& seen) : seen_(seen) {}

  std::string Name() const override { return "test"; }
  std::function<void(Transaction&)> Read(const std::vector<Change>& changes) override
  {
    return [this, changes](Transaction&)
    {
      const std::lock_guard lock(seen_.mutex);
      for (const Change& change : changes)
      {
        seen_.changes.push_back(change.sequence);
      }
    };
  }
  void Deleted(Transaction&, const std::vector<std::string>&) override {}
  void Sweep(SweepDepth depth, const std::atomic<bool>&) override
  {
    const std::lock_guard lock(seen_.mutex);
    seen_.sweeps.push_back(depth);
  }

private:
  Seen& seen_;
};

class FeedOn : public DatabaseTest
{
protected:
  std::unique_ptr<Feed> Start(FakeLog& log)
  {
    auto feed = std::make_unique<Feed>(GetDatabase(), log, "index");
    feed->Subscribe(std::make_unique<Subscriber>(seen_));
    feed->Start();
    return feed;
  }

  bool Reads(Feed& feed, const std::vector<int64_t>& changes)
  {
    return WaitUntil(
        [&]
        {
          feed.Wake();
          return seen_.Changes() == changes;
        });
  }

  Seen seen_;
};

TEST_P(FeedOn, ReadsInOrderAndGoesOnWhereItStopped)
{
  FakeLog log(false);
  log.Add(1);
  log.Add(2);
  EXPECT_TRUE(Reads(*Start(log), {1, 2}));
  log.Add(3);
  EXPECT_TRUE(Reads(*Start(log), {1, 2, 3}));
  EXPECT_TRUE(WaitUntil([&] { return !seen_.Sweeps().empty(); }));
  EXPECT_EQ(SweepDepth::Content, seen_.Sweeps().front());
}

TEST_P(FeedOn, WaitsForANumberThatAnotherTransactionHasTakenAndNotCommitted)
{
  FakeLog log(true);
  log.Add(1);
  log.Add(3, Now() + std::chrono::hours(1));  // still young when a slow test comes to the missing one
  const auto feed = Start(log);
  EXPECT_TRUE(Reads(*feed, {1}));

  log.Add(2);

  EXPECT_TRUE(Reads(*feed, {1, 2, 3}));
}

TEST_P(FeedOn, DoesNotWaitForeverForANumberThatNeverComes)
{
  FakeLog log(true);
  log.Add(1);
  log.Add(3);
  const auto feed = Start(log);

  EXPECT_TRUE(Reads(*feed, {1, 3}));
}

TEST_P(FeedOn, DoesNotWaitAtOldHolesNorWhereCommitsAreInOrder)
{
  FakeLog old(true);
  old.Add(2, Now() - std::chrono::hours(1));
  old.Add(4, Now() - std::chrono::hours(1));
  FakeLog ordered(false);
  ordered.Add(2, Now() + std::chrono::hours(1));
  ordered.Add(4, Now() + std::chrono::hours(1));
  for (FakeLog* log : {&old, &ordered})
  {
    Seen seen;
    Feed feed(GetDatabase(), *log, log == &old ? "old" : "ordered");
    feed.Subscribe(std::make_unique<Subscriber>(seen));
    feed.Start();
    EXPECT_TRUE(WaitUntil(
        [&] {
          return seen.Changes() == std::vector<int64_t>({2, 4});
        },
        std::chrono::seconds(4)));  // at a young hole it waits for five
  }
}

TEST_P(FeedOn, SweepsAnEmptiedLogAtTheNextStart)
{
  FakeLog log(false);
  log.Add(1);
  {
    const auto feed = Start(log);
    EXPECT_TRUE(Reads(*feed, {1}));
    EXPECT_TRUE(WaitUntil([&] { return seen_.Sweeps().size() == 1; }));
    EXPECT_TRUE(WaitUntil([&] { return feed->GetLag().front().caughtUp; }));
  }
  log.Add(2);
  log.Empty();

  const auto feed = Start(log);
  EXPECT_TRUE(WaitUntil([&] { return seen_.Sweeps().size() == 2; }));
  EXPECT_EQ(SweepDepth::Content, seen_.Sweeps().back());
  log.Add(3);
  EXPECT_TRUE(Reads(*feed, {1, 3}));
}

TEST_P(FeedOn, ComparesWhatExistsAtEveryStart)
{
  FakeLog log(false);
  log.Add(1);
  {
    const auto feed = Start(log);
    EXPECT_TRUE(Reads(*feed, {1}));
    // The first sweep counts once it has ended.
    EXPECT_TRUE(WaitUntil([&] { return seen_.Sweeps().size() == 1 && feed->GetLag().front().caughtUp; }));
  }

  const auto feed = Start(log);

  EXPECT_TRUE(WaitUntil([&] { return seen_.Sweeps().size() == 2; }));
  EXPECT_EQ(SweepDepth::Existence, seen_.Sweeps().back());
}

ON_BOTH_DATABASES(FeedOn);
}  // namespace
}  // namespace OrthancClinic::Testing
