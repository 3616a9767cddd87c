// SPDX-License-Identifier: GPL-3.0-or-later

#include "Importer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/OrthancId.h"
#include "Core/Dicom/RemoteModality.h"
#include "Core/Errors.h"
#include "Core/Log.h"
#include "Core/Records/Filing.h"
#include "Core/Records/StudyStore.h"
#include "Core/Tasks/TaskStore.h"
#include "Core/Uuid.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr const char* KIND = "import.study";
constexpr unsigned AT_ONCE = 2;
constexpr int ATTEMPTS = 12;
constexpr Milliseconds FIRST_DELAY(2'000);
constexpr Milliseconds LONGEST_DELAY(300'000);

// The SOPInstanceUIDs that Orthanc has of the study, under whatever PatientID.
std::set<std::string> StoredInstances(IOrthanc& orthanc, const std::string& studyInstanceUid)
{
  std::set<std::string> stored;
  for (const Json::Value& found : orthanc.Post("/tools/lookup", studyInstanceUid))
  {
    if (found["Type"] != "Study")
    {
      continue;
    }
    try
    {
      for (const Json::Value& instance : orthanc.Get("/studies/" + found["ID"].asString() + "/instances"))
      {
        stored.insert(TextOf(instance["MainDicomTags"], "SOPInstanceUID"));
      }
    }
    catch (const NotFound&)
    {
      continue;  // deleted meanwhile
    }
  }
  return stored;
}

std::vector<RemoteInstance> Missing(const std::vector<RemoteInstance>& listed,
                                    const std::set<std::string>& stored)
{
  std::vector<RemoteInstance> missing;
  std::copy_if(listed.begin(), listed.end(), std::back_inserter(missing),
               [&](const RemoteInstance& instance) { return !stored.contains(instance.sopUid); });
  return missing;
}
}  // namespace

TaskKind Importer::Task()
{
  return {.name = KIND,
          .handler = [this](RunningTask& task) { Run(task); },
          .concurrency = AT_ONCE,
          .maxAttempts = ATTEMPTS,
          .firstDelay = FIRST_DELAY,
          .longestDelay = LONGEST_DELAY};
}

Import Importer::Request(Transaction& transaction, const RemoteServer& server,
                         const std::string& studyInstanceUid, const std::string& patientId,
                         const std::string& requestedBy)
{
  ImportStore store(transaction);
  if (const auto open = store.FindOpen(server.id, studyInstanceUid))
  {
    if (!patientId.empty() && open->patientId != patientId)
    {
      throw Conflict("This study is being imported already, and is filed to somebody else");
    }
    return *open;
  }
  Import import;
  import.id = NewUuid();
  import.practiceId = server.practiceId;
  import.serverId = server.id;
  import.studyInstanceUid = studyInstanceUid;
  import.patientId = patientId;
  import.requestedBy = requestedBy;
  import.requestedAt = Now();
  import.updatedAt = import.requestedAt;
  store.Insert(import);
  TaskStore(transaction).Enqueue(KIND, import.id);
  return import;
}

Import Importer::Cancel(Transaction& transaction, const std::string& id)
{
  ImportStore store(transaction);
  Import import = store.GetForUpdate(id);
  if (!import.IsOpen())
  {
    throw Conflict("The import has ended: " + import.state);
  }
  import.state = "cancelled";
  import.updatedAt = Now();
  store.Update(import);
  // The task sees it, and ends; one that waits for its next attempt does so now.
  TaskStore(transaction).Enqueue(KIND, id);
  return import;
}

Import Importer::WithProgress(Import import) const
{
  if (import.state == "running" && !import.orthancStudyId.empty())
  {
    try
    {
      const int64_t stored =
          surroundings_.orthanc.Get("/studies/" + import.orthancStudyId + "/statistics")["CountInstances"]
              .asInt64();
      import.instancesDone = std::max(import.instancesDone, std::min(import.instancesTotal, stored));
    }
    catch (const NotFound&)
    {
      return import;  // the first one has not arrived yet
    }
  }
  return import;
}

bool Importer::IsCancelled(const std::string& id) const
{
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  const auto import = ImportStore(transaction).Find(id);
  transaction.Commit();
  return !import || import->state == "cancelled";
}

void Importer::Run(RunningTask& task)
{
  const std::string& id = task.Get().key;
  std::optional<Import> import;
  std::optional<RemoteServer> server;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    import = ImportStore(transaction).Find(id);
    server = import ? ServerStore(transaction).Find(import->serverId) : std::nullopt;
    transaction.Commit();
  }
  // One that failed is tried again when a person says so.
  if (!import || import->state == "cancelled" || import->state == "completed")
  {
    return;
  }
  try
  {
    if (!server)
    {
      throw PermanentFailure("The server was removed");
    }
    Fetch(task, *import, *server);
  }
  catch (const PermanentFailure& error)
  {
    End(task, id, error.what());
  }
  catch (const Conflict&)
  {
    throw;  // another worker took over
  }
  catch (const Error& error)
  {
    if (task.IsStopping())
    {
      throw;
    }
    const bool last = task.Get().attempts >= ATTEMPTS;
    Note(id, error.what(), last);
    throw;
  }
}

