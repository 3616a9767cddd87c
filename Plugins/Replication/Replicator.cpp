// SPDX-License-Identifier: GPL-3.0-or-later

#include "Replicator.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Log.h"
#include "Core/Records/AwaitedStudy.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "Core/Tasks/Jitter.h"
#include "Core/Tasks/TaskStore.h"
#include "Vna.h"

namespace OrthancClinic::Replication
{
namespace
{
// A target may be away for weeks: with an hour between two tries, this is half a year.
constexpr int ATTEMPTS = 4'000;

constexpr Milliseconds MANIFEST_WAITS(500);                   // for the study's other copies
constexpr std::chrono::seconds MANIFEST_WAITS_FOR_COPIES(5);  // that are missing
constexpr std::chrono::minutes THROUGHPUT_OF(1);
constexpr std::chrono::hours SCRUB_EVERY(1);
constexpr std::chrono::hours CHECK_EVERY(24);
constexpr std::chrono::hours STALE(24 * 7);
constexpr Milliseconds NOT_RECORDED(200);
constexpr size_t MOST_PLACES = 10'000;
constexpr int64_t SCRUB_AT_ONCE = 200;
constexpr int64_t SCRUBS_OF_ALL = 30 * 24;  // it takes so many at most until each copy was verified
constexpr Json::ArrayIndex SWEEP_AT_ONCE = 500;
constexpr const char* ROUTED = ".routed";
constexpr unsigned ROUTED_CONCURRENCY = 8;  // shared by all targets that people made

// What the feed reads and is older than this is the archive's, and must not delay new images.
constexpr std::chrono::minutes NEW(10);

// True so many times in a hundred.
bool Chance(int percent)
{
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_int_distribution(0, 99)(random) < percent;
}

std::string KindOf(const TargetOptions& options, const std::string& what)
{
  return what + (options.IsRouted() ? ROUTED : "." + options.name);
}

void EnqueueFor(const TargetOptions& options, Transaction& transaction, const std::string& what,
                const std::string& id, const Json::Value& payload = Json::objectValue,
                Timestamp dueAt = Now())
{
  TaskStore(transaction)
      .Enqueue(KindOf(options, what), options.IsRouted() ? options.name + "/" + id : id, payload, dueAt);
}

std::string ManifestKey(const std::string& studyInstanceUid, int version)
{
  return fmt::format("{}/manifest.{:06}.json", studyInstanceUid, version);
}
}  // namespace

Replicator::Replicator(const ReplicatorParts& parts, const TargetOptions& options)
    : Replicator(parts, options, MakeTarget(options, parts.residency, parts.orthanc))
{
}

Replicator::Replicator(const ReplicatorParts& parts, const TargetOptions& options,
                       std::unique_ptr<ITarget> target)
    : database_(parts.database),
      orthanc_(parts.orthanc),
      images_(parts.images),
      events_(parts.events),
      options_(options),
      storage_(parts.storage),
      target_(std::move(target))
{
}

const std::vector<Replicator::Kind>& Replicator::Kinds()
{
  static const std::vector<Kind> KINDS = {
      {"replicate", &Replicator::Replicate, 1},    {"catch-up", &Replicator::Replicate, 4},
      {"manifest", &Replicator::WriteManifest, 0}, {"scrub", &Replicator::Scrub, 0},
      {"delete", &Replicator::DeleteCopies, 0},    {"check", &Replicator::Check, 0},
      {"restore", &Replicator::RestoreTask, 2}};
  return KINDS;
}

std::vector<TaskKind> Replicator::Tasks()
{
  std::vector<TaskKind> tasks;
  for (const Kind& kind : Kinds())
  {
    tasks.push_back({.name = KindOf(options_, kind.name),
                     .handler = [this, handler = kind.handler](RunningTask& task) { (this->*handler)(task); },
                     .concurrency = kind.divisor == 0 ? 1 : std::max(1U, options_.concurrency / kind.divisor),
                     .maxAttempts = ATTEMPTS});
  }
  return tasks;
}

std::vector<TaskKind> Replicator::RoutedTasks(
    const std::function<std::shared_ptr<Replicator>(const std::string& target)>& find)
{
  std::vector<TaskKind> tasks;
  for (const Kind& kind : Kinds())
  {
    tasks.push_back({.name = std::string(kind.name) + ROUTED,
                     .handler =
                         [find, handler = kind.handler](RunningTask& task)
                     {
                       const std::string& key = task.Get().key;
                       if (const auto replicator = find(key.substr(0, key.find('/'))))
                       {
                         ((*replicator).*handler)(task);
                       }
                     },
                     .concurrency = kind.divisor == 0 ? 1 : ROUTED_CONCURRENCY / kind.divisor,
                     .maxAttempts = ATTEMPTS});
  }
  return tasks;
}

std::string Replicator::IdOf(const RunningTask& task) const
{
  const std::string& key = task.Get().key;
  return options_.IsRouted() ? key.substr(options_.name.size() + 1) : key;
}

void Replicator::Enqueue(Transaction& transaction, const std::string& what, const std::string& id,
                         const Json::Value& payload, Timestamp dueAt) const
{
  EnqueueFor(options_, transaction, what, id, payload, dueAt);
}

void Replicator::Start(Transaction& transaction, const TargetOptions& options)
{
  for (const char* what : {"replicate", "catch-up", "manifest"})
  {
    TaskStore(transaction).Hasten(KindOf(options, what));
  }
  EnqueueFor(options, transaction, "check", "all");
  EnqueueFor(options, transaction, "scrub", "all", Json::objectValue, Now() + SCRUB_EVERY);
}

bool Replicator::IsConcerned(Transaction& transaction, const Study& study,
                             const std::vector<Replica>& replicas) const
{
  if (options_.IsRouted())
  {
    return !replicas.empty() ||
           ReplicaStore(transaction).Awaited(options_.name, study.orthancStudyId).first > 0;
  }
  return WantedFrom(study).has_value();
}

int64_t Replicator::Missing(Transaction& transaction, const Study& study,
                            const std::vector<Replica>& replicas) const
{
  return options_.IsRouted() ? ReplicaStore(transaction).Awaited(options_.name, study.orthancStudyId).first
                             : std::max(study.numberOfInstances, 1) - std::ssize(replicas);
}

void Replicator::RequireSamePlace(Transaction& transaction) const
{
  if (!options_.IsRouted())
  {
    return;
  }
  const auto vna = VnaStore(transaction).FindForUpdate(options_.name);
  if (!vna || !SamePlace(ToTarget(*vna), options_))
  {
    throw Unavailable("The target was changed while a copy was made");
  }
}

std::optional<Timestamp> Replicator::WantedFrom(const Study& study) const
{
  const auto has = [](const std::vector<std::string>& all, const std::string& one)
  { return std::find(all.begin(), all.end(), one) != all.end(); };
  if ((!options_.practices.empty() && !has(options_.practices, study.practiceId)) ||
      (!options_.modalities.empty() &&
       std::none_of(study.modalities.begin(), study.modalities.end(),
                    [&](const std::string& one) { return has(options_.modalities, one); })))
  {
    return std::nullopt;
  }
  if (options_.minimumAgeDays == 0 && !options_.maximumAgeDays)
  {
    return Timestamp{};
  }
  // What came without a date is as old as its reception.
  const auto day = ParseOrthancTime(study.studyDate + "T000000").value_or(study.receivedAt);
  if (options_.maximumAgeDays && Now() - day > std::chrono::hours(24) * *options_.maximumAgeDays)
  {
    return std::nullopt;
  }
  return day + std::chrono::hours(24) * options_.minimumAgeDays;
}

std::string Replicator::StateOf(Transaction& transaction, const Study& study) const
{
  const auto replicas = ReplicaStore(transaction).OfStudy(options_.name, study.orthancStudyId);
  if (!IsConcerned(transaction, study, replicas))
  {
    return "not_wanted";
  }
  const auto count = [&](const char* state)
  {
    return std::count_if(replicas.begin(), replicas.end(),
                         [&](const Replica& replica) { return replica.state == state; });
  };
  // What is not routed yet may come here, too.
  const bool isPending =
      Missing(transaction, study, replicas) > 0 ||
      (options_.IsRouted() &&
       ReplicaStore(transaction).CountDecisions(study.orthancStudyId) < study.numberOfInstances);
  return count("failed") > 0                         ? "failed"
         : isPending                                 ? "pending"
         : count("verified") == std::ssize(replicas) ? "verified"
                                                     : "replicated";
}

Replicator::Health Replicator::GetHealth() const
{
  const std::lock_guard lock(mutex_);
  Health health = health_;
  for (const auto& [time, bytes] : sent_)
  {
    health.bytesPerSecond += Now() - time < THROUGHPUT_OF ? bytes : 0;
  }
  health.bytesPerSecond /= std::chrono::seconds(THROUGHPUT_OF).count();
  return health;
}

bool Replicator::IsOpen(RunningTask& task)
{
  const Timestamp now = Now();
  const Timestamp opens = options_.hours.NextAfter(now);
  if (opens > now)
  {
    task.PutOff(opens);
  }
  return opens <= now;
}

bool Replicator::Guarded(RunningTask& task, const std::function<void()>& action)
{
  if (const auto until = circuit_.OpenUntil())
  {
    task.PutOff(*until + WithJitter(Milliseconds(500)));
    return false;
  }
  try
  {
    action();
    circuit_.Succeeded();
    const std::lock_guard lock(mutex_);
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
    if (task.IsStopping())
    {
      throw;  // says nothing of the target
    }
    const std::string message = error.what();
    std::optional<std::chrono::seconds> retryAfter;
    if (const auto* const unavailable = dynamic_cast<const Unavailable*>(&error))
    {
      retryAfter = unavailable->RetryAfter();
    }
    circuit_.Failed(retryAfter);
    bool isNew = false;
    {
      const std::lock_guard lock(mutex_);
      isNew = health_.error != message;
      health_.ready = false;
      health_.error = message;
    }
    if (isNew)
    {
      LogWarning("Replication to " + options_.name + ": " + message);
    }
    // The residency guard refused: nothing was sent, and nothing will be before the configuration changes.
    throw Unavailable(message, retryAfter);
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
    task.PutOff(Now() + CHECK_EVERY);
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
  place.orthancStudyId = TextOf(series, "ParentStudy");
  const Json::Value study = orthanc_.Get("/studies/" + place.orthancStudyId);
  place.studyInstanceUid = TextOf(study["MainDicomTags"], "StudyInstanceUID");
  place.folder = place.studyInstanceUid + "/" + TextOf(series["MainDicomTags"], "SeriesInstanceUID") + "/";
  const std::lock_guard lock(mutex_);
  if (places_.size() >= MOST_PLACES)
  {
    places_.clear();
  }
  return places_.emplace(seriesId, place).first->second;
}

Replica Replicator::Send(const RunningTask& task, IContent& content, Replica replica)
{
  const UploadMemory memory{
      .recall =
          [&]
      {
        Transaction transaction(database_, Transaction::Mode::ReadOnly);
        const auto upload = ReplicaStore(transaction).FindUpload(options_.name, replica.key, replica.md5);
        transaction.Commit();
        return upload;
      },
      .remember =
          [&](const std::string& uploadId)
      {
        Transaction transaction(database_);
        ReplicaStore(transaction).PutUpload(options_.name, replica.key, replica.md5, uploadId);
        transaction.Commit();
      }};
  replica.sha256 =
      target_->Put(replica.key, content, "application/dicom", memory, [&] { return task.IsStopping(); });
  replica.size = static_cast<int64_t>(content.Size());
  replica.replicatedAt = Now();
  const std::lock_guard lock(mutex_);
  health_.sentBytes += replica.size;
  health_.sentInstances++;
  sent_.emplace_back(replica.replicatedAt, replica.size);
  while (Now() - sent_.front().first > THROUGHPUT_OF)
  {
    sent_.pop_front();
  }
  return replica;
}

std::unique_ptr<IContent> Replicator::Compressed(std::unique_ptr<IContent> content, Replica& replica)
{
  // PS3.5 A.1, A.2, A.3, A.5: what is compressed already stays as it is.
  static const std::set<std::string> PLAIN = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1",
                                              "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"};
  constexpr const char* JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80";
  if (!PLAIN.contains(replica.transferSyntax))
  {
    return content;
  }
  try
  {
    auto smaller =
        MakeContent(images_.Transcode(std::string(content->Read(0, content->Size())), JPEG_LS_LOSSLESS));
    if (smaller->Size() < content->Size())
    {
      replica.transferSyntax = JPEG_LS_LOSSLESS;
      return smaller;
    }
  }
  catch (const BadInput&)
  {
    // No pixels, or such as Orthanc cannot compress: it goes as it is.
  }
  return content;
}

void Replicator::Replicate(RunningTask& task)
{
  const std::string id = IdOf(task);
  Replica replica;
  replica.target = options_.name;
  replica.orthancInstanceId = id;
  try
  {
    const Json::Value instance = orthanc_.Get("/instances/" + id);
    const Place place = Locate(TextOf(instance, "ParentSeries"));
    std::optional<Study> study;
    std::optional<Replica> known;
    std::optional<InstanceRoute> route;
    bool isNobodys = false;
    {
      Transaction transaction(database_, Transaction::Mode::ReadOnly);
      study = StudyStore(transaction).FindByOrthancId(place.orthancStudyId);
      isNobodys = !study && AwaitedStudyStore(transaction).TaskOf(place.studyInstanceUid);
      known = ReplicaStore(transaction).Find(options_.name, id);
      route = ReplicaStore(transaction).FindRoute(id);
      transaction.Commit();
    }
    if (options_.IsRouted() && !known && (!route || route->target != options_.name))
    {
      return;  // it goes elsewhere by now
    }
    if (isNobodys)
    {
      return;  // it gets its copy where it belongs
    }
    if (!study)
    {
      task.PutOff(Now() + NOT_RECORDED);  // the feed that records it is another one
      return;
    }
    const auto from = WantedFrom(*study);
    if (!from)
    {
      return;
    }
    if (*from > Now())
    {
      task.PutOff(*from);
      return;
    }
    if (!IsOpen(task))
    {
      return;
    }
    auto content = OpenInstance(orthanc_, storage_, id);
    replica.orthancStudyId = place.orthancStudyId;
    replica.key = place.folder + TextOf(instance["MainDicomTags"], "SOPInstanceUID") + ".dcm";
    replica.md5 = content->Md5();
    if (known && known->md5 == replica.md5 && !replica.md5.empty() && known->key == replica.key &&
        known->state != "failed")
    {
      return;  // it is there already
    }
    replica.transferSyntax = orthanc_.GetBytes("/instances/" + id + "/metadata/TransferSyntax");
    if (options_.IsRouted() && route && route->compress)
    {
      content = Compressed(std::move(content), replica);
    }
    if (!Guarded(task, [&] { replica = Send(task, *content, std::move(replica)); }))
    {
      return;
    }
  }
  catch (const NotFound&)
  {
    Transaction transaction(database_);  // deleted since
    ReplicaStore(transaction).ForgetRoute(id);
    task.Complete(transaction);
    transaction.Commit();
    return;
  }
  catch (const PermanentFailure& error)
  {
    Transaction transaction(database_);
    replica.replicatedAt = Now();
    replica.state = "failed";
    replica.error = error.what();
    ReplicaStore(transaction).Put(replica);
    EmitFailure(transaction, replica);
    transaction.Commit();
    throw;
  }
  Transaction transaction(database_);
  RequireSamePlace(transaction);
  // Locked, so that a study that settles in this moment does so before or after, and one of both sees the
  // other.
  const auto study = StudyStore(transaction).FindForUpdate(replica.orthancStudyId);
  ReplicaStore store(transaction);
  store.Put(replica);
  store.ForgetUpload(options_.name, replica.key);
  if (study && study->settledAt)
  {
    // A copy of a complete study: from the archive, late, or sent while the study settled. The last one
    // brings the manifest.
    Enqueue(transaction, "manifest", replica.orthancStudyId, Json::objectValue, Now() + MANIFEST_WAITS);
  }
  task.Complete(transaction);
  transaction.Commit();
}

int Replicator::NewestManifest(const std::string& studyInstanceUid)
{
  constexpr std::string_view BEGIN = "manifest.";
  int newest = 0;
  target_->List(studyInstanceUid + "/",
                [&](const std::string& name, int64_t)
                {
                  if (name.starts_with(BEGIN))
                  {
                    newest = std::max(newest, std::atoi(name.c_str() + BEGIN.size()));
                  }
                });
  return newest;
}

int Replicator::PutManifest(const RunningTask& task, Json::Value& json, const Manifest& last,
                            const std::string& content)
{
  const std::string study = TextOf(json, "study_instance_uid");
  int version = last.version;
  if (version == 0 || content == last.content)
  {
    // It may have been there before: the study came back after a disaster. Or the last one is not the newest
    // that is there: the database came back, or it was deleted.
    const int newest = NewestManifest(study);
    if (version > 0 && newest == version)
    {
      return version;
    }
    version = std::max(version, newest);
  }
  json["written_at"] = ToString(Now());
  bool isNew = false;
  while (!isNew)
  {
    version++;
    json["version"] = version;
    isNew = target_->PutNew(ManifestKey(study, version), *MakeContent(WriteJson(json)), "application/json",
                            [&] { return task.IsStopping(); });
  }
  return version;
}

void Replicator::WriteManifest(RunningTask& task)
{
  const std::string id = IdOf(task);
  std::optional<Study> study;
  std::vector<Replica> replicas;
  Manifest last;
  bool concerned = false;
  bool missing = false;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    study = StudyStore(transaction).FindByOrthancId(id);
    ReplicaStore store(transaction);
    replicas = store.OfStudy(options_.name, id);
    last = store.FindManifest(options_.name, id);
    concerned = study && IsConcerned(transaction, *study, replicas);
    missing = study && Missing(transaction, *study, replicas) > 0;
    transaction.Commit();
  }
  if (!concerned || !IsOpen(task))
  {
    return;
  }
  if (missing)
  {
    task.PutOff(Now() + MANIFEST_WAITS_FOR_COPIES);
    return;
  }
  std::vector<Replica> unseen;
  std::copy_if(replicas.begin(), replicas.end(), std::back_inserter(unseen),
               [](const Replica& replica) { return replica.state == "replicated"; });
  if (!unseen.empty() && !Verify(task, unseen, 0))
  {
    return;
  }
  Json::Value instances;
  try
  {
    instances = orthanc_.Get("/studies/" + id + "/instances?expand");
  }
  catch (const NotFound&)
  {
    return;
  }
  std::map<std::string, const Replica*> byInstance;
  for (const std::vector<Replica>* const all : {&replicas, &unseen})  // what was verified now comes last
  {
    for (const Replica& replica : *all)
    {
      byInstance[replica.orthancInstanceId] = &replica;
    }
  }

