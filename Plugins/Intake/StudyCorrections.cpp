// SPDX-License-Identifier: GPL-3.0-or-later

#include "StudyCorrections.h"

#include <boost/filesystem.hpp>
#include <fstream>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Dicom/OrthancId.h"
#include "Core/Errors.h"
#include "Core/Records/Filing.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/StudyStore.h"
#include "Core/Rest/Upload.h"
#include "Core/Tasks/TaskStore.h"
#include "Core/Uuid.h"
#include "UploadStore.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr const char* SUFFIX = ".corrected";  // of an image on its way

std::vector<StudyCorrection> Fetch(Transaction& transaction, const std::string& tail,
                                   const std::string& value)
{
  StudyCorrection row;
  std::string changes;
  std::string requestedAt;
  std::string completedAt;
  soci::indicator isCompleted = soci::i_null;
  std::vector<StudyCorrection> found;
  Query(
      transaction,
      "SELECT id, practice_id, orthanc_study_id, new_orthanc_study_id, study_instance_uid, state, changes, "
      "requested_by, requested_at, completed_at FROM study_corrections " +
          tail,
      {value},
      [&]
      {
        row.changes = TagChangesFromJson(ParseJson(changes));
        row.requestedAt = ParseTimestamp(requestedAt).value();
        row.completedAt = isCompleted == soci::i_ok ? ParseTimestamp(completedAt) : std::nullopt;
        found.push_back(row);
      },
      row.id, row.practiceId, row.orthancStudyId, row.newOrthancStudyId, row.studyInstanceUid, row.state,
      changes, row.requestedBy, requestedAt, std::tie(completedAt, isCompleted));
  return found;
}

// What persons decided of the study goes with it to its new id.
void CarryOver(Transaction& transaction, const StudyCorrection& correction)
{
  FilingStore filings(transaction);
  const auto study = StudyStore(transaction).FindByOrthancId(correction.orthancStudyId);
  Filing filing = filings.Find(correction.orthancStudyId).value_or(Filing{.filedBy = correction.requestedBy});
  filing.orthancStudyId = correction.newOrthancStudyId;
  filing.practiceId = correction.practiceId;
  filing.filedAt = Now();
  if (study && study->match.ByPerson() && study->match.patientId)
  {
    filing.patientId = *study->match.patientId;
    filing.filedBy = study->match.decidedBy;
  }
  for (const OrderLink& link : OrderStore(transaction).LinksOfStudy(correction.orthancStudyId))
  {
    if (link.linked && link.byPerson)
    {
      filing.orderId = link.orderId;
    }
  }
  filings.Put(filing);
}

bool IsThere(IOrthanc& orthanc, const std::string& orthancStudyId)
{
  try
  {
    orthanc.Get("/studies/" + orthancStudyId);
    return true;
  }
  catch (const NotFound&)
  {
    return false;
  }
}
}  // namespace

Json::Value ToJson(const StudyCorrection& correction)
{
  Json::Value json;
  json["id"] = correction.id;
  json["study_instance_uid"] = correction.studyInstanceUid;
  json["orthanc_study_id"] = correction.newOrthancStudyId;
  json["previous_orthanc_study_id"] = correction.orthancStudyId;
  json["status"] = correction.state;
  json["tag_modifications"] = ToJson(correction.changes);
  json["requested_by"] = correction.requestedBy;
  json["requested_at"] = ToString(correction.requestedAt);
  json["completed_at"] =
      correction.completedAt ? Json::Value(ToString(*correction.completedAt)) : Json::Value();
  return json;
}

StudyCorrection StudyCorrections::Request(Transaction& transaction, const Study& study,
                                          const TagChanges& changes, const std::string& by)
{
  StudyStore(transaction).FindForUpdate(study.orthancStudyId);  // of two who ask at once, one is refused
  for (const StudyCorrection& other :
       Fetch(transaction, "WHERE study_instance_uid = :uid", study.studyInstanceUid))
  {
    if (other.state == "pending")
    {
      throw Conflict("Another correction of this study is at work");
    }
  }
  const auto patientId = changes.find("PatientID");
  StudyCorrection correction{
      .id = NewUuid(),
      .practiceId = study.practiceId,
      .orthancStudyId = study.orthancStudyId,
      .newOrthancStudyId = patientId == changes.end()
                               ? study.orthancStudyId
                               : OrthancStudyId(patientId->second, study.studyInstanceUid),
      .studyInstanceUid = study.studyInstanceUid,
      .changes = changes,
      .requestedBy = by,
      .requestedAt = Now()};
  Execute(transaction,
          "INSERT INTO study_corrections (id, practice_id, orthanc_study_id, new_orthanc_study_id, "
          "study_instance_uid, "
          "state, changes, requested_by, requested_at) VALUES (:id, :practice, :study, :new, :uid, :state, "
          ":changes, "
          ":by, :at)",
          {correction.id, correction.practiceId, correction.orthancStudyId, correction.newOrthancStudyId,
           correction.studyInstanceUid, correction.state, WriteJson(ToJson(changes)), by,
           ToString(correction.requestedAt)});
  Json::Value payload;
  payload["correction"] = correction.id;
  TaskStore(transaction).Enqueue(CORRECTION_TASK, correction.studyInstanceUid, payload);
  return correction;
}

