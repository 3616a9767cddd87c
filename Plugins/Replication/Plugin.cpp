// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-replication: every instance has a verified copy in Canada.

#include "Core/Host/Plugin.h"
#include "Core/Configuration/Json.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Tasks/TaskStore.h"
#include "ImageRouter.h"
#include "ReplicaStore.h"
#include "ReplicationOptions.h"
#include "ReplicationRoutes.h"
#include "Replicator.h"
#include "TargetDirectory.h"
#include "VnaRoutes.h"

namespace OrthancClinic::Replication
{
MigrationScripts Migrations();

namespace
{
// What the administrator declares of the places, whenever it changes, is part of the audit trail.
void RecordDeclarations(Database& database, const Options& options)
{
  Transaction transaction(database);
  for (const TargetOptions& target : options.targets)
  {
    AuditEntry entry;
    entry.principal.name = "configuration";
    entry.action = "replication.target";
    entry.detail["target"] = target.name;
    entry.detail["endpoint"] = target.type == TargetType::Directory ? "directory" : target.endpoint;
    entry.detail["region"] = target.region;
    entry.detail["jurisdiction"] = target.jurisdiction;
    entry.detail["privacy_impact_assessment"] = target.assessment;
    if (ReplicaStore(transaction).Declare(target.name, WriteJson(entry.detail)))
    {
      AuditTrail::Append(transaction, entry);
    }
  }
  transaction.Commit();
}

void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  clinic.Database().Migrate("replication", Migrations());
  const Json::Value& orthanc = clinic.Configuration().Orthanc();
  const ReplicatorParts parts{
      clinic.Database(), clinic.Orthanc(),  clinic.Images(),
      clinic.Events(),   options.residency, orthanc.get("StorageDirectory", "OrthancStorage").asString()};

  // These live until the process ends: Orthanc may call back late.
  static TargetDirectory targets(parts, options.targets);
  static ImageRouter images(clinic.Database(), clinic.Orthanc());
  std::vector<TaskKind> kinds = images.Tasks();
  for (std::vector<TaskKind> more =
           Replicator::RoutedTasks([](const std::string& name) { return targets.Find(name); });
       TaskKind & kind : more)
  {
    kinds.push_back(std::move(kind));
  }
  for (const auto& replicator : targets.Configured())
  {
    for (TaskKind& kind : replicator->Tasks())
    {
      kinds.push_back(std::move(kind));
    }
  }
  for (TaskKind& kind : kinds)
  {
    clinic.Tasks().Register(std::move(kind));
  }
  clinic.Subscribe(std::make_unique<RoutingSubscriber>(clinic.Database(), clinic.Orthanc()));
  images.Follow(clinic.Events());
  FollowFiling(clinic.Events(), options.targets);
  for (const TargetOptions& target : options.targets)
  {
    clinic.Subscribe(std::make_unique<ReplicationSubscriber>(clinic.Database(), clinic.Orthanc(), target.name,
                                                             target.deleteAfterDays));
    clinic.Events().On("study.settled",
                       [kind = "manifest." + target.name](Transaction& transaction, const Event& event)
                       { TaskStore(transaction).Enqueue(kind, event.data["orthanc_study_id"].asString()); });
  }
  AddReplicationRoutes(clinic.Routes(), clinic.Database(), targets);
  AddVnaRoutes(clinic.Routes(), parts, targets);
  clinic.OnStarted(
      [&clinic, options]
      {
        RecordDeclarations(clinic.Database(), options);
        Transaction transaction(clinic.Database());
        for (const TargetOptions& target : options.targets)
        {
          Replicator::Start(transaction, target);
        }
        transaction.Commit();
        targets.Reload();
      });
  clinic.AddHealth("replication",
                   []
                   {
                     HealthReport report;
                     report.detail["targets"] = Json::objectValue;
                     for (const auto& replicator : targets.Known())
                     {
                       const Replicator::Health health = replicator->GetHealth();
                       Json::Value& target = report.detail["targets"][replicator->Name()];
                       target["ready"] = health.ready;
                       target["error"] = OrNull(health.error);
                     }
                     return report;
                   });
  clinic.AddMetrics([&clinic] { return Metrics(clinic.Database(), targets); });
  clinic.AddStudyField("replication",
                       [](Transaction& transaction, const Study& study)
                       {
                         Json::Value states(Json::arrayValue);
                         for (const auto& replicator : targets.Of(transaction, study))
                         {
                           Json::Value target;
                           target["target"] = replicator->Name();
                           target["state"] = replicator->StateOf(transaction, study);
                           states.append(target);
                         }
                         return states;
                       });
}
}  // namespace
}  // namespace OrthancClinic::Replication

ORTHANC_CLINIC_PLUGIN("clinic-replication", "A verified copy of every instance, in Canada",
                      OrthancClinic::Replication::Load)
