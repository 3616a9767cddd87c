// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happened, in the order in which it was committed: `study.received`, `study.matched`, … An event is
// written in the transaction of the fact, and the parts of the bundle that act on it enqueue their tasks in
// that same transaction. Clients read by number (GET /api/v1/events?since=).

#pragma once

#include <json/value.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Records/PracticeScope.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
struct ORTHANC_CLINIC_API Event
{
  int64_t serial = 0;  // grows with every event; has gaps
  std::string type;
  std::string practiceId;
  Json::Value data;  // identifiers and states, never demographics
  Timestamp createdAt{};
};

ORTHANC_CLINIC_API Json::Value ToJson(const Event& event);

class ORTHANC_CLINIC_API EventLog
{
public:
  // `subscriber` runs within the emitting transaction: it may write to the database (enqueue a task), and
  // must not do anything else. Only before the first Emit.
  void On(const std::string& type, std::function<void(Transaction&, const Event&)> subscriber);

  // `subscriber` gets every event with its number, just before the commit: while it runs, nobody else's
  // events are numbered. Otherwise as On.
  void OnEach(std::function<void(Transaction&, const Event&)> subscriber);

  void Emit(Transaction& transaction, const std::string& type, const std::string& practiceId,
            const Json::Value& data) const;

  // At most `limit` events whose serial is greater than `since`, in order; of one type, unless that is empty.
  static std::vector<Event> Since(Transaction& transaction, int64_t since, const std::string& type,
                                  int64_t limit, const PracticeScope& practices = {});

  // The serial of the last event; 0 if there is none.
  static int64_t Last(Transaction& transaction);

private:
  std::multimap<std::string, std::function<void(Transaction&, const Event&)>> subscribers_;
  std::vector<std::function<void(Transaction&, const Event&)>> followers_;
};
}  // namespace OrthancClinic
