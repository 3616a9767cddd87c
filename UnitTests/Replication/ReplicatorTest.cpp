// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happens between a target, Orthanc and the database while the others change.

#include "Replication/Replicator.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "Core/Configuration/Json.h"
#include "Core/DatabaseFixture.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/StudyStore.h"
#include "Core/Tasks/TaskStore.h"
#include "Replication/Vna.h"
#include "Support/EmptyOrthanc.h"

namespace OrthancClinic::Replication
{
MigrationScripts Migrations();

namespace
{
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Studies of one series, whose instances' files are texts.
class SmallOrthanc : public Testing::EmptyOrthanc, public IImageCodec
{
public:
  std::map<std::string, std::string> files;  // by instance

  Json::Value Get(const std::string& path) override
  {
    const std::string id = path.substr(path.rfind('/') + 1);
    Json::Value json;
    if (path == "/series/series")
    {
      json["ParentStudy"] = "s1";
      json["MainDicomTags"]["SeriesInstanceUID"] = "1.2.3";
      return json;
    }
    if (path == "/studies/s1")
    {
      json["MainDicomTags"]["StudyInstanceUID"] = "1.2";
      return json;
    }
    if (path == "/studies/s1/instances?expand")
    {
      for (const auto& [instance, file] : files)
      {
        json.append(Get("/instances/" + instance));
      }
      return json;
    }
    if (path.ends_with("/attachments/dicom/info"))
    {
      return Json::objectValue;
    }
    if (path.starts_with("/instances/") && files.contains(id))
    {
      json["ID"] = id;
      json["ParentSeries"] = "series";
      json["MainDicomTags"]["SOPInstanceUID"] = id;
      return json;
    }
    throw NotFound(path);
  }

  std::string GetBytes(const std::string& path) override
  {
    constexpr size_t PREFIX = std::string_view("/instances/").size();
    return path.ends_with("/file") ? files.at(path.substr(PREFIX, path.rfind('/') - PREFIX))
                                   : "1.2.840.10008.1.2.1";
  }

  Image DecodeFrame(const std::string&, unsigned) override { throw BadInput("no pixels"); }
  std::string Transcode(const std::string&, const std::string&) override { throw BadInput("no pixels"); }
  std::string EncodePng(const Image&) override { return ""; }
  std::string EncodeJpeg(const Image&, int) override { return ""; }
};

// Keeps what it gets in memory.
class Shelf : public ITarget
{
public:
  std::map<std::string, std::string> objects;
  // What happens once meanwhile: before a file is there, and before it is told what is there.
  std::function<void()> whilePutting;
  std::function<void()> whileListing;

  void Check() override {}
  std::string Put(const std::string& key, IContent& content, const std::string&, const UploadMemory&,
                  const std::function<bool()>&) override
  {
    if (const auto action = std::exchange(whilePutting, nullptr))
    {
      action();
    }
    objects[key] = content.Read(0, content.Size());
    return Sha256Of(objects[key]);
  }
  bool PutNew(const std::string& key, IContent& content, const std::string&,
              const std::function<bool()>&) override
  {
    return objects.emplace(key, content.Read(0, content.Size())).second;
  }
  std::optional<std::string> Get(const std::string& key) override
  {
    const auto found = objects.find(key);
    return found == objects.end() ? std::nullopt : std::optional(found->second);
  }
  void Delete(const std::string& key) override { objects.erase(key); }
  void Tidy(Timestamp) override {}
  void List(const std::string& folder,
            const std::function<void(const std::string& name, int64_t size)>& each) override
  {
    if (const auto action = std::exchange(whileListing, nullptr))
    {
      action();
    }
    for (const auto& [key, text] : objects)
    {
      if (key.starts_with(folder) && key.find('/', folder.size()) == std::string::npos)
      {
        each(key.substr(folder.size()), static_cast<int64_t>(text.size()));
      }
    }
  }
};

class ReplicatorOn : public Testing::DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    if (IsSkipped())
    {
      return;
    }
    GetDatabase().Migrate("replication", Migrations());
    TargetOptions options;
    options.name = "montreal";
    options.readBackPercent = 0;
    replicator_ = Make(options);
    WithStore<StudyStore>(
        [](StudyStore& store)
        {
          Study study;
          study.orthancStudyId = "s1";
          study.studyInstanceUid = "1.2";
          study.practiceId = "default";
          study.numberOfInstances = 1;
          study.receivedAt = study.lastInstanceAt = Now();
          store.Insert(study);
        });
  }