  Json::Value json;
  json["format"] = "orthanc-clinic-manifest-1";
  json["study_instance_uid"] = study->studyInstanceUid;
  json["orthanc_study_id"] = study->orthancStudyId;
  json["practice_id"] = study->practiceId;
  json["patient_id"] = study->match.patientId ? Json::Value(*study->match.patientId) : Json::Value();
  json["match_status"] = ToString(study->match.status);
  json["match_decided_by"] = study->match.decidedBy;
  std::map<std::string, Json::Value> copies;  // by key: Orthanc tells the instances in any order
  for (const Json::Value& instance : instances)
  {
    const auto replica = byInstance.find(TextOf(instance, "ID"));
    if (replica == byInstance.end() && options_.IsRouted())
    {
      continue;  // it went elsewhere
    }
    if (replica == byInstance.end() || replica->second->state != "verified")
    {
      task.PutOff(Now() + MANIFEST_WAITS_FOR_COPIES);
      return;
    }
    Json::Value item;
    item["key"] = replica->second->key;
    item["size"] = static_cast<Json::Int64>(replica->second->size);
    item["sha256"] = replica->second->sha256;
    item["transfer_syntax_uid"] = replica->second->transferSyntax;
    copies[replica->second->key] = item;
  }
  json["instances"] = Json::arrayValue;
  for (const auto& [key, item] : copies)
  {
    json["instances"].append(item);
  }
  Manifest now{.version = 0,
               .numberOfInstances = static_cast<int>(copies.size()),
               .content = Sha256Of(WriteJson(json))};
  if (target_->KeepsFiles() &&
      !Guarded(task, [&] { now.version = PutManifest(task, json, last, now.content); }))
  {
    return;
  }
  Transaction transaction(database_);
  if (!unseen.empty() || now.version != last.version || now.numberOfInstances != last.numberOfInstances)
  {
    ReplicaStore(transaction).PutManifest(options_.name, id, study->studyInstanceUid, now);
    Json::Value data;
    data["study_instance_uid"] = study->studyInstanceUid;
    data["orthanc_study_id"] = id;
    data["target"] = options_.name;
    data["number_of_instances"] = now.numberOfInstances;
    events_.Emit(transaction, "replication.completed", study->practiceId, data);
  }
  task.Complete(transaction);
  transaction.Commit();
}

