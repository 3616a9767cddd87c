// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a record is written that somebody else keeps (a CRM): by whoever has the record's routes, with the
// checks, the audit record and the events of those routes.

#pragma once

#include <json/value.h>

#include <functional>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Identity/AuditEntry.h"
#include "Core/Rest/Router.h"

namespace OrthancClinic
{
// Each function writes within the caller's transaction, in the name of `by` (its principal and permission;
// the rest is filled in), and throws what the route would answer. What the record does not have is empty.
struct RecordWriter
{
  // Stores the record, a document of its route with its "id": the schema is checked. Returns "created",
  // "updated" or "unchanged".
  std::function<std::string(Transaction&, const AuditEntry& by, const Json::Value& document)> put;
  std::function<void(Transaction&, const AuditEntry& by, const std::string& id)> remove;
  std::function<void(Transaction&, const AuditEntry& by, const std::string& id, const std::string& into)>
      merge;
  std::function<void(Transaction&, const AuditEntry& by, const std::string& id)> unmerge;
};

// The answer of a batch: each of `records` is written whole or not at all, and one that is refused spoils no
// other one. It has the "results" in their order, and how many there are of each of `outcomes` and "failed".
ORTHANC_CLINIC_API Response PutEach(Database& database, const Request& request, const Json::Value& records,
                                    const RecordWriter& writer, const std::vector<std::string>& outcomes);
}  // namespace OrthancClinic
