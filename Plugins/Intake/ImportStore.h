// SPDX-License-Identifier: GPL-3.0-or-later
//
// The studies that were asked for from remote servers, and how far each is.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Records/PracticeScope.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Intake
{
struct Import
{
  std::string id;
  std::string practiceId;  // the server's
  std::string serverId;
  std::string studyInstanceUid;
  std::string orthancStudyId;    // empty until the server has said whose the study is
  std::string patientId;         // to whom it is filed; empty: not said
  std::string state = "queued";  // then "running"; at last "completed", "failed" or "cancelled"
  int64_t instancesTotal = 0;    // 0: not known yet
  int64_t instancesDone = 0;     // those that are here
  std::string error;             // of the last attempt
  std::string requestedBy;
  Timestamp requestedAt{};
  Timestamp updatedAt{};

  bool IsOpen() const { return state == "queued" || state == "running"; }
};

Json::Value ToJson(const Import& import);

struct ImportFilter
{
  PracticeScope practices = {};  // empty fields do not filter
  std::string serverId = {};
  std::string studyInstanceUid = {};
  std::string state = {};
  int64_t limit = 50;
  int64_t offset = 0;
};

class ImportStore
{
public:
  explicit ImportStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Import> Find(const std::string& id);
  Import Get(const std::string& id);  // throws NotFound

  // The same, and nobody else changes it until the transaction ends.
  Import GetForUpdate(const std::string& id);

  // The one that is under way for this study from this server.
  std::optional<Import> FindOpen(const std::string& serverId, const std::string& studyInstanceUid);

  // The last asked for first; with the total number.
  std::pair<std::vector<Import>, int64_t> Search(const ImportFilter& filter);

  void Insert(const Import& import);
  void Update(const Import& import);  // all but who asked for what

private:
  std::vector<Import> Fetch(const std::string& tail, const std::vector<std::string>& values);

  Transaction& transaction_;
};
}  // namespace OrthancClinic::Intake
