// SPDX-License-Identifier: GPL-3.0-or-later

#include "Replicator.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Core/Log.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "Core/Tasks/TaskStore.h"

namespace OrthancClinic::Replication
{
namespace
{
// A target may be away for weeks: with an hour between two tries, this is half a year.
constexpr int ATTEMPTS = 4'000;

// After so many failures in a row the target is left alone for a while, from seconds to minutes.
constexpr int FAILURES = 3;
constexpr Milliseconds SHORTEST_PAUSE(5'000);
constexpr Milliseconds LONGEST_PAUSE(300'000);

constexpr std::chrono::seconds MANIFEST_WAITS(1);
constexpr std::chrono::hours SCRUB_EVERY(1);
constexpr std::chrono::hours CHECK_EVERY(24);
constexpr std::chrono::hours STALE(24 * 7);
constexpr Milliseconds NOT_RECORDED(200);
constexpr size_t MOST_PLACES = 10'000;
constexpr int SCRUB_AT_ONCE = 200;
constexpr Json::ArrayIndex SWEEP_AT_ONCE = 500;
constexpr int READ_BACK_OF = 20;  // of so many copies one is read back, the others compared by size

// What the feed reads and is older than this is the archive's, and must not delay new images.
constexpr std::chrono::minutes NEW(10);

Milliseconds Jitter(Milliseconds pause)
{
  thread_local std::mt19937 random{std::random_device{}()};
  return std::chrono::duration_cast<Milliseconds>(pause * std::uniform_real_distribution(0.5, 1.5)(random));
}

std::string Text(const Json::Value& json, const char* name)
{
  return json[name].isString() ? json[name].asString() : "";
}

std::string ManifestKey(const std::string& studyInstanceUid, int version)
{
  return fmt::format("{}/manifest.{:06}.json", studyInstanceUid, version);
}
}  // namespace

Replicator::Replicator(Database& database, IOrthanc& orthanc, const EventLog& events,
                       const TargetOptions& options, const ResidencyPolicy& policy)
    : database_(database),
      orthanc_(orthanc),
      events_(events),
      options_(options),
      target_(MakeTarget(options, policy))
{
}

std::vector<TaskKind> Replicator::Tasks()
{
  const auto kind =
      [&](const std::string& name, unsigned concurrency, void (Replicator::*handler)(RunningTask&))
  {
    return TaskKind{.name = name + "." + options_.name,
                    .handler = [this, handler](RunningTask& task) { (this->*handler)(task); },
                    .concurrency = concurrency,
                    .maxAttempts = ATTEMPTS};
  };
  return {kind("replicate", options_.concurrency, &Replicator::Replicate),
          kind("catch-up", std::max(1U, options_.concurrency / 4), &Replicator::Replicate),
          kind("manifest", 1, &Replicator::WriteManifest),
          kind("scrub", 1, &Replicator::Scrub),
          kind("check", 1, &Replicator::Check),
          kind("restore", std::max(1U, options_.concurrency / 2), &Replicator::RestoreTask)};
}

void Replicator::Start()
{
  Transaction transaction(database_);
  TaskStore tasks(transaction);
  tasks.Enqueue("check." + options_.name, "all");
  tasks.Enqueue("scrub." + options_.name, "all", Json::objectValue, Now() + SCRUB_EVERY);
  transaction.Commit();
}

bool Replicator::Wants(const std::string& practiceId, const std::vector<std::string>& modalities) const
{
  const auto has = [](const std::vector<std::string>& all, const std::string& one)
  { return std::find(all.begin(), all.end(), one) != all.end(); };
  return (options_.practices.empty() || has(options_.practices, practiceId)) &&
         (options_.modalities.empty() ||
          std::any_of(modalities.begin(), modalities.end(),
                      [&](const std::string& one) { return has(options_.modalities, one); }));
}

Replicator::Health Replicator::GetHealth() const
{
  const std::lock_guard lock(mutex_);
  return health_;
}

void Replicator::PutOff(RunningTask& task, Timestamp until)
{
  Transaction transaction(database_);
  task.Complete(transaction);
  TaskStore(transaction).Enqueue(task.Get().kind, task.Get().key, task.Get().payload, until);
  transaction.Commit();
}

bool Replicator::Guarded(RunningTask& task, const std::function<void()>& action)
{
  std::optional<Timestamp> until;
  {
    const std::lock_guard lock(mutex_);
    until = until_;
  }
  if (until && Now() < *until)
  {
    PutOff(task, *until + Jitter(Milliseconds(500)));
    return false;
  }
  try
  {
    action();
    const std::lock_guard lock(mutex_);
    failures_ = 0;
    until_.reset();
    health_.ready = true;
    health_.error.clear();
    return true;
  }
  catch (const PermanentFailure&)
  {
    throw;  // says something of the object, not of the target
  }
  catch (const Conflict&)
  {
    throw;  // another worker has the task
  }
  catch (const DatabaseError&)
  {
    throw;
  }
  catch (const Error& error)
  {
    const std::string message = error.what();
    bool isNew = false;
    {
      const std::lock_guard lock(mutex_);
      failures_++;
      if (failures_ >= FAILURES)
      {
        const auto pause =
            std::min(SHORTEST_PAUSE * (1 << std::min(failures_ - FAILURES, 10)), LONGEST_PAUSE);
        until_ = Now() + Jitter(pause);
      }
      isNew = health_.error != message;
      health_.ready = false;
      health_.error = message;
    }
    if (isNew)
    {
      LogWarning("Replication to " + options_.name + ": " + message);
    }
    // The residency guard refused: nothing was sent, and nothing will be before the configuration changes.
    throw Unavailable(message);
  }
}

void Replicator::Check(RunningTask& task)
{
  if (Guarded(task,
              [&]
              {
                target_->Check();
                target_->Tidy(Now() - STALE);
              }))
  {
    PutOff(task, Now() + CHECK_EVERY);
  }
}

Replicator::Place Replicator::Locate(const std::string& seriesId)
{
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = places_.find(seriesId); known != places_.end())
    {
      return known->second;
    }
  }
  const Json::Value series = orthanc_.Get("/series/" + seriesId);
  Place place;
  place.orthancStudyId = Text(series, "ParentStudy");
  const Json::Value study = orthanc_.Get("/studies/" + place.orthancStudyId);
  place.folder = Text(study["MainDicomTags"], "StudyInstanceUID") + "/" +
                 Text(series["MainDicomTags"], "SeriesInstanceUID") + "/";
  const std::lock_guard lock(mutex_);
  if (places_.size() >= MOST_PLACES)
  {
    places_.clear();
  }
  return places_.emplace(seriesId, place).first->second;
}

Replica Replicator::Send(const std::string& instanceId, const Place& place, const std::string& sopInstanceUid)
{
  const std::string bytes = orthanc_.GetBytes("/instances/" + instanceId + "/file");
  const Checksums checksums = ComputeChecksums(bytes);

  Replica replica;
  replica.target = options_.name;
  replica.orthancInstanceId = instanceId;
  replica.orthancStudyId = place.orthancStudyId;
  replica.key = place.folder + sopInstanceUid + ".dcm";
  replica.size = static_cast<int64_t>(bytes.size());
  replica.sha256 = checksums.sha256;
  std::optional<Replica> known;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    known = ReplicaStore(transaction).Find(options_.name, instanceId);
    transaction.Commit();
  }
  if (known && known->sha256 == replica.sha256 && known->key == replica.key && known->state == "verified")
  {
    return *known;  // it is there already
  }
  replica.transferSyntax = orthanc_.GetBytes("/instances/" + instanceId + "/metadata/TransferSyntax");
  const UploadMemory memory{
      .recall =
          [&]
      {
        Transaction transaction(database_, Transaction::Mode::ReadOnly);
        const auto upload = ReplicaStore(transaction).FindUpload(options_.name, replica.key, replica.sha256);
        transaction.Commit();
        return upload;
      },
      .remember =
          [&](const std::string& uploadId)
      {
        Transaction transaction(database_);
        ReplicaStore(transaction).PutUpload(options_.name, replica.key, replica.sha256, uploadId);
        transaction.Commit();
      }};
  target_->Put(replica.key, bytes, checksums, "application/dicom", memory);
  replica.replicatedAt = Now();
  replica.verifiedAt = replica.replicatedAt;
  const std::lock_guard lock(mutex_);
  health_.sentBytes += replica.size;
  health_.sentInstances++;
  return replica;
}