  // With a shelf of its own, which is the last one made.
  std::unique_ptr<Replicator> Make(const TargetOptions& options)
  {
    auto shelf = std::make_unique<Shelf>();
    shelf_ = shelf.get();
    return std::make_unique<Replicator>(
        ReplicatorParts{GetDatabase(), orthanc_, orthanc_, events_, {}, "/nowhere"}, options,
        std::move(shelf));
  }

  void Change(const std::function<void(Study&)>& change)
  {
    WithStore<StudyStore>(
        [&](StudyStore& store)
        {
          Study study = store.FindForUpdate("s1").value();
          change(study);
          store.UpdateContent(study);
          store.UpdateMatch("s1", study.match);
        });
  }

  // The instance came (again); the study was quiet for long enough.
  void Arrive(const std::string& instance, const std::string& file)
  {
    orthanc_.files[instance] = file;
    Change(
        [&](Study& study)
        {
          study.settledAt.reset();
          study.numberOfInstances = static_cast<int>(orthanc_.files.size());
        });
    Enqueue("replicate", instance);
  }
  void Settle()
  {
    Change([](Study& study) { study.settledAt = Now(); });
    Enqueue("manifest", "s1");
  }

  void Enqueue(const std::string& what, const std::string& id)
  {
    Transaction transaction(GetDatabase());
    replicator_->Enqueue(transaction, what, id);
    transaction.Commit();
  }

  // Runs every task of the kind that there is, also one that waits.
  void Run(const std::string& what)
  {
    const std::string name = what + ".montreal";
    std::vector<Task> tasks;
    {
      Transaction transaction(GetDatabase());
      TaskStore(transaction).Hasten(name);
      tasks = TaskStore(transaction).Lease(name, "worker", Now() + std::chrono::minutes(1), 100);
      transaction.Commit();
    }
    const auto kinds = replicator_->Tasks();
    const auto kind = std::find_if(kinds.begin(), kinds.end(),
                                   [&](const TaskKind& candidate) { return candidate.name == name; });
    ASSERT_NE(kinds.end(), kind);
    for (const Task& task : tasks)
    {
      RunningTask running(GetDatabase(), task, "worker", stopping_);
      kind->handler(running);
      try
      {
        Transaction transaction(GetDatabase());
        TaskStore(transaction).Complete(task, "worker");
        transaction.Commit();
      }
      catch (const Conflict&)
      {
        // The handler did it itself.
      }
    }
  }

  std::vector<std::string> Tasks()
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    std::vector<std::string> names;
    for (const Task& task : TaskStore(transaction).List("", "", 100, 0).first)
    {
      names.push_back(task.kind + " " + task.key);
    }
    transaction.Commit();
    std::sort(names.begin(), names.end());
    return names;
  }

  std::vector<std::string> EventTypes()
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    std::vector<std::string> types;
    for (const Event& event : EventLog::Since(transaction, 0, "", 100))
    {
      types.push_back(event.type);
    }
    transaction.Commit();
    return types;
  }

  std::optional<Replica> CopyOf(const std::string& instance)
  {
    return WithStore<ReplicaStore>([&](ReplicaStore& store) { return store.Find("montreal", instance); });
  }

  // The newest on the shelf.
  Json::Value NewestManifest() const
  {
    const auto next = shelf_->objects.lower_bound("1.2/manifest.999999.json");
    return next == shelf_->objects.begin() ? Json::Value() : ParseJson(std::prev(next)->second);
  }

  SmallOrthanc orthanc_;
  EventLog events_;
  Shelf* shelf_ = nullptr;
  std::unique_ptr<Replicator> replicator_;
  const std::atomic<bool> stopping_{false};
};

TEST_P(ReplicatorOn, TellsInTheManifestOfACopyThatWasMadeWhileTheStudySettled)
{
  Arrive("i1", "first");
  Run("replicate");
  Settle();
  Run("manifest");
  ASSERT_EQ(Sha256Of("first"), NewestManifest()["instances"][0]["sha256"].asString());

  Arrive("i1", "again");
  shelf_->whilePutting = [&]
  {
    Settle();
    Run("manifest");
  };
  Run("replicate");
  Run("manifest");

  EXPECT_EQ(Sha256Of("again"), NewestManifest()["instances"][0]["sha256"].asString());
  EXPECT_THAT(Tasks(), IsEmpty());
}

