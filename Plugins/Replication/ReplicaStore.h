// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tables of replicas, manifests and restores, within one transaction of the caller.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Replication
{
struct Replica
{
  std::string target;
  std::string orthancInstanceId;
  std::string orthancStudyId;
  std::string key;
  std::string transferSyntax;
  int64_t size = 0;
  std::string sha256;
  std::string md5;  // as Orthanc knows it
  std::string state =
      "replicated";  // the target took it; "verified": it was seen there since; "failed": see error
  std::string error;
  Timestamp replicatedAt{};
  std::optional<Timestamp> verifiedAt;
};

struct Manifest
{
  int version = 0;  // 0: there is none, as in a target that keeps no files
  int numberOfInstances = 0;
  std::string content;  // a checksum of what it says, whenever it was written
};

// To which of the targets that have rules an instance goes.
struct InstanceRoute
{
  std::string orthancInstanceId;
  std::string orthancStudyId;
  std::string target;  // empty: to none
  std::string rule;    // the rule that said so; empty: the default
  bool compress = false;
};

struct Restore
{
  std::string id;
  std::string target;
  std::string state;  // "running", "completed", "failed" or "cancelled"
  std::string requestedBy;
  Timestamp requestedAt{};
  int studiesTotal = 0;
  int studiesDone = 0;
  int instancesDone = 0;
  Json::Value errors = Json::arrayValue;
};

class ReplicaStore
{
public:
  explicit ReplicaStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Replica> Find(const std::string& target, const std::string& orthancInstanceId);
  std::vector<Replica> OfStudy(const std::string& target, const std::string& orthancStudyId);
  void Put(const Replica& replica);
  // Writes its state, error and verification, which were found of the copy that it describes. False, and
  // nothing is changed, if that was replaced or forgotten since it was read.
  bool PutFindings(const Replica& replica);
  void Forget(const std::string& target, const std::string& orthancInstanceId);
  std::vector<std::string> Studies(const std::string& target);  // Orthanc's ids

  // A target that holds something of a study.
  struct Holding
  {
    std::string target;
    std::string orthancStudyId;
  };
  // Of this study, or of all that are filed under the patient; of complete ones alone.
  std::vector<Holding> HoldingsOfStudy(const std::string& orthancStudyId);
  std::vector<Holding> HoldingsOfPatient(const std::string& patientId);
  // The ones whose verification is the longest ago.
  std::vector<Replica> LongestUnverified(const std::string& target, int64_t limit);

  // Instances and bytes that the target holds.
  std::pair<int64_t, int64_t> Total(const std::string& target, const std::string& state);

  // `content`: the MD5 of what is uploaded.
  std::optional<std::string> FindUpload(const std::string& target, const std::string& key,
                                        const std::string& content);
  void PutUpload(const std::string& target, const std::string& key, const std::string& content,
                 const std::string& uploadId);
  void ForgetUpload(const std::string& target, const std::string& key);

  Manifest FindManifest(const std::string& target, const std::string& orthancStudyId);
  void PutManifest(const std::string& target, const std::string& orthancStudyId,
                   const std::string& studyInstanceUid, const Manifest& manifest);
  void ForgetManifest(const std::string& target, const std::string& orthancStudyId);

  // Of the targets that have rules: where an instance goes, and what does not have its copy there yet.
  std::optional<InstanceRoute> FindRoute(const std::string& orthancInstanceId);
  void PutRoute(const InstanceRoute& route);
  void ForgetRoute(const std::string& orthancInstanceId);
  void ForgetRoutesOfStudy(const std::string& orthancStudyId);
  void ForgetRoutesTo(const std::string& target);
  int64_t CountRoutes(const std::string& orthancStudyId);     // to a target
  int64_t CountDecisions(const std::string& orthancStudyId);  // the same, and those to none
  // Instances that should have a copy in the target and have none, of a study or of all, and since when the
  // oldest of them.
  std::pair<int64_t, std::optional<Timestamp>> Awaited(const std::string& target,
                                                       const std::string& orthancStudyId = "");
  // Those that were asked to hold something of the study, or do.
  std::vector<std::string> RoutedTargets(const std::string& orthancStudyId);

  // Whether it differs from what was declared last.
  bool Declare(const std::string& target, const std::string& declaration);

  void Insert(const Restore& restore);
  std::optional<Restore> FindRestore(const std::string& id);  // locked until the transaction ends
  void Update(const Restore& restore);

private:
  std::vector<Holding> Holdings(const std::string& condition, const std::string& value);
  std::vector<Replica> Fetch(const std::string& tail, const std::vector<std::string>& values);

  Transaction& transaction_;
};
}  // namespace OrthancClinic::Replication
