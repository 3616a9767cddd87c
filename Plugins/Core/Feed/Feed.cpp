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

// PostgreSQL commits in another order than it numbers: a number that is missing before a row so young may
// still come.
constexpr Milliseconds GAP_CERTAIN(5'000);
constexpr Milliseconds GAP_POLL(100);

// Instances of one association come every few milliseconds: a pause between two looks makes one batch of
// them, and leaves the processor and the disk to the ingest. The first instance after a silence does not
// wait.
constexpr Milliseconds PAUSE(100);

// Without a wake-up (another process stored something, or the hint was lost).
constexpr Milliseconds POLL_ALONE(5'000);
constexpr Milliseconds POLL_SHARED(250);

constexpr Milliseconds LONGEST_RETRY(5'000);
constexpr std::chrono::hours SWEEP_EVERY(24);

constexpr std::chrono::minutes BETWEEN_SWEEPS(1);
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
  // SQLite has one writer at a time, so that what is missing in its log is gone for good.
  commitsOutOfOrder_ = !orthanc_.Get("/system")["DatabaseBackendPlugin"].isNull();
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
        SweepIfDue(reader);
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
      wakeUp_.wait_for(lock,
                       reader.waitsForGap         ? GAP_POLL
                       : database_.IsPostgreSql() ? POLL_SHARED
                                                  : POLL_ALONE,
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

bool Feed::MoveCursor(Transaction& transaction, const Reader& reader, int64_t from, int64_t to, bool complete)
{
  return transaction.Sql(
      [&](soci::session& sql)
      {
        const long long position = from;
        const long long next = to;
        const std::string forgetSweep = complete ? "" : ", swept_at = NULL";
        soci::statement move =
            (sql.prepare << "UPDATE feed_cursors SET position = :next" + forgetSweep +
                                " WHERE orthanc_index = :log AND subscriber = :name AND position = "
                                ":position",
             soci::use(next), soci::use(orthancIndex_), soci::use(reader.lag.subscriber),
             soci::use(position));
        move.execute(true);
        return move.get_affected_rows() == 1;
      });
}

bool Feed::IsEmptiedAfter(int64_t position)
{
  const Json::Value first = orthanc_.Get("/changes?since=0&limit=1")["Changes"];
  return first.empty() || first[0]["Seq"].asInt64() > position + 1;
}

std::vector<Change> Feed::ReadChanges(const Json::Value& rows, int64_t position) const
{
  std::vector<Change> changes;
  int64_t previous = position;
  for (const Json::Value& row : rows)
  {
    const int64_t sequence = row["Seq"].asInt64();
    const auto written = ParseOrthancTime(row["Date"].asString());
    if (commitsOutOfOrder_ && sequence > previous + 1 && written && Now() < *written + GAP_CERTAIN)
    {
      break;
    }
    changes.push_back({sequence, row["ChangeType"].asString(), row["ID"].asString()});
    previous = sequence;
  }
  return changes;
}

bool Feed::ReadBatch(Reader& reader)
{
  const int64_t position = ReadCursor(reader);
  const Json::Value log = orthanc_.Get(fmt::format("/changes?since={}&limit={}", position, BATCH));
  const std::vector<Change> changes = ReadChanges(log["Changes"], position);
  // `Last` is the greatest number ever given, whatever is left of the log.
  const int64_t last = log["Last"].asInt64();
  const bool gap =
      changes.empty() ? log["Changes"].empty() && last != position : changes.front().sequence > position + 1;
  const bool emptied = gap && (last < position || IsEmptiedAfter(position));
  if (emptied)
  {
    LogWarning("The change log was emptied or replaced: the studies will be compared with the records");
  }

  if (changes.empty())
  {
    if (emptied)
    {
      Transaction transaction(database_);
      if (MoveCursor(transaction, reader, position, last < position ? 0 : last, false))
      {
        reader.sweptAt = {};
      }
      transaction.Commit();
      return true;
    }
    const std::lock_guard lock(mutex_);
    reader.lag.position = position;
    reader.waitsForGap = !log["Changes"].empty();
    return false;
  }

  const std::function<void(Transaction&)> write = reader.subscriber->Read(changes);
  const int64_t next = changes.back().sequence;
  Transaction transaction(database_);
  // First of all: it makes another process that read the same rows wait, and then find them done.
  if (MoveCursor(transaction, reader, position, next, !emptied))
  {
    write(transaction);
    transaction.Commit();
    if (emptied)
    {
      reader.sweptAt = {};
    }
  }
  const std::lock_guard lock(mutex_);
  reader.lag.position = next;
  reader.waitsForGap = false;
  return !log["Done"].asBool() || changes.size() < log["Changes"].size();
}

void Feed::SweepIfDue(Reader& reader)
{
  const Timestamp now = Now();
  const bool due = now >= reader.sweptAt + SWEEP_EVERY;
  if (due ? now < reader.triedAt + BETWEEN_SWEEPS : reader.triedAt != Timestamp{})
  {
    return;
  }
  reader.triedAt = now;
  reader.subscriber->Sweep(due ? SweepDepth::Content : SweepDepth::Existence, stopping_);
  if (stopping_ || !due)
  {
    return;
  }
  reader.sweptAt = now;
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
