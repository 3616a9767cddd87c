// SPDX-License-Identifier: GPL-3.0-or-later

#include "ImageRouter.h"

#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/Tags.h"
#include "Core/Errors.h"
#include "Core/Records/AwaitedStudy.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "Core/Records/Xray.h"
#include "Core/Tasks/TaskStore.h"
#include "ReplicaStore.h"
#include "Replicator.h"

namespace OrthancClinic::Replication
{
namespace
{
constexpr Milliseconds NOT_RECORDED(200);
constexpr Milliseconds NOT_DECIDED(500);
// So long a rule on a patient waits for the decision whose the study is. Then the image goes by the other
// rules, and again by this one once it is known.
constexpr std::chrono::minutes DECISION_TAKES(1);
constexpr int64_t STUDIES_AT_ONCE = 500;
constexpr const char* NEW = "route.new";
constexpr const char* ARCHIVE = "route.archive";

std::vector<std::string> PlacesOf(Transaction& transaction, const Study& study)
{
  std::vector<std::string> places = {study.practiceId};
  if (const auto practice = PracticeStore(transaction).Find(study.practiceId))
  {
    places.push_back(practice->name);
  }
  if (!study.institutionName.empty())
  {
    places.push_back(study.institutionName);
  }
  for (const Xray& xray : XrayStore(transaction).Search({.orthancStudyId = study.orthancStudyId}).first)
  {
    if (!xray.clinicId.empty())
    {
      places.push_back(xray.clinicId);
    }
  }
  return places;
}
}  // namespace

ImageRouter::ImageRouter(Database& database, IOrthanc& orthanc)
    : database_(database), orthanc_(orthanc), xrayTypes_(ReadXrayTypes(DefaultXrayTypes()))
{
}

std::vector<TaskKind> ImageRouter::Tasks()
{
  const auto kind = [&](const char* name, unsigned concurrency, void (ImageRouter::*handler)(RunningTask&))
  {
    return TaskKind{.name = name,
                    .handler = [this, handler](RunningTask& task) { (this->*handler)(task); },
                    .concurrency = concurrency};
  };
  return {kind(NEW, 2, &ImageRouter::RouteInstance), kind(ARCHIVE, 1, &ImageRouter::RouteInstance),
          kind("route.study", 1, &ImageRouter::RouteStudy),
          kind("route.practice", 1, &ImageRouter::RoutePractice)};
}

void ImageRouter::Follow(EventLog& events)
{
  for (const char* type : {"study.matched", "study.review", "study.unmatched"})
  {
    events.On(type,
              [](Transaction& transaction, const Event& event)
              {
                if (AskForPatients(VnaStore(transaction).List(event.practiceId)))
                {
                  TaskStore(transaction).Enqueue("route.study", event.data["orthanc_study_id"].asString());
                }
              });
  }
  events.On("study.settled",
            [](Transaction& transaction, const Event& event)
            {
              const std::string study = event.data["orthanc_study_id"].asString();
              for (const std::string& target : ReplicaStore(transaction).RoutedTargets(study))
              {
                TaskStore(transaction).Enqueue("manifest.routed", target + "/" + study);
              }
            });
  events.On("study.deleted", [](Transaction& transaction, const Event& event)
            { ReplicaStore(transaction).ForgetRoutesOfStudy(event.data["orthanc_study_id"].asString()); });
}

void ImageRouter::TargetsChanged(Transaction& transaction, const std::string& practiceId)
{
  TaskStore(transaction).Enqueue("route.practice", practiceId);
}

void ImageRouter::RouteInstance(RunningTask& task)
{
  const std::string& id = task.Get().key;
  std::string orthancStudyId;
  Json::Value tags;
  try
  {
    const Json::Value stored = orthanc_.Get("/instances/" + id + "/study");
    orthancStudyId = stored["ID"].asString();
    bool askForTypes = false;
    {
      Transaction transaction(database_, Transaction::Mode::ReadOnly);
      const auto study = StudyStore(transaction).FindByOrthancId(orthancStudyId);
      const auto vnas = study ? VnaStore(transaction).List(study->practiceId) : std::vector<Vna>();
      const bool isNobodys =
          !study &&
          AwaitedStudyStore(transaction).TaskOf(TextOf(stored["MainDicomTags"], "StudyInstanceUID"));
      transaction.Commit();
      if (isNobodys)
      {
        return;  // its images go where they belong once they are there
      }
      if (!study)
      {
        task.PutOff(Now() + NOT_RECORDED);  // the feed that records it is another one
        return;
      }
      if (vnas.empty())
      {
        return;
      }
      askForTypes = AskForTypes(vnas);
    }
    if (askForTypes)
    {
      tags = orthanc_.Get("/instances/" + id + "/tags?short");
    }
  }
  catch (const NotFound&)
  {
    return;  // deleted since
  }

  Transaction transaction(database_);
  const auto study = StudyStore(transaction).FindForUpdate(orthancStudyId);
  const auto vnas = study ? VnaStore(transaction).List(study->practiceId) : std::vector<Vna>();
  if (!study || (AskForTypes(vnas) && tags.isNull()))
  {
    throw Unavailable("The study or the rules changed meanwhile");
  }
  ImageFacts facts;
  facts.places = PlacesOf(transaction, *study);
  if (!tags.isNull())
  {
    facts.types = {XrayTypeOf(xrayTypes_, tags), Tag(tags, "0008,0060")};
  }
  facts.undecided = study->match.status == MatchStatus::Pending;
  facts.patientId = study->match.patientId.value_or("");
  const Route route = Decide(vnas, facts);
  if (route.waits && Now() - study->receivedAt < DECISION_TAKES)
  {
    task.Complete(transaction);
    TaskStore(transaction).Enqueue(task.Get().kind, id, Json::objectValue, Now() + NOT_DECIDED);
    transaction.Commit();
    return;
  }
  ReplicaStore store(transaction);
  const auto before = store.FindRoute(id);
  if (!before || before->target != route.target || before->rule != route.rule ||
      before->compress != route.compress)
  {
    store.PutRoute({id, orthancStudyId, route.target, route.rule, route.compress});
  }
  if (!route.target.empty())
  {
    // Also of one that has its copy: it may have come again with other content.
    TaskStore(transaction)
        .Enqueue(task.Get().kind == NEW ? "replicate.routed" : "catch-up.routed", route.target + "/" + id);
  }
  task.Complete(transaction);
  transaction.Commit();
}

void ImageRouter::RouteStudy(RunningTask& task)
{
  Json::Value instances;
  try
  {
    instances = orthanc_.Get("/studies/" + task.Get().key + "/instances");
  }
  catch (const NotFound&)
  {
    return;
  }
  Transaction transaction(database_);
  for (const Json::Value& instance : instances)
  {
    TaskStore(transaction).Enqueue(NEW, instance["ID"].asString());
  }
  task.Complete(transaction);
  transaction.Commit();
}

void ImageRouter::RoutePractice(RunningTask& task)
{
  StudyFilter filter;
  filter.practices = task.Get().key;
  filter.limit = STUDIES_AT_ONCE;
  for (bool more = true; more; filter.offset += filter.limit)
  {
    std::vector<std::string> incomplete;
    {
      Transaction transaction(database_, Transaction::Mode::ReadOnly);
      const auto studies = StudyStore(transaction).Search(filter).first;
      for (const Study& study : studies)
      {
        if (ReplicaStore(transaction).CountRoutes(study.orthancStudyId) < study.numberOfInstances)
        {
          incomplete.push_back(study.orthancStudyId);
        }
      }
      more = std::ssize(studies) == filter.limit && !VnaStore(transaction).List(filter.practices).empty();
      transaction.Commit();
    }
    for (const std::string& study : incomplete)
    {
      if (task.IsStopping())
      {
        throw Unavailable("Orthanc stops");
      }
      Json::Value instances;
      try
      {
        instances = orthanc_.Get("/studies/" + study + "/instances");
      }
      catch (const NotFound&)
      {
        continue;
      }
      Transaction transaction(database_);
      for (const Json::Value& instance : instances)
      {
        const std::string id = instance["ID"].asString();
        const auto route = ReplicaStore(transaction).FindRoute(id);
        TaskStore tasks(transaction);
        if ((!route || route->target.empty()) && !tasks.Exists(NEW, id) && !tasks.Exists(ARCHIVE, id))
        {
          tasks.Enqueue(ARCHIVE, id);
        }
      }
      transaction.Commit();
    }
  }
}

std::function<void(Transaction&)> RoutingSubscriber::Read(const std::vector<Change>& changes)
{
  return [instances = ReadInstances(orthanc_, changes)](Transaction& transaction)
  {
    if (VnaStore(transaction).Any())
    {
      EnqueueInstances(transaction, instances, NEW, ARCHIVE);
    }
  };
}

void RoutingSubscriber::Sweep(SweepDepth depth, const std::atomic<bool>&)
{
  if (depth != SweepDepth::Content)
  {
    return;
  }
  Transaction transaction(database_);
  std::set<std::string> practices;
  for (const Vna& vna : VnaStore(transaction).List())
  {
    practices.insert(vna.practiceId);
  }
  for (const std::string& practice : practices)
  {
    ImageRouter::TargetsChanged(transaction, practice);
  }
  transaction.Commit();
}
}  // namespace OrthancClinic::Replication
