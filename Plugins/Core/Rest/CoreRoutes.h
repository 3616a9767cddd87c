// SPDX-License-Identifier: GPL-3.0-or-later
//
// The routes that exist whatever plugins are loaded: operation, practices, patients, studies.

#pragma once

#include <functional>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Feed/Feed.h"
#include "Core/Records/Study.h"
#include "Core/Rest/LiveEvents.h"
#include "Core/Rest/RecordWriter.h"
#include "Core/Rest/Router.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic
{
struct CoreParts
{
  Database& database;
  EventLog& events;
  LiveEvents& live;
  TaskWorkers& tasks;
  std::function<Json::Value()> plugins;  // what the plugins say of their health, by name, each with "ready"
  std::function<bool()> started;         // Orthanc has started and not begun to stop
  std::function<std::vector<Feed::Lag>()> lag;  // of the feed
  std::function<std::string()> metrics;  // what Host and the plugins measure, in Prometheus' text format
  std::function<void(Transaction&, const Study&, Json::Value&)>
      describeStudy;  // adds what the plugins say of it
  std::string version;
};

ORTHANC_CLINIC_API void AddOperationRoutes(Router& router, const CoreParts& parts);
ORTHANC_CLINIC_API void AddPracticeRoutes(Router& router, const CoreParts& parts);
ORTHANC_CLINIC_API void AddPatientRoutes(Router& router, const CoreParts& parts);
ORTHANC_CLINIC_API void AddStudyRoutes(Router& router, const CoreParts& parts);

// `events` must outlive it.
ORTHANC_CLINIC_API RecordWriter MakePatientWriter(const EventLog& events);
}  // namespace OrthancClinic
