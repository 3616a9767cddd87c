// SPDX-License-Identifier: GPL-3.0-or-later
//
// A target that people made by REST (a "vendor neutral archive" in the dental CRM's words), and the table of
// them.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Records/PracticeScope.h"
#include "Core/Timestamp.h"
#include "ReplicationOptions.h"

namespace OrthancClinic::Replication
{
struct Vna
{
  std::string id;
  std::string practiceId;
  int priority = 0;  // the lowest number first
  bool isDefault = false;

  // As the API has it: "name", "type", "endpoint", "aeTitle", "host", "port", "bucket", "region",
  // "pathPrefix", "jurisdiction", "privacyImpactAssessment", "routingRules".
  Json::Value document = Json::objectValue;

  // "accessKeyId" and "secretAccessKey", or "accountName" and "accountKey"; never shown
  Json::Value credentials = Json::objectValue;
  int64_t serial = 0;  // of its last change
  Timestamp createdAt{};
  Timestamp updatedAt{};
};

// How it is used. Throws BadInput with the fields that are missing, or that name what cannot be done here.
TargetOptions ToTarget(const Vna& vna);

// Whether both name the same place, so that what one holds the other holds.
bool SamePlace(const TargetOptions& one, const TargetOptions& other);

// Within one transaction of the caller.
class VnaStore
{
public:
  explicit VnaStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Vna> Find(const std::string& id);
  std::optional<Vna> FindForUpdate(
      const std::string& id);  // nobody else changes it until the transaction ends
  std::vector<Vna> List(const PracticeScope& practices = {});  // by priority, then by age
  bool Any();

  // Grows with every change.
  int64_t Watermark();

  // Stores it, new or in the place of the one with its id, and stamps its times and `serial`. The default is
  // the only one of its practice.
  void Put(Vna& vna);

  void Delete(const Vna& vna);

private:
  std::vector<Vna> Fetch(const std::string& tail, const std::vector<std::string>& values);

  Transaction& transaction_;
};
}  // namespace OrthancClinic::Replication