void Replicator::EmitFailure(Transaction& transaction, const Replica& replica) const
{
  Json::Value data;
  data["target"] = options_.name;
  data["orthanc_instance_id"] = replica.orthancInstanceId;
  data["orthanc_study_id"] = replica.orthancStudyId;
  data["reason"] = replica.error;
  const auto study = StudyStore(transaction).FindByOrthancId(replica.orthancStudyId);
  data["study_instance_uid"] = study ? study->studyInstanceUid : "";
  events_.Emit(transaction, "replication.failed", study ? study->practiceId : PracticeStore::DEFAULT, data);
}

bool Replicator::Verify(RunningTask& task, std::vector<Replica>& replicas, int readBackPercent)
{
  // One listing of a series tells the sizes of all its copies.
  std::map<std::string, std::map<std::string, int64_t>> folders;
  std::vector<bool> right(replicas.size());
  const bool done = Guarded(
      task,
      [&]
      {
        for (size_t i = 0; i < replicas.size(); i++)
        {
          if (task.IsStopping())
          {
            throw Unavailable("Orthanc stops");
          }
          const Replica& replica = replicas[i];
          if (target_->KeepsFiles() && Chance(readBackPercent))
          {
            const auto bytes = target_->Get(replica.key);
            right[i] = bytes && Sha256Of(*bytes) == replica.sha256;
            continue;
          }
          const size_t slash = replica.key.rfind('/') + 1;
          const std::string folder = replica.key.substr(0, slash);
          if (!folders.contains(folder))
          {
            auto& sizes = folders[folder];
            target_->List(folder, [&](const std::string& name, int64_t size) { sizes.emplace(name, size); });
          }
          const auto& sizes = folders[folder];
          const auto found = sizes.find(replica.key.substr(slash));
          right[i] = found != sizes.end() && (found->second == replica.size || found->second < 0);
        }
      });
  if (!done)
  {
    return false;
  }
  Transaction transaction(database_);
  int64_t wrong = 0;
  for (size_t i = 0; i < replicas.size(); i++)
  {
    Replica found = replicas[i];
    found.verifiedAt = Now();
    found.error = right[i] ? "" : "The copy is gone or differs";
    found.state = right[i] ? "verified" : "failed";
    if (!ReplicaStore(transaction).PutFindings(found))
    {
      continue;  // another copy is there by now, or none
    }
    replicas[i] = found;
    if (!right[i])
    {
      wrong++;
      EmitFailure(transaction, found);
      Enqueue(transaction, "replicate", found.orthancInstanceId);
    }
  }
  transaction.Commit();
  if (wrong > 0)
  {
    LogError(fmt::format("Replication to {}: {} copies are gone or differ; they are sent again",
                         options_.name, wrong));
  }
  return true;
}

