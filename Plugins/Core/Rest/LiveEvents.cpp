// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/LiveEvents.h"

#include <fmt/format.h>

#include <algorithm>

#include "Core/Configuration/Json.h"

namespace OrthancClinic
{
namespace
{
// How long an event of another process may stay unseen.
constexpr Milliseconds POLL{1'000};

// The event's type stands in the data: an EventSource hands named events to nobody who does not know the
// name.
std::string Write(const std::vector<Event>& events, int64_t next, Milliseconds retry)
{
  std::string body = fmt::format("retry: {}\n", retry.count());
  for (const Event& event : events)
  {
    body += fmt::format("id: {}\ndata: {}\n\n", event.serial, WriteJson(ToJson(event)));
  }
  if (events.empty())
  {
    body += fmt::format("id: {}\n\n", next);
  }
  return body;
}
}  // namespace

LiveEvents::LiveEvents(Database& database, unsigned places, Milliseconds hold)
    : database_(database), places_(places), hold_(hold)
{
  listening_ = database.Listen("events",
                               [this]
                               {
                                 {
                                   const std::lock_guard lock(mutex_);
                                   commits_++;
                                 }
                                 changed_.notify_all();
                               });
}

LiveEvents::Found LiveEvents::Look(const LiveQuery& query, std::optional<int64_t> since)
{
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  Found found;
  // Before the events, so that none can be between both.
  found.next = std::max(since.value_or(0), EventLog::Last(transaction));
  if (since)
  {
    found.events = EventLog::Since(transaction, *since, query.type, query.limit, query.practices);
  }
  transaction.Commit();
  return found;
}

std::string LiveEvents::Wait(const LiveQuery& query)
{
  answered_++;
  uint64_t seen = 0;
  {
    const std::lock_guard lock(mutex_);
    seen = commits_;
  }
  Found found = Look(query, query.since);
  if (!found.events.empty())
  {
    return Write(found.events, found.next, RETRY);
  }

  struct Place
  {
    std::atomic<unsigned>& held;
    const unsigned number;
    explicit Place(std::atomic<unsigned>& h) : held(h), number(++held) {}
    ~Place() { held--; }
  };
  const Place place(held_);
  if (place.number > places_)
  {
    notHeld_++;
    return Write({}, found.next, RETRY_WHEN_FULL);
  }

  const auto end = std::chrono::steady_clock::now() + hold_;
  for (;;)
  {
    {
      std::unique_lock lock(mutex_);
      const auto now = std::chrono::steady_clock::now();
      changed_.wait_until(lock, std::min<std::chrono::steady_clock::time_point>(end, now + POLL),
                          [&] { return stopping_ || commits_ != seen; });
      seen = commits_;
      if (stopping_)
      {
        return Write({}, found.next, RETRY_WHEN_FULL);
      }
    }
    found = Look(query, found.next);
    if (!found.events.empty() || std::chrono::steady_clock::now() >= end)
    {
      return Write(found.events, found.next, RETRY);
    }
  }
}

void LiveEvents::Stop()
{
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

std::string LiveEvents::ToPrometheus() const
{
  return fmt::format(
      "# HELP orthanc_clinic_live_held Requests for live events that are held now.\n"
      "# TYPE orthanc_clinic_live_held gauge\northanc_clinic_live_held {}\n"
      "# HELP orthanc_clinic_live_requests_total Requests for live events.\n"
      "# TYPE orthanc_clinic_live_requests_total counter\northanc_clinic_live_requests_total {}\n"
      "# HELP orthanc_clinic_live_not_held_total Those that had to come again, since all places were taken.\n"
      "# TYPE orthanc_clinic_live_not_held_total counter\northanc_clinic_live_not_held_total {}\n",
      held_.load(), answered_.load(), notHeld_.load());
}
}  // namespace OrthancClinic