std::optional<StudyCorrection> StudyCorrections::Find(Transaction& transaction, const std::string& id)
{
  auto found = Fetch(transaction, "WHERE id = :id", id);
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

TaskKind StudyCorrections::Task()
{
  return {.name = CORRECTION_TASK, .handler = [this](RunningTask& task) { Run(task); }};
}

void StudyCorrections::StoreAgain(const std::string& path)
{
  std::ifstream file(path, std::ios::binary);
  const std::string dicom{std::istreambuf_iterator<char>(file), {}};
  orthanc_.Post("/instances", dicom);
  boost::filesystem::remove(path);
}

void StudyCorrections::Resume()
{
  if (!boost::filesystem::is_directory(folder_))
  {
    return;
  }
  std::vector<std::string> waiting;
  for (const auto& file : boost::filesystem::directory_iterator(folder_))
  {
    if (file.path().extension() == SUFFIX)
    {
      waiting.push_back(file.path().string());
    }
  }
  for (const std::string& path : waiting)
  {
    StoreAgain(path);
  }
}

void StudyCorrections::Replace(const std::string& instance, const std::string& dicom)
{
  const std::string path = folder_ + "/" + instance + SUFFIX;
  {
    SpoolFile file(folder_);
    file.Append(dicom);
    file.Keep(path);
  }
  try
  {
    orthanc_.Delete("/instances/" + instance);
  }
  catch (const NotFound&)
  {
    // By an attempt before this one.
  }
  StoreAgain(path);
}

void StudyCorrections::Run(RunningTask& task)
{
  std::optional<StudyCorrection> correction;
  {
    Transaction transaction(database_);
    // An older one has the correction as its key.
    correction = Find(transaction, task.Get().payload.get("correction", task.Get().key).asString());
    if (!correction || correction->state != "pending")
    {
      return;
    }
    if (correction->newOrthancStudyId != correction->orthancStudyId)
    {
      CarryOver(transaction, *correction);
    }
    transaction.Commit();
  }

  Resume();  // what an attempt before this one had taken out
  TagChanges original;
  Json::Value instances(Json::arrayValue);
  try
  {
    instances = orthanc_.Get("/studies/" + correction->orthancStudyId + "/instances");
  }
  catch (const NotFound&)
  {
    // All of them have gone to the new id already.
  }
  const bool moves = correction->newOrthancStudyId != correction->orthancStudyId;
  for (const Json::Value& json : instances)
  {
    if (task.IsStopping())
    {
      throw Unavailable("Orthanc stops");
    }
    const std::string instance = json["ID"].asString();
    try
    {
      const EditedDicom edited =
          EditDicom(orthanc_.GetBytes("/instances/" + instance + "/file"), correction->changes);
      original.insert(edited.original.begin(), edited.original.end());
      if (moves)
      {
        if (orthanc_.Post("/instances", edited.dicom)["ID"].asString() != instance)
        {
          orthanc_.Delete("/instances/" + instance);
        }
      }
      else if (!edited.original.empty())
      {
        Replace(instance, edited.dicom);
      }
    }
    catch (const NotFound&)
    {
      // Deleted since.
    }
  }
  if (moves && IsThere(orthanc_, correction->orthancStudyId))
  {
    // What came meanwhile (a report, a late image) moves as well.
    throw Unavailable("There is more of the study under its former PatientID");
  }
  try
  {
    // Orthanc keeps the main tags of the study's first image.
    orthanc_.Post("/studies/" + correction->newOrthancStudyId + "/reconstruct", "");
  }
  catch (const NotFound&)
  {
    // Deleted since.
  }

  Transaction transaction(database_);
  Execute(transaction, "UPDATE study_corrections SET state = 'completed', completed_at = :at WHERE id = :id",
          {ToString(Now()), correction->id});
  TaskStore(transaction).Enqueue("reread.study", correction->newOrthancStudyId);
  UploadStore(transaction)
      .MarkCorrected(correction->orthancStudyId, correction->newOrthancStudyId, original,
                     correction->changes);
  Json::Value data;
  data["study_instance_uid"] = correction->studyInstanceUid;
  data["orthanc_study_id"] = correction->newOrthancStudyId;
  data["previous_orthanc_study_id"] = correction->orthancStudyId;
  for (const auto& [keyword, value] : correction->changes)
  {
    data["tags"].append(keyword);
  }
  events_.Emit(transaction, "study.corrected", correction->practiceId, data);
  task.Complete(transaction);
  transaction.Commit();
}
}  // namespace OrthancClinic::Intake
