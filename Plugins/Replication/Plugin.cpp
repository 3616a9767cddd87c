// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-replication: every instance has a verified copy in Canada.

#include "Core/Host/Plugin.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Tasks/TaskStore.h"
#include "ReplicationOptions.h"
#include "ReplicationRoutes.h"
#include "Replicator.h"

namespace OrthancClinic::Replication
{
MigrationScripts Migrations();

namespace
{
// What the administrator declares of the places is part of the audit trail.
void RecordDeclarations(Database& database, const Options& options)
{
  Transaction transaction(database);
  for (const TargetOptions& target : options.targets)
  {
    AuditEntry entry;
    entry.principal.name = "configuration";
    entry.action = "replication.target";
    entry.detail["target"] = target.name;
    entry.detail["endpoint"] = target.isS3 ? target.endpoint : "directory";
    entry.detail["region"] = target.region;
    entry.detail["jurisdiction"] = target.jurisdiction;
    entry.detail["privacy_impact_assessment"] = target.assessment;
    AuditTrail::Append(transaction, entry);
  }
  transaction.Commit();
}

void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  clinic.Database().Migrate("replication", Migrations());

  // Lives until the process ends: Orthanc may call back late.
  static Replicators replicators;
  for (const TargetOptions& target : options.targets)
  {
    replicators.push_back(std::make_unique<Replicator>(clinic.Database(), clinic.Orthanc(), clinic.Events(),
                                                       target, options.residency));
    for (TaskKind& kind : replicators.back()->Tasks())
    {
      clinic.Tasks().Register(std::move(kind));
    }
    clinic.Subscribe(
        std::make_unique<ReplicationSubscriber>(clinic.Database(), clinic.Orthanc(), target.name));
    clinic.Events().On("study.settled",
                       [kind = "manifest." + target.name](Transaction& transaction, const Event& event)
                       { TaskStore(transaction).Enqueue(kind, event.data["orthanc_study_id"].asString()); });
  }
  AddReplicationRoutes(clinic.Routes(), clinic.Database(), replicators);
  clinic.OnStarted(
      [&clinic, options]
      {
        RecordDeclarations(clinic.Database(), options);
        for (const auto& replicator : replicators)
        {
          replicator->Start();
        }
      });
  clinic.AddHealth("replication",
                   []
                   {
                     HealthReport report;
                     report.detail["targets"] = Json::objectValue;
                     for (const auto& replicator : replicators)
                     {
                       const Replicator::Health health = replicator->GetHealth();
                       Json::Value& target = report.detail["targets"][replicator->Name()];
                       target["ready"] = health.ready;
                       target["error"] = health.error.empty() ? Json::Value() : Json::Value(health.error);
                     }
                     return report;
                   });
}
}  // namespace
}  // namespace OrthancClinic::Replication

ORTHANC_CLINIC_PLUGIN("clinic-replication", "A verified copy of every instance, in Canada",
                      OrthancClinic::Replication::Load)
