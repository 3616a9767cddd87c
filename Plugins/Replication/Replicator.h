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
// The targets that people make by REST share the kinds `<…>.routed`, whose keys begin with "<target>/".

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
#include "Core/Dicom/Image.h"
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
// What every target needs; it outlives them.
struct ReplicatorParts
{
  Database& database;
  IOrthanc& orthanc;
  IImageCodec& images;
  const EventLog& events;
  ResidencyPolicy residency;
  std::string storage;  // the folder of Orthanc's storage area
};

// A target with what is known of its health.
class Replicator
{
public:
  Replicator(const ReplicatorParts& parts, const TargetOptions& options);
  Replicator(const ReplicatorParts& parts, const TargetOptions& options, std::unique_ptr<ITarget> target);

  // Of a target of the configuration.
  std::vector<TaskKind> Tasks();

  // Of all that people made; `find` gives nothing for one that is gone.
  static std::vector<TaskKind> RoutedTasks(
      const std::function<std::shared_ptr<Replicator>(const std::string& target)>& find);

  // Enqueues the check and the scrub, and what waited for another configuration.
  static void Start(Transaction& transaction, const TargetOptions& options);

  // Enqueues a task of this target: `what` is "replicate", "catch-up", …
  void Enqueue(Transaction& transaction, const std::string& what, const std::string& id,
               const Json::Value& payload = Json::objectValue, Timestamp dueAt = Now()) const;

  const TargetOptions& Options() const { return options_; }
  const std::string& Name() const { return options_.name; }
  bool KeepsFiles() const { return target_->KeepsFiles(); }

  // From when on the study gets its copy here, if the target gets everything; nothing if never.
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
  struct Kind
  {
    const char* name;
    void (Replicator::*handler)(RunningTask&);
    unsigned divisor;  // of the target's concurrency; 0: one at a time
  };
  static const std::vector<Kind>& Kinds();

  std::string IdOf(const RunningTask& task) const;  // the task's key without the target's name

  // Whether the study has, or gets, something here.
  bool IsConcerned(Transaction& transaction, const Study& study, const std::vector<Replica>& replicas) const;
  // How many of its instances have no copy here, and should.
  int64_t Missing(Transaction& transaction, const Study& study, const std::vector<Replica>& replicas) const;
  // Throws Unavailable if somebody made it another place meanwhile. Locks it until the transaction ends.
  void RequireSamePlace(Transaction& transaction) const;

  void Check(RunningTask& task);
  void Replicate(RunningTask& task);
  void WriteManifest(RunningTask& task);
  int NewestManifest(const std::string& studyInstanceUid);  // its version; 0 if there is none
  // Puts it there unless the `last` one says the same (`content` is the checksum of that) and is the newest;
  // returns the version of what is there then.
  int PutManifest(const RunningTask& task, Json::Value& json, const Manifest& last,
                  const std::string& content);
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
  // What was copied anew or deleted meanwhile stays as it is. `readBack`: of so many, one by its content.
  // False if the task was put off.
  bool Verify(RunningTask& task, std::vector<Replica>& replicas, int readBackPercent);
  void EmitFailure(Transaction& transaction, const Replica& replica) const;

  // Where an instance belongs; what is the same for all of a series is remembered.
  struct Place
  {
    std::string orthancStudyId;
    std::string studyInstanceUid;
    std::string folder;  // "<StudyInstanceUID>/<SeriesInstanceUID>/"
  };
  Place Locate(const std::string& seriesId);
  Replica Send(const RunningTask& task, IContent& content, Replica replica);
  // The content without its loss, if Orthanc can make it smaller: then `replica` says of which syntax it is.
  std::unique_ptr<IContent> Compressed(std::unique_ptr<IContent> content, Replica& replica);

  Database& database_;
  IOrthanc& orthanc_;
  IImageCodec& images_;
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

// What the feed says of instances, as tasks.
struct ArrivedInstances
{
  std::vector<std::string> ids;
  bool isArchive = false;  // older than what must not wait
  int64_t sequence = 0;    // of the last change
};
ArrivedInstances ReadInstances(IOrthanc& orthanc, const std::vector<Change>& changes);
// One task for each instance; of the archive, what came last goes first.
void EnqueueInstances(Transaction& transaction, const ArrivedInstances& instances, const std::string& newKind,
                      const std::string& archiveKind);

// Whose a complete study is, its manifests say: they are written anew when that changes.
void FollowFiling(EventLog& events, const std::vector<TargetOptions>& configured);

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
