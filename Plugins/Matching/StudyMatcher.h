// SPDX-License-Identifier: GPL-3.0-or-later
//
// Decides to whom each study belongs, and decides anew when the directory or the study changes. The tasks:
// - `match.study` (key: Orthanc's study id): decides one study;
// - `match.directory` (key: "all"): finds the studies that changed patients may concern, and has them decided
// anew;
// - `match.estimate` (key: "all"): estimates the parameters of the comparison from the clinic's own data,
// daily. A decision of a person is never overruled.

#pragma once

#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Records/Study.h"
#include "Core/Tasks/TaskWorkers.h"
#include "Directory.h"

namespace OrthancClinic::Matching
{
class StudyMatcher
{
public:
  StudyMatcher(Database& database, const EventLog& events, Directory& directory);

  std::vector<TaskKind> Tasks();

  // Subscribes to the events after which a study must be decided (anew).
  static void Subscribe(EventLog& events);

  // Has every study decided that came while this plugin was not loaded, and loads the parameters.
  void Start();

  // Writes a decision of a person or of the machine with its event, within the caller's transaction.
  static void Write(Transaction& transaction, const EventLog& events, const Study& study,
                    const StudyMatch& match);

private:
  void MatchStudy(RunningTask& task);
  void FollowDirectory(RunningTask& task);
  void Estimate(RunningTask& task);

  Database& database_;
  const EventLog& events_;
  Directory& directory_;
};
}  // namespace OrthancClinic::Matching