TEST_P(ReplicatorOn, LeavesWhatChangedWhileItWasCompared)
{
  for (const char* instance : {"i1", "i2", "i3"})
  {
    Arrive(instance, "first");
  }
  Run("replicate");
  Enqueue("scrub", "all");
  Run("scrub");
  const auto change = [&](const std::string& text)
  {
    return [this, text]
    {
      Arrive("i1", text);
      Run("replicate");
      WithStore<ReplicaStore>([](ReplicaStore& store) { store.Forget("montreal", "i2"); });
      orthanc_.files.erase("i2");
      shelf_->objects.erase("1.2/1.2.3/i2.dcm");
    };
  };

  // Of the same size: the copy that is there looks like the one before.
  shelf_->whileListing = change("again");
  Run("scrub");
  EXPECT_EQ(Sha256Of("again"), CopyOf("i1")->sha256);
  EXPECT_EQ("replicated", CopyOf("i1")->state) << "nobody saw this one yet";
  EXPECT_EQ("verified", CopyOf("i3")->state);
  EXPECT_FALSE(CopyOf("i2").has_value()) << "it was deleted";

  shelf_->whileListing = change("of another size");
  Run("scrub");
  EXPECT_EQ(Sha256Of("of another size"), CopyOf("i1")->sha256);
  EXPECT_EQ("replicated", CopyOf("i1")->state);
  EXPECT_THAT(EventTypes(), IsEmpty()) << "nothing was lost";

  shelf_->objects.clear();
  Run("scrub");
  EXPECT_EQ("failed", CopyOf("i1")->state);
  EXPECT_THAT(EventTypes(), ElementsAre("replication.failed", "replication.failed"));
  EXPECT_THAT(Tasks(), ElementsAre("replicate.montreal i1", "replicate.montreal i3", "scrub.montreal all"));
}

TEST_P(ReplicatorOn, WritesTheManifestAnewWhenTheStudyBelongsToAnother)
{
  TargetOptions configured;
  configured.name = "montreal";
  FollowFiling(events_, {configured});
  Vna vna;
  vna.id = "vna";
  vna.practiceId = "default";
  WithStore<VnaStore>([&](VnaStore& store) { store.Put(vna); });
  const auto tell = [&](const char* type, const char* key, const char* id)
  {
    Transaction transaction(GetDatabase());
    Json::Value data;
    data[key] = id;
    events_.Emit(transaction, type, "default", data);
    transaction.Commit();
    const auto tasks = Tasks();
    WithStore<TaskStore>(
        [](TaskStore& store)
        {
          store.Cancel("manifest.montreal", "s1");
          store.Cancel("manifest.routed", "vna/s1");
        });
    return tasks;
  };
  Change([](Study& study) { study.settledAt = Now(); });
  EXPECT_THAT(tell("study.matched", "orthanc_study_id", "s1"), IsEmpty()) << "nobody holds anything of it";
  WithStore<ReplicaStore>(
      [](ReplicaStore& store)
      {
        for (const char* target : {"montreal", "vna", "gone"})
        {
          for (const char* instance : {"i1", "i2"})
          {
            Replica replica;
            replica.target = target;
            replica.orthancInstanceId = instance;
            replica.orthancStudyId = "s1";
            store.Put(replica);
          }
        }
      });
  const auto both = ElementsAre("manifest.montreal s1", "manifest.routed vna/s1");
  for (const char* type : {"study.matched", "study.review", "study.unmatched"})
  {
    EXPECT_THAT(tell(type, "orthanc_study_id", "s1"), both) << type;
    EXPECT_THAT(tell(type, "orthanc_study_id", "s2"), IsEmpty()) << type;
  }

  // Merged with another, and back.
  for (const char* id : {"p1", "p2"})
  {
    Patient patient;
    patient.id = id;
    patient.practiceId = "default";
    WithStore<PatientStore>([&](PatientStore& store) { store.Put(patient); });
  }
  Change(
      [](Study& study)
      {
        study.match.status = MatchStatus::Matched;
        study.match.patientId = "p1";
      });
  WithStore<PatientStore>([](PatientStore& store) { store.Merge("p1", "p2", "lise"); });
  EXPECT_THAT(tell("patient.merge", "patient_id", "p1"), both);
  WithStore<PatientStore>([](PatientStore& store) { store.Unmerge("p1"); });
  EXPECT_THAT(tell("patient.unmerge", "patient_id", "p1"), both);
  EXPECT_THAT(tell("patient.unmerge", "patient_id", "p2"), IsEmpty());

  Change([](Study& study) { study.settledAt.reset(); });
  EXPECT_THAT(tell("study.matched", "orthanc_study_id", "s1"), IsEmpty()) << "it comes when it is complete";
}

