// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads Orthanc's change log. Orthanc writes a row of it in the transaction that stores the instance, so that
// a reader with a durable cursor misses nothing, whatever is killed when. Each subscriber has a cursor and a
// thread of its own; the cursor moves in the transaction that writes what the subscriber made of the changes.
//
// Several processes may read the same log with the same database: all read, and the cursor tells who was
// first; the others' work is thrown away.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Orthanc.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
// A row of the log.
struct Change
{
  int64_t sequence = 0;
  std::string type;      // "NewInstance", "NewStudy", …
  std::string resource;  // Orthanc's id
};

enum class SweepDepth
{
  Existence,  // which studies there are: at every start, since a deletion leaves no row in the log
  Content     // also their instances: at the first start, when the log was emptied, and once a day
};

class ORTHANC_CLINIC_API IFeedSubscriber
{
public:
  virtual ~IFeedSubscriber() = default;

  virtual std::string Name() const = 0;  // of the cursor: never changes

  // Reads from Orthanc whatever the changes need, and returns what to write. Called again with the same
  // changes if the writing failed. A resource that no longer exists is skipped.
  virtual std::function<void(Transaction&)> Read(const std::vector<Change>& changes) = 0;

  // Orthanc says that it deleted these studies; the log does not tell it. A hint, lost when the process is
  // killed: the sweep finds what it missed.
  virtual void Deleted(Transaction& transaction, const std::vector<std::string>& studies) = 0;

  // Compare Orthanc with the records and mend the differences.
  virtual void Sweep(SweepDepth depth, const std::atomic<bool>& stopping) = 0;
};

class ORTHANC_CLINIC_API Feed
{
public:
  // `orthancIndex` identifies the log (see Host): another index has another log, whose numbers start anew.
  Feed(Database& database, IOrthanc& orthanc, std::string orthancIndex);
  ~Feed();  // stops

  // Only before Start. The cursor of a new subscriber starts at the beginning of the log: it catches up with
  // the whole archive.
  void Subscribe(std::unique_ptr<IFeedSubscriber> subscriber);

  void Start();
  void Stop();

  // Something was stored. From any thread, never waits for I/O.
  void Wake() noexcept;

  // Orthanc deleted a study. As Wake().
  void StudyDeleted(const std::string& orthancId) noexcept;

  struct Lag
  {
    std::string subscriber;
    int64_t position = 0;
    std::string error;  // why the last try failed; empty if it did not
    bool caughtUp = false;
  };
  std::vector<Lag> GetLag() const;

private:
  struct Reader
  {
    std::unique_ptr<IFeedSubscriber> subscriber;
    Lag lag;                           // guarded by mutex_
    std::vector<std::string> deleted;  // guarded by mutex_
    uint64_t seen = 0;                 // the last wake_ that it has looked after
    Timestamp sweptAt{};  // the last sweep of content that came to its end, as the database has it
    bool waitsForGap = false;
    Timestamp triedAt{};  // the last sweep of this process
  };

  void Run(Reader& reader);
  // The rows up to a gap that may still be filled.
  std::vector<Change> ReadChanges(const Json::Value& rows, int64_t position) const;
  bool IsEmptiedAfter(int64_t position);
  int64_t ReadCursor(Reader& reader);
  void TellDeleted(Reader& reader);
  // Reads and writes one batch; true if there may be more.
  bool ReadBatch(Reader& reader);
  // Moves the cursor in the caller's transaction, unless another process has moved it already: false. Without
  // `complete`, the next sweep is due at once.
  bool MoveCursor(Transaction& transaction, const Reader& reader, int64_t from, int64_t to, bool complete);
  void SweepIfDue(Reader& reader);

  Database& database_;
  IOrthanc& orthanc_;
  const std::string orthancIndex_;
  bool commitsOutOfOrder_ = false;
  mutable std::mutex mutex_;
  std::condition_variable wakeUp_;
  uint64_t wake_ = 0;
  std::atomic<bool> stopping_{false};
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<std::thread> threads_;
};
}  // namespace OrthancClinic
