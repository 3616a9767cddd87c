// SPDX-License-Identifier: GPL-3.0-or-later
//
// Gives every instance a verified copy in every target. The feed's subscriber writes one task per instance
// and target; of each target there are the tasks
// - `replicate.<target>` (key: Orthanc's instance id): a new instance;
// - `catch-up.<target>`: the same for an instance of the archive, newest first, one at a time;
// - `manifest.<target>` (key: Orthanc's study id): describes a complete study beside its copies;
// - `scrub.<target>` (key: "all"): reads copies back and compares, every hour some;
// - `restore.<target>` (key: "<restore>" or "<restore>/<StudyInstanceUID>"): brings studies back.

#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Feed/Feed.h"
#include "Core/Orthanc.h"
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
  Replicator(Database& database, IOrthanc& orthanc, const EventLog& events, const TargetOptions& options,
             const ResidencyPolicy& policy);

  std::vector<TaskKind> Tasks();
  void Start();  // enqueues the check and the scrub

  const TargetOptions& Options() const { return options_; }
  const std::string& Name() const { return options_.name; }
  bool Wants(const std::string& practiceId, const std::vector<std::string>& modalities) const;

  struct Health
  {
    bool ready = false;     // the last check or transfer succeeded
    std::string error;      // why not; empty before the first
    int64_t sentBytes = 0;  // by this process
    int64_t sentInstances = 0;
  };
  Health GetHealth() const;

private:
  void Check(RunningTask& task);
  void Replicate(RunningTask& task);
  void WriteManifest(RunningTask& task);
  void Scrub(RunningTask& task);
  void RestoreTask(RunningTask& task);
  void RestoreStudy(RunningTask& task, const std::string& restoreId, const std::string& studyInstanceUid);
  void ListStudies(RunningTask& task, const std::string& restoreId);

  // Runs `action`, and keeps what it says of the target's health. While the target is known to be away, it is
  // not even tried: false, and the task is put off.
  bool Guarded(RunningTask& task, const std::function<void()>& action);
  void PutOff(RunningTask& task, Timestamp until);

  // Where an instance belongs; what is the same for all of a series is remembered.
  struct Place
  {
    std::string orthancStudyId;
    std::string folder;  // "<StudyInstanceUID>/<SeriesInstanceUID>/"
  };
  Place Locate(const std::string& seriesId);
  Replica Send(const std::string& instanceId, const Place& place, const std::string& sopInstanceUid);

  Database& database_;
  IOrthanc& orthanc_;
  const EventLog& events_;
  const TargetOptions options_;
  const std::unique_ptr<ITarget> target_;
  mutable std::mutex mutex_;
  Health health_;                        // guarded by mutex_, as what follows
  int failures_ = 0;                     // in a row
  std::optional<Timestamp> until_;       // nothing is tried before
  std::map<std::string, Place> places_;  // by Orthanc's series id; bounded
};

// Each target has a cursor of its own: one that is added later starts at the beginning of the archive.
class ReplicationSubscriber : public IFeedSubscriber
{
public:
  ReplicationSubscriber(Database& database, IOrthanc& orthanc, std::string target)
      : database_(database), orthanc_(orthanc), target_(std::move(target))
  {
  }

  std::string Name() const override { return "replication." + target_; }
  std::function<void(Transaction&)> Read(const std::vector<Change>& changes) override;
  void Deleted(Transaction&, const std::vector<std::string>&) override {}  // copies outlive the archive
  void Sweep(SweepDepth depth, const std::atomic<bool>& stopping) override;

private:
  Database& database_;
  IOrthanc& orthanc_;
  const std::string target_;
};
}  // namespace OrthancClinic::Replication
