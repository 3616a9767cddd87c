// SPDX-License-Identifier: GPL-3.0-or-later
//
// Fetches studies from remote servers: the task `import.study` (key: the import's id). Each run compares what
// the server has with what is here and asks for the rest, so that nothing comes twice, and a run that was
// interrupted (the server goes away, Orthanc restarts) goes on where it was.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Tasks/TaskWorkers.h"
#include "ImportStore.h"
#include "RemoteArchive.h"

namespace OrthancClinic::Intake
{
class Importer
{
public:
  Importer(Database& database, const EventLog& events, const Surroundings& surroundings)
      : database_(database), events_(events), surroundings_(surroundings)
  {
  }

  TaskKind Task();

  // Asks for a study; if it is under way already, that is the one returned. `patientId` may be empty.
  static Import Request(Transaction& transaction, const RemoteServer& server,
                        const std::string& studyInstanceUid, const std::string& patientId,
                        const std::string& requestedBy);

  // Throws NotFound, or Conflict if it has ended. What is here stays.
  static Import Cancel(Transaction& transaction, const std::string& id);

  // The import with what has arrived until now.
  Import WithProgress(Import import) const;

private:
  void Run(RunningTask& task);
  void Fetch(RunningTask& task, const Import& import, const RemoteServer& server);
  // False if the import has ended meanwhile.
  bool Begin(const Import& import, const RemoteStudy& study, size_t listed, size_t stored);
  void Note(const std::string& id, const std::string& error, bool last);
  void End(RunningTask& task, const std::string& id, const std::string& error);
  void Emit(Transaction& transaction, const Import& import) const;
  bool IsCancelled(const std::string& id) const;

  Database& database_;
  const EventLog& events_;
  const Surroundings surroundings_;
};
}  // namespace OrthancClinic::Intake