void Replicator::Replicate(RunningTask& task)
{
  const std::string& id = task.Get().key;
  std::optional<Replica> replica;
  try
  {
    const Json::Value instance = orthanc_.Get("/instances/" + id);
    const Place place = Locate(Text(instance, "ParentSeries"));
    // Is it one of the studies that this target is for?
    std::optional<Study> study;
    {
      Transaction transaction(database_, Transaction::Mode::ReadOnly);
      study = StudyStore(transaction).FindByOrthancId(place.orthancStudyId);
      transaction.Commit();
    }
    if (!study)
    {
      PutOff(task, Now() + NOT_RECORDED);  // the feed that records it is another one
      return;
    }
    if (!Wants(study->practiceId, study->modalities))
    {
      return;
    }
    if (!Guarded(task, [&] { replica = Send(id, place, Text(instance["MainDicomTags"], "SOPInstanceUID")); }))
    {
      return;
    }
  }
  catch (const NotFound&)
  {
    return;  // deleted since
  }
  Transaction transaction(database_);
  ReplicaStore store(transaction);
  store.Put(*replica);
  store.ForgetUpload(options_.name, replica->key);
  task.Complete(transaction);
  transaction.Commit();
}

void Replicator::WriteManifest(RunningTask& task)
{
  const std::string& id = task.Get().key;
  Json::Value instances;
  try
  {
    instances = orthanc_.Get("/studies/" + id + "/instances?expand");
  }
  catch (const NotFound&)
  {
    return;
  }
  std::optional<Study> study;
  std::map<std::string, Replica> replicas;
  Manifest last;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    study = StudyStore(transaction).FindByOrthancId(id);
    ReplicaStore store(transaction);
    for (Replica& replica : store.OfStudy(options_.name, id))
    {
      replicas[replica.orthancInstanceId] = std::move(replica);
    }
    last = store.FindManifest(options_.name, id);
    transaction.Commit();
  }
  if (!study || !Wants(study->practiceId, study->modalities))
  {
    return;
  }

  Json::Value json;
  json["format"] = "orthanc-clinic-manifest-1";
  json["study_instance_uid"] = study->studyInstanceUid;
  json["orthanc_study_id"] = study->orthancStudyId;
  json["practice_id"] = study->practiceId;
  json["patient_id"] = study->match.patientId ? Json::Value(*study->match.patientId) : Json::Value();
  json["match_status"] = ToString(study->match.status);
  json["match_decided_by"] = study->match.decidedBy;
  json["version"] = last.version + 1;
  json["written_at"] = ToString(Now());
  json["instances"] = Json::arrayValue;
  for (const Json::Value& instance : instances)
  {
    const auto replica = replicas.find(Text(instance, "ID"));
    if (replica == replicas.end() || replica->second.state != "verified")
    {
      PutOff(task, Now() + MANIFEST_WAITS);
      return;
    }
    Json::Value item;
    item["key"] = replica->second.key;
    item["size"] = static_cast<Json::Int64>(replica->second.size);
    item["sha256"] = replica->second.sha256;
    item["transfer_syntax_uid"] = replica->second.transferSyntax;
    json["instances"].append(item);
  }
  const std::string text = WriteJson(json);
  if (!Guarded(task,
               [&]
               {
                 target_->Put(ManifestKey(study->studyInstanceUid, last.version + 1), text,
                              ComputeChecksums(text), "application/json",
                              {.recall = [] { return std::nullopt; }, .remember = [](const std::string&) {}});
               }))
  {
    return;
  }
  Transaction transaction(database_);
  ReplicaStore(transaction)
      .PutManifest(options_.name, id, study->studyInstanceUid,
                   {last.version + 1, static_cast<int>(instances.size())});
  Json::Value data;
  data["study_instance_uid"] = study->studyInstanceUid;
  data["orthanc_study_id"] = id;
  data["target"] = options_.name;
  data["number_of_instances"] = instances.size();
  events_.Emit(transaction, "replication.completed", study->practiceId, data);
  task.Complete(transaction);
  transaction.Commit();
}