TEST_P(ReplicatorOn, WritesAManifestOnlyIfItSaysSomethingElse)
{
  Arrive("i1", "first");
  Run("replicate");
  Settle();
  Run("manifest");
  const auto again = [&]
  {
    Settle();
    Run("manifest");
    return NewestManifest()["version"].asInt();
  };
  EXPECT_EQ(1, again());
  EXPECT_THAT(EventTypes(), ElementsAre("replication.completed"));

  Change(
      [](Study& study)
      {
        study.match.status = MatchStatus::Matched;
        study.match.patientId = "p1";
      });
  EXPECT_EQ(2, again());
  EXPECT_EQ("p1", NewestManifest()["patient_id"].asString());
  EXPECT_EQ(2, again());

  // One that is gone, and one that is not this clinic's last word.
  shelf_->objects.erase("1.2/manifest.000002.json");
  EXPECT_EQ(3, again());
  shelf_->objects["1.2/manifest.000004.json"] = R"({"version": 4})";
  EXPECT_EQ(5, again());

  // A copy that was lost is there again.
  shelf_->objects.erase("1.2/1.2.3/i1.dcm");
  Enqueue("scrub", "all");
  Run("scrub");
  Run("replicate");
  EXPECT_EQ(5, again());
  EXPECT_EQ("replication.completed", EventTypes().back()) << "after the failure was told";
}

TEST_P(ReplicatorOn, HoldsAllOfAStudyOnlyOnceEachImageHasItsRoute)
{
  TargetOptions options;
  options.name = "vna";
  options.practiceId = "default";
  const auto routed = Make(options);
  Change([](Study& study) { study.numberOfInstances = 2; });
  const auto state = [&]
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    const std::string text =
        routed->StateOf(transaction, StudyStore(transaction).FindByOrthancId("s1").value());
    transaction.Commit();
    return text;
  };
  WithStore<ReplicaStore>(
      [](ReplicaStore& store)
      {
        store.PutRoute({"i1", "s1", "vna", "rule", false});
        Replica replica;
        replica.target = "vna";
        replica.orthancInstanceId = "i1";
        replica.orthancStudyId = "s1";
        replica.state = "verified";
        store.Put(replica);
      });
  EXPECT_EQ("pending", state());
  WithStore<ReplicaStore>([](ReplicaStore& store) { store.PutRoute({"i2", "s1", "", "", false}); });
  EXPECT_EQ("verified", state()) << "the other one goes nowhere";
}

TEST_P(ReplicatorOn, HasOneTaskForAnInstance)
{
  const auto arrive = [&](const char* instance, bool isArchive)
  {
    Transaction transaction(GetDatabase());
    EnqueueInstances(transaction, {.ids = {instance}, .isArchive = isArchive, .sequence = 1},
                     "replicate.montreal", "catch-up.montreal");
    transaction.Commit();
  };
  // Found by a sweep, then told by the feed.
  Enqueue("catch-up", "i1");
  arrive("i1", false);
  EXPECT_THAT(Tasks(), ElementsAre("replicate.montreal i1"));
  arrive("i1", true);
  EXPECT_THAT(Tasks(), ElementsAre("replicate.montreal i1"));
  arrive("i2", true);
  EXPECT_THAT(Tasks(), ElementsAre("catch-up.montreal i2", "replicate.montreal i1"));

  // One that is being sent goes on.
  {
    Transaction transaction(GetDatabase());
    EXPECT_EQ(1U, TaskStore(transaction)
                      .Lease("catch-up.montreal", "worker", Now() + std::chrono::minutes(1), 1)
                      .size());
    transaction.Commit();
  }
  arrive("i2", false);
  EXPECT_THAT(Tasks(), ElementsAre("catch-up.montreal i2", "replicate.montreal i1", "replicate.montreal i2"));
}

ON_BOTH_DATABASES(ReplicatorOn);
}  // namespace
}  // namespace OrthancClinic::Replication