void Replicator::Scrub(RunningTask& task)
{
  if (!IsOpen(task))
  {
    return;
  }
  std::vector<Replica> replicas;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    ReplicaStore store(transaction);
    const int64_t all = store.Total(options_.name, "verified").first;
    replicas = store.LongestUnverified(options_.name, std::max(SCRUB_AT_ONCE, all / SCRUBS_OF_ALL + 1));
    transaction.Commit();
  }
  if (Verify(task, replicas, options_.readBackPercent))
  {
    task.PutOff(Now() + SCRUB_EVERY);
  }
}

void Replicator::DeleteCopies(RunningTask& task)
{
  const std::string id = IdOf(task);
  if (!options_.deleteAfterDays || !IsOpen(task))
  {
    return;
  }
  std::vector<Replica> replicas;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    replicas = ReplicaStore(transaction).OfStudy(options_.name, id);
    transaction.Commit();
  }
  std::vector<Replica> gone;
  Timestamp unlocked{};
  for (Replica& replica : replicas)
  {
    try
    {
      orthanc_.Get("/instances/" + replica.orthancInstanceId);
    }
    catch (const NotFound&)
    {
      unlocked = std::max(unlocked, replica.replicatedAt + std::chrono::hours(24) * options_.lockDays);
      gone.push_back(std::move(replica));
    }
  }
  if (unlocked > Now())
  {
    task.PutOff(unlocked);  // Object Lock
    return;
  }
  if (gone.empty() || !Guarded(task,
                               [&]
                               {
                                 for (const Replica& replica : gone)
                                 {
                                   target_->Delete(replica.key);
                                 }
                                 if (gone.size() == replicas.size())
                                 {
                                   const std::string study =
                                       gone.front().key.substr(0, gone.front().key.find('/') + 1);
                                   std::vector<std::string> manifests;
                                   target_->List(study,
                                                 [&](const std::string& name, int64_t)
                                                 {
                                                   if (name.starts_with("manifest."))
                                                   {
                                                     manifests.push_back(study + name);
                                                   }
                                                 });
                                   std::for_each(manifests.begin(), manifests.end(),
                                                 [&](const std::string& key) { target_->Delete(key); });
                                 }
                               }))
  {
    return;
  }
  Transaction transaction(database_);
  ReplicaStore store(transaction);
  AuditEntry entry;
  entry.principal.name = "configuration";
  entry.action = "replication.delete";
  entry.studyInstanceUid = gone.front().key.substr(0, gone.front().key.find('/'));
  entry.detail["target"] = options_.name;
  entry.detail["delete_after_days"] = *options_.deleteAfterDays;
  for (const Replica& replica : gone)
  {
    store.Forget(options_.name, replica.orthancInstanceId);
    entry.detail["keys"].append(replica.key);
  }
  if (gone.size() == replicas.size())
  {
    store.ForgetManifest(options_.name, id);
  }
  else
  {
    Enqueue(transaction, "manifest", id);
  }
  AuditTrail::Append(transaction, entry);
  task.Complete(transaction);
  transaction.Commit();
}

