// SPDX-License-Identifier: GPL-3.0-or-later
//
// Gives every instance a verified copy in every target. The feed's subscriber writes one task per instance
// and target; of each target there are the tasks
// - `replicate.<target>` (key: Orthanc's instance id): a new instance;
// - `catch-up.<target>`: the same for an instance of the archive, newest first, one at a time;
// - `manifest.<target>` (key: Orthanc's study id): describes a complete study beside its copies;
// - `scrub.<target>` (key: "all"): reads copies back and compares, every hour some;
// - `delete.<target>` (key: Orthanc's study id): deletes the copies of what Orthanc no longer has, where that
// is the
//   target's policy;
// - `restore.<target>` (key: "<restore>" or "<restore>/<StudyInstanceUID>"): brings studies back.

#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Feed/Feed.h"
#include "Core/Orthanc.h"
#include "Core/Records/Study.h"
#include "Core/Tasks/Circuit.h"
#include "Core/Tasks/TaskWorkers.h"
#include "ReplicaStore.h"
#include "ReplicationOptions.h"
#include "Target.h"

namespace OrthancClinic::Replication
{
// A target with what is known of its health.
class Replicator
{
public:
  // `storage`: the folder of Orthanc's storage area.
  Replicator(Database& database, IOrthanc& orthanc, const EventLog& events, const TargetOptions& options,
             const ResidencyPolicy& policy, std::string storage);

  std::vector<TaskKind> Tasks();
  void Start();  // enqueues the check and the scrub

  const TargetOptions& Options() const { return options_; }
  const std::string& Name() const { return options_.name; }

  // From when on the study gets its copy here; nothing if never.
  std::optional<Timestamp> WantedFrom(const Study& study) const;

  // The study's state here: "not_wanted", "pending", "replicated" (the target took all), "verified" (and they
  // were seen there since) or "failed".
  std::string StateOf(Transaction& transaction, const Study& study) const;

  struct Health
  {
    bool ready = false;     // the last check or transfer succeeded
    std::string error;      // why not; empty before the first
    int64_t sentBytes = 0;  // by this process
    int64_t sentInstances = 0;
    int64_t bytesPerSecond = 0;  // of the last minute
  };
  Health GetHealth() const;

private:
  void Check(RunningTask& task);
  void Replicate(RunningTask& task);
  void WriteManifest(RunningTask& task);
  int NewestManifest(const std::string& studyInstanceUid);  // its version; 0 if there is none
  void Scrub(RunningTask& task);
  void DeleteCopies(RunningTask& task);
  void RestoreTask(RunningTask& task);
  void RestoreStudy(RunningTask& task, const std::string& restoreId, const std::string& studyInstanceUid);
  void ListStudies(RunningTask& task, const std::string& restoreId);

  // Runs `action`, and keeps what it says of the target's health. While the target is known to be away, it is
  // not even tried: false, and the task is put off.
  bool Guarded(RunningTask& task, const std::function<void()>& action);
  // Outside of the target's hours the task is put off until they begin: false.
  bool IsOpen(RunningTask& task);
  // Looks for the copies in the target and writes what it finds; sends again what is missing or differs.
  // `readBack`: of so many, one by its content. False if the task was put off.
  bool Verify(RunningTask& task, std::vector<Replica>& replicas, int readBackPercent);
  void RecordFailure(Transaction& transaction, Replica& replica, const std::string& reason);

  // Where an instance belongs; what is the same for all of a series is remembered.
  struct Place
  {
    std::string orthancStudyId;
    std::string folder;  // "<StudyInstanceUID>/<SeriesInstanceUID>/"
  };
  Place Locate(const std::string& seriesId);
  Replica Send(const RunningTask& task, IContent& content, Replica replica);

  Database& database_;
  IOrthanc& orthanc_;
  const EventLog& events_;
  const TargetOptions options_;
  const std::string storage_;
  const std::unique_ptr<ITarget> target_;
  Circuit circuit_;
  mutable std::mutex mutex_;
  Health health_;                                   // guarded by mutex_, as what follows
  std::map<std::string, Place> places_;             // by Orthanc's series id; bounded
  std::deque<std::pair<Timestamp, int64_t>> sent_;  // bytes, of the last minute
};

// Each target has a cursor of its own: one that is added later starts at the beginning of the archive.
class ReplicationSubscriber : public IFeedSubscriber
{
public:
  ReplicationSubscriber(Database& database, IOrthanc& orthanc, std::string target,
                        std::optional<int> deleteAfterDays)
      : database_(database), orthanc_(orthanc), target_(std::move(target)), deleteAfterDays_(deleteAfterDays)
  {
  }

  std::string Name() const override { return "replication." + target_; }
  std::function<void(Transaction&)> Read(const std::vector<Change>& changes) override;
  void Deleted(Transaction& transaction, const std::vector<std::string>& studies) override;
  void Sweep(SweepDepth depth, const std::atomic<bool>& stopping) override;

private:
  void SweepDeleted(const Json::Value& instances);

  Database& database_;
  IOrthanc& orthanc_;
  const std::string target_;
  const std::optional<int> deleteAfterDays_;
};
}  // namespace OrthancClinic::Replication
