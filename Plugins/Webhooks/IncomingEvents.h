// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a CRM tells of its patients, leads, appointments and orders: {event, data, id, timestamp}. Events come
// more than once and in any order, and end in the same records all the same: the newest of a record counts,
// and at the same time its deletion.

#pragma once

#include <json/value.h>

#include <functional>
#include <string>

#include "Core/Database/Database.h"
#include "Core/Identity/Principal.h"
#include "Core/Records/Practice.h"
#include "Core/Rest/RecordWriter.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic::Webhooks
{
// The practice of the CRM's user, if `sender` may write there. Throws BadInput if it is not exactly one.
Practice PracticeOfUser(Transaction& transaction, const Principal& sender, const std::string& userId);

class IncomingEvents
{
public:
  // The writer of a kind of records; nullptr if nobody has it.
  using FindWriter = std::function<const RecordWriter*(const std::string& kind)>;

  IncomingEvents(Database& database, FindWriter findWriter, int retentionDays)
      : database_(database), findWriter_(std::move(findWriter)), retentionDays_(retentionDays)
  {
  }

  struct Result
  {
    std::string status;  // "created", "updated", "unchanged", "deleted", "merged", "duplicate", "ignored"
    std::string message = {};  // why it was ignored
  };

  // Takes one event, in a transaction of its own. Throws BadInput; NotFound where what it refers to may still
  // come; Conflict; Unavailable.
  Result Apply(const Principal& sender, const Json::Value& event);

  // Takes each of an array, whatever becomes of the others: {results: [{id, status, message, error, errors,
  // retry}], <number by status>}, in their order. Throws Unavailable alone.
  Json::Value ApplyAll(const Principal& sender, const Json::Value& events);

  // Forgets daily what is older than the retention.
  TaskKind Task();
  void Start();

private:
  struct Envelope;
  Result Put(Transaction& transaction, const Envelope& event);
  Result Delete(Transaction& transaction, const Envelope& event, const std::string& id);
  Result Merge(Transaction& transaction, const Envelope& event);

  Database& database_;
  const FindWriter findWriter_;
  const int retentionDays_;
};
}  // namespace OrthancClinic::Webhooks
