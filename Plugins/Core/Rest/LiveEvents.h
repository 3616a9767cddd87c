// SPDX-License-Identifier: GPL-3.0-or-later
//
// Events as they happen, for a browser's EventSource. Orthanc gives a plugin no answer that stays open, so
// each answer is complete: the request is held until an event comes or its time is over, and EventSource
// connects again by itself, with the id of what it has seen. A held request holds one of Orthanc's HTTP
// threads: only so many are held, the others are answered at once and told to come again later.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
struct LiveQuery
{
  std::optional<int64_t> since = {};  // the last event that the caller knows; nothing: only what is new
  std::string type = {};              // empty: of every type
  PracticeScope practices = {};
  int64_t limit = 100;
};

class ORTHANC_CLINIC_API LiveEvents
{
public:
  static constexpr Milliseconds HOLD{20'000};  // below the minute of proxies
  static constexpr Milliseconds RETRY{200};    // until EventSource asks again
  static constexpr Milliseconds RETRY_WHEN_FULL{5'000};

  // Holds at most `places` requests at once, each for at most `hold`.
  LiveEvents(Database& database, unsigned places, Milliseconds hold = HOLD);

  // A whole body of text/event-stream: the events, if need be after waiting for the first, and in any case an
  // `id` from which the next call goes on. Thread-safe.
  std::string Wait(const LiveQuery& query);

  // Answers everybody who waits, and whoever will come, at once.
  void Stop();

  std::string ToPrometheus() const;

private:
  struct Found
  {
    std::vector<Event> events;
    int64_t next = 0;  // from which to go on
  };
  Found Look(const LiveQuery& query, std::optional<int64_t> since);

  Database& database_;
  const unsigned places_;
  const Milliseconds hold_;
  std::atomic<unsigned> held_{0};
  std::atomic<uint64_t> answered_{0};
  std::atomic<uint64_t> notHeld_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t commits_ = 0;   // in this process, guarded by mutex_, as the next
  bool stopping_ = false;  // for good
  std::shared_ptr<void> listening_;
};
}  // namespace OrthancClinic