void Replicator::RestoreTask(RunningTask& task)
{
  const std::string key = IdOf(task);
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
                [&](const std::string& name, int64_t)
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
      Enqueue(transaction, "restore", restoreId + "/" + study, task.Get().payload);
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
  const int newest = NewestManifest(studyInstanceUid);
  std::vector<std::string> errors;
  int restored = 0;
  if (newest == 0)
  {
    errors.push_back(studyInstanceUid + ": there is no manifest");
  }
  else
  {
    const auto text = target_->Get(ManifestKey(studyInstanceUid, newest));
    const Json::Value manifest = ParseJson(text.value_or("{}"));
    const std::string wanted = TextOf(task.Get().payload, "patient_id");
    const bool concerned = wanted.empty() || TextOf(manifest, "patient_id") == wanted;
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
      const std::string key = TextOf(instance, "key");
      const auto bytes = target_->Get(key);
      if (!bytes)
      {
        errors.push_back(key + ": there is no copy");
      }
      else if (Sha256Of(*bytes) != TextOf(instance, "sha256"))
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

ArrivedInstances ReadInstances(IOrthanc& orthanc, const std::vector<Change>& changes)
{
  ArrivedInstances instances;
  instances.sequence = changes.back().sequence;
  for (const Change& change : changes)
  {
    if (change.type == "NewInstance")
    {
      instances.ids.push_back(change.resource);
    }
  }
  // How old the newest of them is tells whether this is the archive.
  if (!instances.ids.empty())
  {
    try
    {
      const Json::Value metadata = orthanc.Get("/instances/" + instances.ids.back() + "/metadata?expand");
      const auto received = ParseOrthancTime(TextOf(metadata, "ReceptionDate"));
      instances.isArchive = received && *received < Now() - NEW;
    }
    catch (const NotFound&)
    {
    }
  }
  return instances;
}

void EnqueueInstances(Transaction& transaction, const ArrivedInstances& instances, const std::string& newKind,
                      const std::string& archiveKind)
{
  TaskStore tasks(transaction);
  for (size_t i = 0; i < instances.ids.size(); i++)
  {
    // One task for each, also of what a sweep found first.
    const std::string& id = instances.ids[i];
    const bool isArchive = instances.isArchive && !tasks.Exists(newKind, id);
    if (!isArchive)
    {
      tasks.CancelWaiting(archiveKind, id);
    }
    // Of the archive, what came last is due the longest: it goes first.
    const Timestamp due = isArchive ? Timestamp{} + std::chrono::hours(24 * 365 * 30) -
                                          Milliseconds(instances.sequence + static_cast<int64_t>(i))
                                    : Now();
    tasks.Enqueue(isArchive ? archiveKind : newKind, id, Json::objectValue, due);
  }
}

void FollowFiling(EventLog& events, const std::vector<TargetOptions>& configured)
{
  std::set<std::string> names;
  for (const TargetOptions& target : configured)
  {
    names.insert(target.name);
  }
  const auto renew = [names](Transaction& transaction, const std::vector<ReplicaStore::Holding>& holdings)
  {
    for (const auto& [target, study] : holdings)
    {
      if (names.contains(target))
      {
        TaskStore(transaction).Enqueue("manifest." + target, study);
      }
      else if (VnaStore(transaction).Find(target))
      {
        TaskStore(transaction).Enqueue(std::string("manifest") + ROUTED, target + "/" + study);
      }
    }
  };
  for (const char* type : {"study.matched", "study.review", "study.unmatched"})
  {
    events.On(type,
              [renew](Transaction& transaction, const Event& event)
              {
                renew(transaction,
                      ReplicaStore(transaction).HoldingsOfStudy(event.data["orthanc_study_id"].asString()));
              });
  }
  // These move studies without a decision on each. (Those of a deleted patient are decided anew.)
  for (const char* type : {"patient.merge", "patient.unmerge"})
  {
    events.On(type,
              [renew](Transaction& transaction, const Event& event)
              {
                const std::string patient =
                    PatientStore(transaction).SurvivorOf(event.data["patient_id"].asString());
                renew(transaction, ReplicaStore(transaction).HoldingsOfPatient(patient));
              });
  }
}

std::function<void(Transaction&)> ReplicationSubscriber::Read(const std::vector<Change>& changes)
{
  return [this, instances = ReadInstances(orthanc_, changes)](Transaction& transaction)
  { EnqueueInstances(transaction, instances, "replicate." + target_, "catch-up." + target_); };
}

void ReplicationSubscriber::Deleted(Transaction& transaction, const std::vector<std::string>& studies)
{
  if (!deleteAfterDays_)
  {
    return;  // copies outlive the archive
  }
  for (const std::string& study : studies)
  {
    TaskStore(transaction)
        .Enqueue("delete." + target_, study, Json::objectValue,
                 Now() + std::chrono::hours(24) * *deleteAfterDays_);
  }
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
  if (deleteAfterDays_ && !stopping)
  {
    SweepDeleted(instances);
  }
}

// Instances and studies of which nobody told that they were deleted.
void ReplicationSubscriber::SweepDeleted(const Json::Value& instances)
{
  std::set<std::string> existing;
  for (const Json::Value& instance : instances)
  {
    existing.insert(instance.asString());
  }
  Transaction transaction(database_);
  ReplicaStore store(transaction);
  TaskStore tasks(transaction);
  std::vector<std::string> studies;
  size_t copies = 0;
  size_t gone = 0;
  for (const std::string& study : store.Studies(target_))
  {
    const auto replicas = store.OfStudy(target_, study);
    const auto missing = static_cast<size_t>(
        std::count_if(replicas.begin(), replicas.end(),
                      [&](const Replica& replica) { return !existing.contains(replica.orthancInstanceId); }));
    copies += replicas.size();
    gone += missing;
    if (missing > 0 && !tasks.Exists("delete." + target_, study))
    {
      studies.push_back(study);
    }
  }
  if (gone * 2 > copies)
  {
    // An archive was lost rather than cleaned, and these copies are what is left of it.
    LogError(
        fmt::format("Replication to {}: {} of {} instances are not in Orthanc any more: no copy is deleted",
                    target_, gone, copies));
    return;
  }
  for (const std::string& study : studies)
  {
    tasks.Enqueue("delete." + target_, study, Json::objectValue,
                  Now() + std::chrono::hours(24) * *deleteAfterDays_);
  }
  transaction.Commit();
}
}  // namespace OrthancClinic::Replication