void Importer::Fetch(RunningTask& task, const Import& import, const RemoteServer& server)
{
  const std::string& uid = import.studyInstanceUid;
  const auto archive = OpenArchive(surroundings_, server);
  const FoundStudies found = Asked([&] { return archive->Find({.studyInstanceUid = uid}, 1); });
  if (found.studies.empty())
  {
    throw PermanentFailure("The server does not have this study");
  }
  const auto listed = Asked([&] { return archive->List(uid); });
  if (listed.empty())
  {
    throw Unavailable("The server names no image of the study");
  }
  const auto before = StoredInstances(surroundings_.orthanc, uid);
  const auto wanted = Missing(listed, before);
  if (!Begin(import, found.studies.front(), listed.size(), listed.size() - wanted.size()))
  {
    return;
  }

  // Asked from within libcurl, through which nothing may be thrown.
  const auto goesOn = [&]() noexcept
  {
    try
    {
      return !task.IsStopping() && !IsCancelled(import.id);
    }
    catch (const std::exception&)
    {
      return true;  // the end of the import needs the database anyway
    }
  };
  std::optional<Unavailable> failure;
  if (!wanted.empty())
  {
    try
    {
      Asked([&] { archive->Fetch(uid, listed, wanted, goesOn); });
    }
    catch (const Unavailable& error)
    {
      failure = error;
    }
    catch (const BadInput&)
    {
      failure = Unavailable("Orthanc refuses an image: see its log");
    }
  }
  const size_t missing = Missing(listed, StoredInstances(surroundings_.orthanc, uid)).size();
  if (missing == 0)
  {
    End(task, import.id, "");
    return;
  }
  if (task.IsStopping())
  {
    throw Unavailable("Orthanc stops");
  }
  if (IsCancelled(import.id))
  {
    return;
  }
  if (!failure)
  {
    failure =
        Unavailable(fmt::format("{} of {} images did not arrive, although the server says that it sent "
                                "them",
                                missing, listed.size()));
  }
  if (missing == wanted.size())
  {
    throw *failure;
  }
  // It came on: the rest is no further attempt.
  Note(import.id, failure->what(), false);
  task.PutOff(Now() +
              std::max<Milliseconds>(FIRST_DELAY, failure->RetryAfter().value_or(std::chrono::seconds(0))));
}

bool Importer::Begin(const Import& import, const RemoteStudy& study, size_t listed, size_t stored)
{
  const std::string orthancId = OrthancStudyId(study.patientId, study.studyInstanceUid);
  Transaction transaction(database_);
  Import current = ImportStore(transaction).GetForUpdate(import.id);
  if (current.state == "cancelled" || current.state == "completed")
  {
    return false;
  }
  const auto known = StudyStore(transaction).FindByOrthancId(orthancId);
  if (known && known->practiceId != import.practiceId)
  {
    throw PermanentFailure("This study is here already, in another practice");
  }
  current.orthancStudyId = orthancId;
  current.state = "running";
  current.instancesTotal = static_cast<int64_t>(listed);
  current.instancesDone = static_cast<int64_t>(stored);
  current.updatedAt = Now();
  ImportStore(transaction).Update(current);

  // Before the first image comes.
  FilingStore filings(transaction);
  Filing filing = filings.Find(orthancId).value_or(Filing{.orthancStudyId = orthancId});
  filing.practiceId = import.practiceId;
  if (!import.patientId.empty())
  {
    filing.patientId = import.patientId;
  }
  filing.filedBy = import.requestedBy;
  filing.filedAt = Now();
  try
  {
    filings.Say(filing, known);
  }
  catch (const Conflict& error)
  {
    throw PermanentFailure(error.what());
  }
  transaction.Commit();
  return true;
}

void Importer::Note(const std::string& id, const std::string& error, bool last)
{
  Transaction transaction(database_);
  Import import = ImportStore(transaction).GetForUpdate(id);
  if (import.state == "cancelled" || import.state == "completed")
  {
    return;
  }
  import.error = error;
  import.updatedAt = Now();
  if (last)
  {
    import.state = "failed";
    Emit(transaction, import);
  }
  ImportStore(transaction).Update(import);
  transaction.Commit();
}

void Importer::End(RunningTask& task, const std::string& id, const std::string& error)
{
  Transaction transaction(database_);
  Import import = ImportStore(transaction).GetForUpdate(id);
  if (import.state != "cancelled")
  {
    import.state = error.empty() ? "completed" : "failed";
    import.error = error;
    import.instancesDone = error.empty() ? import.instancesTotal : import.instancesDone;
    import.updatedAt = Now();
    ImportStore(transaction).Update(import);
    Emit(transaction, import);
  }
  task.Complete(transaction);
  transaction.Commit();
}

void Importer::Emit(Transaction& transaction, const Import& import) const
{
  Json::Value data;
  data["import_id"] = import.id;
  data["server_id"] = import.serverId;
  data["study_instance_uid"] = import.studyInstanceUid;
  data["orthanc_study_id"] = import.orthancStudyId;
  data["patient_id"] = import.patientId;
  data["instances"] = static_cast<Json::Int64>(import.instancesTotal);
  if (!import.error.empty())
  {
    data["error"] = import.error;
  }
  events_.Emit(transaction, "import." + import.state, import.practiceId, data);
}
}  // namespace OrthancClinic::Intake
