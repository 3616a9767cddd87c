// SPDX-License-Identifier: GPL-3.0-or-later
//
// A study is deleted by two people: one asks, with a reason, another agrees. Until then nothing is deleted.

#pragma once

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Orthanc.h"
#include "Core/Rest/Router.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic::Access
{
class Deletions
{
public:
  Deletions(Database& database, IOrthanc& orthanc, const EventLog& events)
      : database_(database), orthanc_(orthanc), events_(events)
  {
  }

  void AddRoutes(Router& router);
  TaskKind Task();  // "delete.study"

private:
  Response Ask(const Request& request, const std::string& study);
  Response List(const Request& request);
  Response Decide(const Request& request, bool approve);
  void Run(RunningTask& task);

  Database& database_;
  IOrthanc& orthanc_;
  const EventLog& events_;
};
}  // namespace OrthancClinic::Access
