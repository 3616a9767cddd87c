// SPDX-License-Identifier: GPL-3.0-or-later
//
// The audit trail for others: as files on demand, and as it grows to a syslog server. Old records are
// forgotten.

#pragma once

#include "AccessOptions.h"
#include "Core/Database/Database.h"
#include "Core/Rest/Router.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic::Access
{
class AuditExport
{
public:
  AuditExport(Database& database, const Options& options) : database_(database), options_(options) {}

  void AddRoutes(Router& router);

  // "forward.audit" sends what is new, at least once each; "purge.audit" forgets what is old. Only what the
  // options ask for.
  std::vector<TaskKind> Tasks();
  void Start();

private:
  Response Export(const Request& request);
  void Forward(RunningTask& task);
  void Purge(RunningTask& task);

  Database& database_;
  const Options options_;
};
}  // namespace OrthancClinic::Access