void Replicator::Scrub(RunningTask& task)
{
  std::vector<Replica> replicas;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    replicas = ReplicaStore(transaction).LongestUnverified(options_.name, SCRUB_AT_ONCE);
    transaction.Commit();
  }
  int number = 0;
  for (Replica& replica : replicas)
  {
    if (task.IsStopping())
    {
      throw Unavailable("Orthanc stops");
    }
    bool right = false;
    if (!Guarded(task,
                 [&]
                 {
                   if (number++ % READ_BACK_OF == 0)
                   {
                     const auto bytes = target_->Get(replica.key);
                     right = bytes && ComputeChecksums(*bytes).sha256 == replica.sha256;
                   }
                   else
                   {
                     const auto size = target_->Size(replica.key);
                     right = size && *size == replica.size;
                   }
                 }))
    {
      return;
    }
    replica.verifiedAt = Now();
    replica.state = right ? "verified" : "failed";
    replica.error = right ? "" : "The copy is gone or differs";
    Transaction transaction(database_);
    ReplicaStore(transaction).Put(replica);
    if (!right)
    {
      LogError("Replication to " + options_.name + ": a copy is gone or differs; it is sent again");
      Json::Value data;
      data["target"] = options_.name;
      data["orthanc_instance_id"] = replica.orthancInstanceId;
      data["orthanc_study_id"] = replica.orthancStudyId;
      data["reason"] = replica.error;
      const auto study = StudyStore(transaction).FindByOrthancId(replica.orthancStudyId);
      events_.Emit(transaction, "replication.failed", study ? study->practiceId : PracticeStore::DEFAULT,
                   data);
      TaskStore(transaction).Enqueue("replicate." + options_.name, replica.orthancInstanceId);
    }
    transaction.Commit();
  }
  PutOff(task, Now() + SCRUB_EVERY);
}

