// SPDX-License-Identifier: GPL-3.0-or-later

#include "UploadStore.h"

#include <fmt/format.h>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Dicom/Folding.h"
#include "Core/Records/PatientStore.h"

namespace OrthancClinic::Intake
{
namespace
{
// What a search by text finds, each word after a bar.
std::string WordsOf(const UploadEntry& entry)
{
  std::string words;
  for (const char* field : {"patient_name", "patient_dicom_id", "accession_number", "study_description"})
  {
    for (const std::string& word : FoldedWords(entry.document[field].asString()))
    {
      words += "|" + word;
    }
  }
  return words;
}
}  // namespace

int UploadJob::Progress(size_t results) const
{
  const bool isCounted = total > 0;
  return state == "completed" ? 100
         : isCounted          ? static_cast<int>(results * 100 / static_cast<size_t>(total))
                              : 0;
}

void UploadStore::Insert(const UploadEntry& entry)
{
  Execute(transaction_,
          "INSERT INTO uploads (id, practice_id, patient_id, order_id, study_instance_uid, orthanc_study_id, "
          "uploaded_by, status, uploaded_at, words, document) VALUES (:id, :practice, :patient, :order, "
          ":uid, :study, "
          ":by, :status, :at, :words, :document)",
          {entry.id, entry.practiceId, entry.patientId, entry.orderId, entry.studyInstanceUid,
           entry.orthancStudyId, entry.uploadedBy, entry.status, ToString(entry.uploadedAt), WordsOf(entry),
           WriteJson(entry.document)});
}

std::pair<std::vector<UploadEntry>, int64_t> UploadStore::Search(const UploadFilter& filter)
{
  Conditions conditions;
  filter.practices.AddTo(conditions);
  conditions.Add("id = ?", filter.id);
  conditions.AddAny("patient_id", PatientStore(transaction_).PartsOf(filter.patientId));
  conditions.Add("order_id = ?", filter.orderId);
  conditions.Add("uploaded_by = ?", filter.uploadedBy);
  for (const std::string& word : FoldedWords(filter.text))
  {
    conditions.Add("words LIKE ?", "%|" + word + "%");
  }
  UploadEntry row;
  std::string uploadedAt;
  std::string document;
  std::vector<UploadEntry> entries;
  Query(
      transaction_,
      "SELECT id, practice_id, patient_id, order_id, study_instance_uid, orthanc_study_id, uploaded_by, "
      "status, "
      "uploaded_at, document FROM uploads" +
          conditions.Where() +
          fmt::format(" ORDER BY uploaded_at DESC, id DESC LIMIT {} OFFSET {}", filter.limit, filter.offset),
      conditions.Values(),
      [&]
      {
        row.uploadedAt = ParseTimestamp(uploadedAt).value();
        row.document = ParseJson(document);
        entries.push_back(row);
      },
      row.id, row.practiceId, row.patientId, row.orderId, row.studyInstanceUid, row.orthancStudyId,
      row.uploadedBy, row.status, uploadedAt, document);
  return {std::move(entries), CountRows(transaction_, "uploads", conditions)};
}

std::vector<std::pair<std::string, Json::Value>> UploadStore::Documents(const std::string& orthancStudyId)
{
  std::string id;
  std::string document;
  std::vector<std::pair<std::string, Json::Value>> rows;
  Query(
      transaction_,
      "SELECT id, document FROM uploads WHERE orthanc_study_id = :id AND status <> 'failed' AND status <> "
      "'deleted'",
      {orthancStudyId}, [&] { rows.emplace_back(id, ParseJson(document)); }, id, document);
  return rows;
}

void UploadStore::MarkCorrected(const std::string& orthancStudyId, const std::string& newOrthancStudyId,
                                const TagChanges& original, const TagChanges& changes)
{
  for (auto& [id, document] : Documents(orthancStudyId))
  {
    DescribeChanges(document, original, changes);
    document["updated_at"] = ToString(Now());
    Execute(transaction_, "UPDATE uploads SET orthanc_study_id = :study, document = :document WHERE id = :id",
            {newOrthancStudyId, WriteJson(document), id});
  }
}

void UploadStore::MarkDeleted(const std::string& orthancStudyId, const std::string& reason)
{
  for (auto& [id, document] : Documents(orthancStudyId))
  {
    document["deleted_date"] = document["updated_at"] = ToString(Now());
    document["deletion_reason"] = OrNull(reason);
    Execute(transaction_, "UPDATE uploads SET status = 'deleted', document = :document WHERE id = :id",
            {WriteJson(document), id});
  }
}

std::optional<UploadJob> UploadStore::FindJob(const std::string& id)
{
  UploadJob row;
  std::string request;
  std::string answer;
  std::string createdAt;
  std::string completedAt;
  soci::indicator isCompleted = soci::i_null;
  std::optional<UploadJob> found;
  Query(
      transaction_,
      "SELECT id, practice_id, owner, state, file, total, request, answer, created_at, completed_at FROM "
      "upload_jobs "
      "WHERE id = :id",
      {id},
      [&]
      {
        row.request = ParseJson(request);
        row.answer = ParseJson(answer);
        row.createdAt = ParseTimestamp(createdAt).value();
        row.completedAt = isCompleted == soci::i_ok ? ParseTimestamp(completedAt) : std::nullopt;
        found = row;
      },
      row.id, row.practiceId, row.owner, row.state, row.file, row.total, request, answer, createdAt,
      std::tie(completedAt, isCompleted));
  return found;
}

void UploadStore::InsertJob(const UploadJob& job)
{
  Execute(
      transaction_,
      fmt::format(
          "INSERT INTO upload_jobs (id, practice_id, owner, state, file, total, request, answer, created_at) "
          "VALUES (:id, :practice, :owner, :state, :file, {}, :request, :answer, :created)",
          job.total),
      {job.id, job.practiceId, job.owner, job.state, job.file, WriteJson(job.request), WriteJson(job.answer),
       ToString(job.createdAt)});
}

void UploadStore::UpdateJob(const UploadJob& job)
{
  Execute(transaction_,
          fmt::format("UPDATE upload_jobs SET state = :state, total = {}, answer = :answer WHERE id = :id",
                      job.total),
          {job.state, WriteJson(job.answer), job.id});
  if (job.completedAt)
  {
    Execute(transaction_, "UPDATE upload_jobs SET completed_at = :at WHERE id = :id",
            {ToString(*job.completedAt), job.id});
  }
}

std::map<int, Json::Value> UploadStore::JobResults(const std::string& id)
{
  int number = 0;
  std::string result;
  std::map<int, Json::Value> results;
  Query(
      transaction_, "SELECT number, result FROM upload_job_files WHERE job_id = :id ORDER BY number", {id},
      [&] { results[number] = ParseJson(result); }, number, result);
  return results;
}

void UploadStore::PutJobResult(const std::string& id, int number, const Json::Value& result)
{
  Execute(transaction_,
          fmt::format(
              "INSERT INTO upload_job_files (job_id, number, result) VALUES (:id, {}, :result) ON CONFLICT "
              "(job_id, number) DO UPDATE SET result = excluded.result",
              number),
          {id, WriteJson(result)});
}

void UploadStore::ForgetJobs(Timestamp before)
{
  Execute(transaction_, "DELETE FROM upload_jobs WHERE completed_at < :before", {ToString(before)});
}

std::vector<std::string> UploadStore::JobFiles()
{
  std::string file;
  std::vector<std::string> files;
  Query(
      transaction_, "SELECT file FROM upload_jobs WHERE completed_at IS NULL", {},
      [&] { files.push_back(file); }, file);
  return files;
}

void DescribeChanges(Json::Value& document, const TagChanges& original, const TagChanges& changes)
{
  document["tags_modified"] = document["tags_modified"].asBool() || !original.empty();
  for (const auto& [keyword, name, isInModified] :
       {std::tuple("PatientID", "patient_id", true), std::tuple("PatientName", "patient_name", true),
        std::tuple("AccessionNumber", "accession_number", true), std::tuple("StudyDate", "study_date", false),
        std::tuple("Modality", "modality", false)})
  {
    const auto before = original.find(keyword);
    Json::Value& originalField = document[std::string("original_") + name];
    if (before == original.end())
    {
      continue;
    }
    originalField =
        originalField.isNull() ? Json::Value(before->second) : originalField;  // the very first one
    if (isInModified)
    {
      document[std::string("modified_") + name] = changes.at(keyword);
    }
  }
}

Json::Value ToJson(const UploadEntry& entry)
{
  Json::Value json = entry.document;
  json["id"] = entry.id;
  json["practice_id"] = entry.practiceId;
  json["patient_id"] = OrNull(entry.patientId);
  json["order_id"] = OrNull(entry.orderId);
  json["study_instance_uid"] = OrNull(entry.studyInstanceUid);
  json["orthanc_study_id"] = OrNull(entry.orthancStudyId);
  json["uploaded_by"] = entry.uploadedBy;
  json["upload_status"] = entry.status;
  json["upload_date"] = ToString(entry.uploadedAt);
  json["created_at"] = json["upload_date"];
  if (!json.isMember("updated_at"))
  {
    json["updated_at"] = json["upload_date"];
  }
  return json;
}
}  // namespace OrthancClinic::Intake
