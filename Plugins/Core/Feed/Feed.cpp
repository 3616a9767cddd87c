// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Feed/Feed.h"

#include <algorithm>

#include <fmt/format.h>

#include "Core/Log.h"
#include "Core/Thread.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
namespace
{
constexpr int BATCH = 200;

// Instances of one association come every few milliseconds: a pause between two looks makes one batch of
// them, and leaves the processor and the disk to the ingest. The first instance after a silence does not
// wait.
constexpr Milliseconds PAUSE(100);

// Without a wake-up (another process stored something, or the hint was lost).
constexpr Milliseconds POLL_ALONE(5'000);
constexpr Milliseconds POLL_SHARED(250);

constexpr Milliseconds LONGEST_RETRY(5'000);
constexpr std::chrono::hours SWEEP_EVERY(24);
}  // namespace

Feed::Feed(Database& database, IOrthanc& orthanc, std::string orthancIndex)
    : database_(database), orthanc_(orthanc), orthancIndex_(std::move(orthancIndex))
{
}

Feed::~Feed()
{
  Stop();
}

void Feed::Subscribe(std::unique_ptr<IFeedSubscriber> subscriber)
{
  auto reader = std::make_unique<Reader>();
  reader->lag.subscriber = subscriber->Name();
  reader->subscriber = std::move(subscriber);
  readers_.push_back(std::move(reader));
}

void Feed::Start()
{
  stopping_ = false;
  for (const auto& reader : readers_)
  {
    threads_.push_back(
        StartThread("feed-" + reader->lag.subscriber, [this, &reader = *reader] { Run(reader); }));
  }
}

void Feed::Stop()
{
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakeUp_.notify_all();
  for (std::thread& thread : threads_)
  {
    thread.join();
  }
  threads_.clear();
}

void Feed::Wake() noexcept
{
  {
    const std::lock_guard lock(mutex_);  // never held across I/O
    wake_++;
  }
  wakeUp_.notify_all();
}

std::vector<Feed::Lag> Feed::GetLag() const
{
  const std::lock_guard lock(mutex_);
  std::vector<Lag> lag;
  for (const auto& reader : readers_)
  {
    lag.push_back(reader->lag);
  }
  return lag;
}

void Feed::StudyDeleted(const std::string& orthancId) noexcept
{
  try
  {
    const std::lock_guard lock(mutex_);
    for (const auto& reader : readers_)
    {
      reader->deleted.push_back(orthancId);
    }
    wake_++;
  }
  catch (const std::bad_alloc&)
  {
    // The daily sweep finds it.
  }
  wakeUp_.notify_all();
}

void Feed::TellDeleted(Reader& reader)
{
  std::vector<std::string> deleted;
  {
    const std::lock_guard lock(mutex_);
    deleted = reader.deleted;
  }
  if (deleted.empty())
  {
    return;
  }
  Transaction transaction(database_);
  reader.subscriber->Deleted(transaction, deleted);
  transaction.Commit();
  const std::lock_guard lock(mutex_);
  reader.deleted.erase(reader.deleted.begin(),
                       reader.deleted.begin() + static_cast<ptrdiff_t>(deleted.size()));
}

void Feed::Run(Reader& reader)
{
  Milliseconds retry(100);
  std::string previous;
  while (!stopping_)
  {
    {
      const std::lock_guard lock(mutex_);
      reader.seen = wake_;
    }
    std::string error;
    bool more = false;
    try
    {
      TellDeleted(reader);
      more = ReadBatch(reader);
      if (!more)
      {
        SweepIfDue(reader, false);
      }
      retry = Milliseconds(100);
    }
    catch (const std::exception& failure)
    {
      error = failure.what();
    }
    catch (...)
    {
      error = "An error of unknown kind";
    }

    if (error != previous)
    {
      // Not under the mutex, for which the store callback waits.
      if (error.empty())
      {
        LogWarning("The feed " + reader.lag.subscriber + " goes on");
      }
      else
      {
        LogError("The feed " + reader.lag.subscriber + " waits and will try again: " + error);
      }
      previous = error;
    }

    std::unique_lock lock(mutex_);
    reader.lag.error = error;
    reader.lag.caughtUp = error.empty() && !more;
    if (!error.empty())
    {
      wakeUp_.wait_for(lock, retry, [this] { return stopping_.load(); });
      retry = std::min(retry * 2, LONGEST_RETRY);
    }
    else if (!more)
    {
      wakeUp_.wait_for(lock, PAUSE, [this] { return stopping_.load(); });
      wakeUp_.wait_for(lock, database_.IsPostgreSql() ? POLL_SHARED : POLL_ALONE,
                       [&] { return stopping_ || wake_ != reader.seen; });
    }
  }
}

int64_t Feed::ReadCursor(Reader& reader)
{
  const std::string& name = reader.lag.subscriber;
  {
    long long position = 0;
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    const bool found = transaction.Sql(
        [&](soci::session& sql)
        {
          std::string sweptAt;
          soci::indicator isSwept = soci::i_null;
          sql << "SELECT position, swept_at FROM feed_cursors WHERE orthanc_index = :log AND subscriber = "
                 ":name",
              soci::use(orthancIndex_), soci::use(name), soci::into(position), soci::into(sweptAt, isSwept);
          if (sql.got_data() && isSwept == soci::i_ok)
          {
            reader.sweptAt = std::max(reader.sweptAt, ParseTimestamp(sweptAt).value());
          }
          return sql.got_data();
        });
    transaction.Commit();
    if (found)
    {
      return position;
    }
  }

  Transaction transaction(database_);
  transaction.Sql(
      [&](soci::session& sql)
      {
        sql << "INSERT INTO feed_cursors (orthanc_index, subscriber, position) VALUES (:log, :name, 0) "
               "ON CONFLICT DO NOTHING",
            soci::use(orthancIndex_), soci::use(name);
      });
  transaction.Commit();
  return 0;
}

bool Feed::ReadBatch(Reader& reader)
{
  const std::string& name = reader.lag.subscriber;
  const long long position = ReadCursor(reader);
  const Json::Value log = orthanc_.Get(fmt::format("/changes?since={}&limit={}", position, BATCH));
  std::vector<Change> changes;
  for (const Json::Value& row : log["Changes"])
  {
    changes.push_back({row["Seq"].asInt64(), row["ChangeType"].asString(), row["ID"].asString()});
  }
  if (changes.empty())
  {
    // A log that ends before the cursor was emptied or replaced.
    if (log["Last"].asInt64() < position)
    {
      LogWarning("The change log ends before the cursor of " + name + ": it was replaced");
      Transaction transaction(database_);
      transaction.Sql(
          [&](soci::session& sql)
          {
            sql << "UPDATE feed_cursors SET position = 0 WHERE orthanc_index = :log AND subscriber = :name",
                soci::use(orthancIndex_), soci::use(name);
          });
      transaction.Commit();
      return true;
    }
    const std::lock_guard lock(mutex_);
    reader.lag.position = position;
    return false;
  }
  // SQLite's and PostgreSQL's numbers may have gaps after a rollback; a sweep that finds nothing costs
  // little.
  if (changes.front().sequence > position + 1)
  {
    SweepIfDue(reader, true);
  }

  const std::function<void(Transaction&)> write = reader.subscriber->Read(changes);
  const long long next = changes.back().sequence;
  Transaction transaction(database_);
  const bool first = transaction.Sql(
      [&](soci::session& sql)
      {
        // First of all: it makes another process that read the same rows wait, and then find them done.
        soci::statement move =
            (sql.prepare << "UPDATE feed_cursors SET position = :next WHERE orthanc_index = :log "
                            "AND subscriber = :name AND position = :position",
             soci::use(next), soci::use(orthancIndex_), soci::use(name), soci::use(position));
        move.execute(true);
        return move.get_affected_rows() == 1;
      });
  if (first)
  {
    write(transaction);
    transaction.Commit();
  }
  const std::lock_guard lock(mutex_);
  reader.lag.position = next;
  return !log["Done"].asBool();
}

void Feed::SweepIfDue(Reader& reader, bool now)
{
  // A gap that stays (an emptied log) is swept once, not with every batch.
  if (Now() < reader.sweptAt + (now ? std::chrono::minutes(1) : std::chrono::minutes(SWEEP_EVERY)))
  {
    return;
  }
  reader.sweptAt = Now();
  reader.subscriber->Sweep(stopping_);
  if (stopping_)
  {
    return;
  }
  Transaction transaction(database_);
  transaction.Sql(
      [&](soci::session& sql)
      {
        const std::string at = ToString(reader.sweptAt);
        sql << "UPDATE feed_cursors SET swept_at = :at WHERE orthanc_index = :log AND subscriber = :name",
            soci::use(at), soci::use(orthancIndex_), soci::use(reader.lag.subscriber);
      });
  transaction.Commit();
}
}  // namespace OrthancClinic