void Replicator::RestoreTask(RunningTask& task)
{
  const std::string& key = task.Get().key;
  const size_t slash = key.find('/');
  const std::string id = key.substr(0, slash);
  if (slash == std::string::npos)
  {
    Guarded(task, [&] { ListStudies(task, id); });
  }
  else
  {
    Guarded(task, [&] { RestoreStudy(task, id, key.substr(slash + 1)); });
  }
}

void Replicator::ListStudies(RunningTask& task, const std::string& restoreId)
{
  std::vector<std::string> studies;
  target_->List("",
                [&](const std::string& name)
                {
                  if (name.ends_with("/"))
                  {
                    studies.push_back(name.substr(0, name.size() - 1));
                  }
                });
  Transaction transaction(database_);
  ReplicaStore store(transaction);
  auto restore = store.FindRestore(restoreId);
  if (restore && restore->state == "running")
  {
    restore->studiesTotal = static_cast<int>(studies.size());
    restore->state = studies.empty() ? "completed" : restore->state;
    store.Update(*restore);
    for (const std::string& study : studies)
    {
      TaskStore(transaction).Enqueue("restore." + options_.name, restoreId + "/" + study, task.Get().payload);
    }
  }
  task.Complete(transaction);
  transaction.Commit();
}

void Replicator::RestoreStudy(RunningTask& task, const std::string& restoreId,
                              const std::string& studyInstanceUid)
{
  {
    Transaction transaction(database_);
    const auto restore = ReplicaStore(transaction).FindRestore(restoreId);
    transaction.Commit();
    if (!restore || restore->state != "running")
    {
      return;  // cancelled
    }
  }
  std::string newest;
  target_->List(studyInstanceUid + "/",
                [&](const std::string& name)
                {
                  if (name.starts_with("manifest."))
                  {
                    newest = std::max(newest, name);
                  }
                });
  std::vector<std::string> errors;
  int restored = 0;
  if (newest.empty())
  {
    errors.push_back(studyInstanceUid + ": there is no manifest");
  }
  else
  {
    const auto text = target_->Get(studyInstanceUid + "/" + newest);
    const Json::Value manifest = ParseJson(text.value_or("{}"));
    const std::string wanted = Text(task.Get().payload, "patient_id");
    const bool concerned = wanted.empty() || Text(manifest, "patient_id") == wanted;
    for (const Json::Value& instance : manifest["instances"])
    {
      if (!concerned)
      {
        break;
      }
      if (task.IsStopping())
      {
        throw Unavailable("Orthanc stops");
      }
      const std::string key = Text(instance, "key");
      const auto bytes = target_->Get(key);
      if (!bytes)
      {
        errors.push_back(key + ": there is no copy");
      }
      else if (ComputeChecksums(*bytes).sha256 != Text(instance, "sha256"))
      {
        errors.push_back(key + ": the copy differs from the manifest");
      }
      else
      {
        orthanc_.Post("/instances", *bytes);
        restored++;
      }
    }
  }
  Transaction transaction(database_);
  ReplicaStore store(transaction);
  if (auto restore = store.FindRestore(restoreId))
  {
    restore->studiesDone++;
    restore->instancesDone += restored;
    for (const std::string& error : errors)
    {
      restore->errors.append(error);
    }
    if (restore->state == "running" && restore->studiesDone == restore->studiesTotal)
    {
      restore->state = restore->errors.empty() ? "completed" : "failed";
    }
    store.Update(*restore);
  }
  task.Complete(transaction);
  transaction.Commit();
}

