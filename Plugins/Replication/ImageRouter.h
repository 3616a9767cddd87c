// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sends each instance where the rules of its practice say. The tasks:
// - `route.new` and `route.archive` (key: Orthanc's instance id): decide, and enqueue the copy;
// - `route.study` (key: Orthanc's study id): the study was filed under another patient, decide again;
// - `route.practice` (key: the practice's id): its targets changed, decide on what none has.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "Core/Dicom/XrayType.h"
#include "Core/Events/EventLog.h"
#include "Core/Feed/Feed.h"
#include "Core/Orthanc.h"
#include "Core/Tasks/TaskWorkers.h"
#include "Routing.h"

namespace OrthancClinic::Replication
{
class ImageRouter
{
public:
  ImageRouter(Database& database, IOrthanc& orthanc);

  std::vector<TaskKind> Tasks();

  // Follows the matches and the deletions of studies.
  void Follow(EventLog& events);

  // Enqueues what a change of the practice's targets asks for.
  static void TargetsChanged(Transaction& transaction, const std::string& practiceId);

private:
  void RouteInstance(RunningTask& task);
  void RouteStudy(RunningTask& task);
  void RoutePractice(RunningTask& task);

  Database& database_;
  IOrthanc& orthanc_;
  const std::vector<XrayTypeRule> xrayTypes_;
};

// All of them have one cursor: what came before the first of them was made is found by `route.practice`.
class RoutingSubscriber : public IFeedSubscriber
{
public:
  RoutingSubscriber(Database& database, IOrthanc& orthanc) : database_(database), orthanc_(orthanc) {}

  std::string Name() const override { return "replication.routing"; }
  std::function<void(Transaction&)> Read(const std::vector<Change>& changes) override;
  void Deleted(Transaction&, const std::vector<std::string>&) override {}  // copies outlive the archive
  void Sweep(SweepDepth depth, const std::atomic<bool>& stopping) override;

private:
  Database& database_;
  IOrthanc& orthanc_;
};
}  // namespace OrthancClinic::Replication