std::function<void(Transaction&)> ReplicationSubscriber::Read(const std::vector<Change>& changes)
{
  // How old the newest of them is tells whether this is the archive.
  std::vector<std::string> instances;
  for (const Change& change : changes)
  {
    if (change.type == "NewInstance")
    {
      instances.push_back(change.resource);
    }
  }
  bool isArchive = false;
  if (!instances.empty())
  {
    try
    {
      const Json::Value metadata = orthanc_.Get("/instances/" + instances.back() + "/metadata?expand");
      const auto received = ParseOrthancTime(Text(metadata, "ReceptionDate"));
      isArchive = received && *received < Now() - NEW;
    }
    catch (const NotFound&)
    {
    }
  }
  const int64_t sequence = changes.back().sequence;
  return [this, instances, isArchive, sequence](Transaction& transaction)
  {
    TaskStore tasks(transaction);
    for (size_t i = 0; i < instances.size(); i++)
    {
      // Of the archive, what came last is due the longest: it goes first.
      const Timestamp due = isArchive ? Timestamp{} + std::chrono::hours(24 * 365 * 30) -
                                            Milliseconds(sequence + static_cast<int64_t>(i))
                                      : Now();
      tasks.Enqueue((isArchive ? "catch-up." : "replicate.") + target_, instances[i], Json::objectValue, due);
    }
  };
}

void ReplicationSubscriber::Sweep(SweepDepth depth, const std::atomic<bool>& stopping)
{
  if (depth != SweepDepth::Content)
  {
    return;
  }
  const Json::Value instances = orthanc_.Get("/instances");
  for (Json::ArrayIndex first = 0; first < instances.size() && !stopping; first += SWEEP_AT_ONCE)
  {
    Transaction transaction(database_);
    ReplicaStore store(transaction);
    for (Json::ArrayIndex i = first; i < std::min(first + SWEEP_AT_ONCE, instances.size()); i++)
    {
      const std::string id = instances[i].asString();
      TaskStore tasks(transaction);
      if (!store.Find(target_, id) && !tasks.Exists("replicate." + target_, id) &&
          !tasks.Exists("catch-up." + target_, id))
      {
        tasks.Enqueue("catch-up." + target_, id);
      }
    }
    transaction.Commit();
  }
}
}  // namespace OrthancClinic::Replication
