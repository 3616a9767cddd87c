// SPDX-License-Identifier: GPL-3.0-or-later

#include "Uploader.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/filesystem.hpp>
#include <cmath>
#include <mutex>
#include <thread>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/DicomScan.h"
#include "Core/Dicom/OrthancId.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/Filing.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/StudyStore.h"
#include "Core/Rest/Router.h"
#include "Core/Thread.h"
#include "Core/Uuid.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr unsigned WORKERS = 2;  // of one upload
constexpr std::chrono::hours JOBS_KEPT(7 * 24);
constexpr std::chrono::milliseconds LOOK_EVERY(25);
constexpr int RESULTS_AT_ONCE = 20;
constexpr const char* TASK = "upload.files";
constexpr const char* FILE_SUFFIX = ".upload";
constexpr const char* DICOMDIR = "1.2.840.10008.1.3.10";

constexpr uint32_t SOP_CLASS = 0x00080016;
constexpr uint32_t MEDIA_SOP_CLASS = 0x00020002;
constexpr uint32_t MODALITY = 0x00080060;
constexpr uint32_t SOP_INSTANCE = 0x00080018;
constexpr uint32_t PATIENT_ID = 0x00100020;
constexpr uint32_t STUDY_UID = 0x0020000D;
constexpr uint32_t SERIES_UID = 0x0020000E;

Json::Value ToJson(const UploadRequest& request)
{
  Json::Value json;
  json["practice_id"] = request.practiceId;
  json["patient_id"] = request.patientId;
  json["order_id"] = request.orderId;
  json["source"] = request.source;
  json["changes"] = Intake::ToJson(request.changes);
  json["uploaded_by"] = request.by.principal.name;
  json["remote_address"] = request.by.principal.remoteAddress;
  json["action"] = request.by.action;
  json["face"] = request.face;
  json["details"] = request.details;
  return json;
}

// Without the permission: it was checked when the job began.
UploadRequest ReadRequest(const Json::Value& json)
{
  AuditEntry by;
  by.principal.name = json["uploaded_by"].asString();
  by.principal.remoteAddress = json["remote_address"].asString();
  by.action = json.get("action", "upload.store").asString();
  return {.practiceId = json["practice_id"].asString(),
          .patientId = json["patient_id"].asString(),
          .orderId = json["order_id"].asString(),
          .source = json["source"].asString(),
          .changes = TagChangesFromJson(json["changes"]),
          .by = std::move(by),
          .face = json["face"].asString(),
          .details = json["details"]};
}

Json::Value ToJson(const std::vector<UploadedPart>& parts)
{
  Json::Value array(Json::arrayValue);
  for (const UploadedPart& part : parts)
  {
    Json::Value json;
    json["file_name"] = part.fileName;
    json["offset"] = static_cast<Json::UInt64>(part.offset);
    json["size"] = static_cast<Json::UInt64>(part.size);
    array.append(json);
  }
  return array;
}

std::vector<UploadedPart> ReadParts(const Json::Value& array)
{
  std::vector<UploadedPart> parts;
  for (const Json::Value& json : array)
  {
    parts.push_back({.fileName = json["file_name"].asString(),
                     .offset = json["offset"].asUInt64(),
                     .size = json["size"].asUInt64()});
  }
  return parts;
}

// Whether these elements (by keyword) hold what was to be written into them.
bool Says(const Json::Value& tags, const TagChanges& changes)
{
  return std::all_of(changes.begin(), changes.end(),
                     [&](const auto& change) { return TextOf(tags, change.first.c_str()) == change.second; });
}
}  // namespace

Json::Value ToJson(const FileResult& result)
{
  Json::Value json;
  json["filename"] = result.name;
  json["success"] = result.IsStored();
  json["status"] = result.status;
  json["error"] = OrNull(result.error);
  json["study_instance_uid"] = result.studyInstanceUid;
  json["series_instance_uid"] = result.seriesInstanceUid;
  json["sop_instance_uid"] = result.sopInstanceUid;
  json["orthanc_study_id"] = result.orthancStudyId;
  json["orthanc_series_id"] = result.orthancSeriesId;
  json["orthanc_instance_id"] = result.orthancInstanceId;
  json["modality"] = result.modality;
  json["sop_class_uid"] = result.sopClassUid;
  json["size"] = static_cast<Json::Int64>(result.size);
  json["original"] = ToJson(result.original);
  return json;
}

FileResult ReadFileResult(const Json::Value& json)
{
  return {.name = json["filename"].asString(),
          .status = json["status"].asString(),
          .error = json["error"].asString(),
          .studyInstanceUid = json["study_instance_uid"].asString(),
          .seriesInstanceUid = json["series_instance_uid"].asString(),
          .sopInstanceUid = json["sop_instance_uid"].asString(),
          .orthancStudyId = json["orthanc_study_id"].asString(),
          .orthancSeriesId = json["orthanc_series_id"].asString(),
          .orthancInstanceId = json["orthanc_instance_id"].asString(),
          .modality = json["modality"].asString(),
          .sopClassUid = json["sop_class_uid"].asString(),
          .size = json["size"].asInt64(),
          .original = TagChangesFromJson(json["original"])};
}

void UploadOutcome::RequireStored() const
{
  if (std::any_of(files.begin(), files.end(), [](const FileResult& file) { return file.IsStored(); }))
  {
    return;
  }
  if (!files.empty() && files.front().conflicts)
  {
    throw Conflict(files.front().error);
  }
  throw BadInput(files.empty() ? "The archive is empty" : files.front().error);
}

void Uploader::Address(Transaction& transaction, UploadRequest& request)
{
  if (!request.patientId.empty())
  {
    const auto patient = PatientStore(transaction).Find(request.patientId);
    if (!patient)
    {
      throw NotFound("There is no such patient");
    }
    request.practiceId = patient->practiceId;
  }
  if (request.orderId.empty())
  {
    return;
  }
  const auto order = OrderStore(transaction).Find(request.orderId);
  if (!order)
  {
    throw NotFound("There is no such order");
  }
  PatientStore patients(transaction);
  if (!request.patientId.empty() &&
      patients.SurvivorOf(order->patientId) != patients.SurvivorOf(request.patientId))
  {
    throw BadInput("The order is of another patient");
  }
  request.patientId = order->patientId;
  request.practiceId = order->practiceId;
}

void Uploader::File(const UploadRequest& request, const std::string& orthancStudyId)
{
  Transaction transaction(database_);
  const auto study = StudyStore(transaction).FindByOrthancId(orthancStudyId);
  if (study && study->practiceId != request.practiceId)
  {
    throw BadInput("The study of this file belongs elsewhere");
  }
  bool isNew = false;
  if (!study || !request.patientId.empty())
  {
    isNew = FilingStore(transaction)
                .Say({.orthancStudyId = orthancStudyId,
                      .patientId = request.patientId,
                      .orderId = request.orderId,
                      .practiceId = request.practiceId,
                      .filedBy = request.by.principal.name,
                      .filedAt = Now()},
                     study);
  }
  if (isNew && study && !request.patientId.empty())
  {
    Json::Value data;
    data["study_instance_uid"] = study->studyInstanceUid;
    data["orthanc_study_id"] = orthancStudyId;
    events_.Emit(transaction, "study.filed", study->practiceId, data);
  }
  transaction.Commit();
}

FileResult Uploader::StoreOne(const UploadRequest& request, const std::string& name, std::string bytes)
{
  FileResult result{.name = name, .status = "failed", .size = static_cast<int64_t>(bytes.size())};
  DicomScan scan = ScanDicom(bytes);
  if (!scan.isDicom)
  {
    const auto face = faces_.find(request.face);
    auto wrapped =
        face != faces_.end() && face->second.wrap ? face->second.wrap(request, name, bytes) : std::nullopt;
    if (!wrapped)
    {
      result.status = "skipped";
      result.error =
          LooksLikeArchive(bytes) ? "An archive within an archive is not opened" : scan.problems.front();
      return result;
    }
    bytes = *std::move(wrapped);
    scan = ScanDicom(bytes);
  }
  if (scan.Text(SOP_CLASS) == DICOMDIR || scan.Text(MEDIA_SOP_CLASS) == DICOMDIR)
  {
    result.status = "skipped";
    result.error = "A DICOMDIR lists files and holds no image";
    return result;
  }
  if (!scan.problems.empty())
  {
    throw BadInput(scan.problems.front());
  }
  if (!scan.hasPreamble)
  {
    bytes = CompleteMetaHeader(bytes);
  }
  if (!request.changes.empty())
  {
    EditedDicom edited = EditDicom(bytes, request.changes);
    bytes = std::move(edited.dicom);
    result.original = std::move(edited.original);
  }
  result.studyInstanceUid = scan.Text(STUDY_UID);
  result.seriesInstanceUid = scan.Text(SERIES_UID);
  result.sopInstanceUid = scan.Text(SOP_INSTANCE);
  result.modality = scan.Text(MODALITY);
  result.sopClassUid = scan.Text(SOP_CLASS);
  for (const auto& [value, what] : {std::pair(&result.studyInstanceUid, "StudyInstanceUID (0020,000D)"),
                                    std::pair(&result.seriesInstanceUid, "SeriesInstanceUID (0020,000E)"),
                                    std::pair(&result.sopInstanceUid, "SOPInstanceUID (0008,0018)")})
  {
    if (value->empty() && scan.transferSyntax != "1.2.840.10008.1.2.1.99")
    {
      throw BadInput(std::string("The file has no ") + what);
    }
  }

  std::string patientId = scan.Text(PATIENT_ID);
  if (const auto changed = request.changes.find("PatientID"); changed != request.changes.end())
  {
    patientId = changed->second;
  }
  else if (result.studyInstanceUid.empty() ||
           std::any_of(patientId.begin(), patientId.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
  {
    // Compressed as a whole, or in a character set: Orthanc reads it.
    const Json::Value tags = orthanc_.ReadDicom(bytes);
    patientId = TextOf(tags, "0010,0020");
    result.studyInstanceUid = TextOf(tags, "0020,000d");
    result.seriesInstanceUid = TextOf(tags, "0020,000e");
    result.sopInstanceUid = TextOf(tags, "0008,0018");
    result.modality = TextOf(tags, "0008,0060");
    result.sopClassUid = TextOf(tags, "0008,0016");
  }
  result.orthancStudyId = OrthancStudyId(patientId, result.studyInstanceUid);
  result.size = static_cast<int64_t>(bytes.size());
  File(request, result.orthancStudyId);

  const Json::Value answer = orthanc_.Post("/instances", bytes);
  result.orthancInstanceId = TextOf(answer, "ID");
  result.orthancSeriesId = TextOf(answer, "ParentSeries");
  if (TextOf(answer, "ParentStudy") != result.orthancStudyId)
  {
    // Its id is made of what Orthanc reads, which may be another text: then what was said of it goes there.
    result.orthancStudyId = TextOf(answer, "ParentStudy");
    File(request, result.orthancStudyId);
  }
  result.status = TextOf(answer, "Status") == "AlreadyStored" ? "already_stored" : "stored";
  if (result.status == "already_stored" && !result.original.empty() &&
      !Says(orthanc_.Get("/instances/" + result.orthancInstanceId + "/simplified-tags"), request.changes))
  {
    throw BadInput("This image is stored already, without these corrections: correct the stored study");
  }
  return result;
}

void Uploader::StoreAll(UploadFiles& files, const UploadRequest& request,
                        std::vector<std::optional<FileResult>>& results, const Results& tell,
                        const std::function<bool()>& isCancelled)
{
  std::atomic<size_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::string unavailable;  // guarded by mutex, as what `tell` does
  const auto work = [&]() noexcept
  {
    for (size_t i = next++; i < files.Size() && !stop; i = next++)
    {
      if (results[i])
      {
        continue;
      }
      FileResult result{
          .name = files.Name(i), .status = "failed", .size = static_cast<int64_t>(files.Bytes(i))};
      try
      {
        result = StoreOne(request, files.Name(i), files.Read(i));
      }
      catch (const Unavailable& error)
      {
        const std::scoped_lock lock(mutex);
        unavailable = error.what();
        stop = true;
        return;
      }
      catch (const std::exception& error)
      {
        result.error = error.what();
        result.conflicts = dynamic_cast<const Conflict*>(&error) != nullptr;
      }
      try
      {
        const std::scoped_lock lock(mutex);
        results[i] = result;
        tell(i, result);
        stop = stop || isCancelled();
      }
      catch (const std::exception& error)
      {
        unavailable = error.what();
        stop = true;
      }
    }
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < std::min<size_t>(WORKERS, files.Size()); i++)
  {
    helpers.push_back(StartThread("clinic-upload", work));
  }
  work();
  for (std::thread& helper : helpers)
  {
    helper.join();
  }
  if (!unavailable.empty())
  {
    throw Unavailable(unavailable);
  }
}

std::vector<UploadEntry> Uploader::Describe(const UploadRequest& request,
                                            const std::vector<FileResult>& files, Timestamp begun)
{
  const Timestamp now = Now();
  std::map<std::string, std::vector<const FileResult*>> studies;
  std::string error;
  int failed = 0;
  Json::Value names(Json::arrayValue);
  for (const FileResult& file : files)
  {
    if (file.IsStored())
    {
      studies[file.orthancStudyId].push_back(&file);
    }
    else if (file.status == "failed" || error.empty())
    {
      error = file.error;
    }
    failed += file.status == "failed" ? 1 : 0;
  }
  if (studies.empty())
  {
    studies[""] = {};
  }

  std::vector<UploadEntry> entries;
  for (const auto& [study, stored] : studies)
  {
    UploadEntry entry{.id = NewUuid(),
                      .practiceId = request.practiceId,
                      .patientId = request.patientId,
                      .orderId = request.orderId,
                      .studyInstanceUid = stored.empty() ? "" : stored.front()->studyInstanceUid,
                      .orthancStudyId = study,
                      .uploadedBy = request.by.principal.name,
                      .status = stored.empty() ? "failed"
                                : failed > 0   ? "partial"
                                               : "uploaded",
                      .uploadedAt = now};
    Json::Value& json = entry.document;
    Json::Value patientTags;
    Json::Value studyTags;
    std::string modality;
    int series = 0;
    int instances = 0;
    if (!stored.empty())
    {
      try
      {
        const Json::Value answer = orthanc_.Get("/studies/" + study);
        patientTags = answer["PatientMainDicomTags"];
        studyTags = answer["MainDicomTags"];
        const Json::Value statistics = orthanc_.Get("/studies/" + study + "/statistics");
        series = statistics["CountSeries"].asInt();
        instances = statistics["CountInstances"].asInt();
        modality =
            TextOf(orthanc_.Get("/series/" + stored.front()->orthancSeriesId)["MainDicomTags"], "Modality");
      }
      catch (const NotFound&)
      {
        // Deleted since: what is known of it is logged.
      }
    }
    int64_t size = 0;
    Json::Value fileNames(Json::arrayValue);
    TagChanges original;
    for (const FileResult* file : stored)
    {
      size += file->size;
      fileNames.append(file->name);
      original.insert(file->original.begin(), file->original.end());
    }
    json["patient_dicom_id"] = TextOf(patientTags, "PatientID");
    json["patient_name"] = TextOf(patientTags, "PatientName");
    json["study_date"] = TextOf(studyTags, "StudyDate");
    json["study_time"] = TextOf(studyTags, "StudyTime");
    json["study_description"] = TextOf(studyTags, "StudyDescription");
    json["accession_number"] = TextOf(studyTags, "AccessionNumber");
    json["referring_physician"] = TextOf(studyTags, "ReferringPhysicianName");
    json["modality"] = modality;
    json["file_count"] = static_cast<Json::Int64>(stored.size());
    json["number_of_files"] = static_cast<Json::Int64>(stored.empty() ? files.size() : stored.size());
    json["file_names"] = fileNames;
    json["total_size_bytes"] = static_cast<Json::Int64>(size);
    json["upload_source"] = request.source;
    json["upload_duration_seconds"] = std::chrono::duration<double>(now - begun).count();
    json["number_of_series"] = series;
    json["number_of_instances"] = instances;
    for (const char* field :
         {"original_patient_id", "original_patient_name", "original_accession_number", "original_study_date",
          "original_modality", "modified_patient_id", "modified_patient_name", "modified_accession_number"})
    {
      json[field] = Json::Value();
    }
    json["tags_modified"] = false;
    DescribeChanges(json, original, request.changes);
    json["deleted_date"] = Json::Value();
    json["deletion_reason"] = Json::Value();
    json["error_message"] = OrNull(error);
    entries.push_back(std::move(entry));
  }
  return entries;
}

void Uploader::Write(Transaction& transaction, const UploadRequest& request, const UploadOutcome& outcome)
{
  UploadStore store(transaction);
  for (const UploadEntry& entry : outcome.entries)
  {
    store.Insert(entry);
    Json::Value data;
    data["upload_id"] = entry.id;
    data["study_instance_uid"] = entry.studyInstanceUid;
    data["orthanc_study_id"] = entry.orthancStudyId;
    data["status"] = entry.status;
    events_.Emit(transaction, entry.status == "failed" ? "upload.failed" : "upload.completed",
                 entry.practiceId, data);
    AuditEntry audit = request.by;
    audit.practiceId = entry.practiceId;
    audit.patientId = entry.patientId;
    audit.studyInstanceUid = entry.studyInstanceUid;
    audit.outcome = entry.status == "failed" ? "failed" : "success";
    audit.detail["upload_id"] = entry.id;
    AuditTrail::Append(transaction, audit);
  }
  const auto face = faces_.find(request.face);
  if (face != faces_.end() && face->second.stored)
  {
    face->second.stored(transaction, request, outcome);
  }
}

UploadOutcome Uploader::Store(const Upload& upload, const UploadRequest& request)
{
  const Timestamp begun = Now();
  UploadFiles files(fmt::format("/proc/self/fd/{}", upload.File().Descriptor()), upload.Files(), options_);
  std::vector<std::optional<FileResult>> results(files.Size());
  StoreAll(
      files, request, results, [](size_t, const FileResult&) {}, [] { return false; });
  UploadOutcome outcome;
  for (std::optional<FileResult>& result : results)
  {
    outcome.files.push_back(*std::move(result));
  }
  outcome.entries = Describe(request, outcome.files, begun);
  Transaction transaction(database_);
  Write(transaction, request, outcome);
  transaction.Commit();
  return outcome;
}

UploadJob Uploader::Begin(const Upload& upload, const UploadRequest& request)
{
  UploadJob job{.id = NewUuid(),
                .practiceId = request.practiceId,
                .owner = request.by.principal.name,
                .createdAt = Now()};
  job.file = job.id + FILE_SUFFIX;
  job.request = ToJson(request);
  job.request["parts"] = ToJson(upload.Files());
  {
    // What concerns the upload as a whole is told now.
    UploadFiles files(fmt::format("/proc/self/fd/{}", upload.File().Descriptor()), upload.Files(), options_);
    job.total = static_cast<int>(files.Size());
  }
  upload.File().Keep(PathOf(job.file));
  Transaction transaction(database_);
  UploadStore(transaction).InsertJob(job);
  TaskStore(transaction).Enqueue(TASK, job.id);
  AuditEntry audit = request.by;
  audit.practiceId = request.practiceId;
  audit.patientId = request.patientId;
  audit.detail["job_id"] = job.id;
  AuditTrail::Append(transaction, audit);
  transaction.Commit();
  return job;
}

void Uploader::Cancel(Transaction& transaction, const std::string& jobId)
{
  UploadStore store(transaction);
  auto job = store.FindJob(jobId);
  if (!job)
  {
    throw NotFound("There is no such upload");
  }
  if (job->IsOver())
  {
    throw Conflict("The upload is over");
  }
  job->state = "cancelled";
  store.UpdateJob(*job);
}

TaskKind Uploader::Task()
{
  return {.name = TASK, .handler = [this](RunningTask& task) { Run(task); }, .concurrency = 2};
}

void Uploader::Run(RunningTask& task)
{
  const std::string& id = task.Get().key;
  const auto find = [&]
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    auto job = UploadStore(transaction).FindJob(id);
    transaction.Commit();
    return job;
  };
  auto job = find();
  if (!job || (job->IsOver() && job->completedAt))
  {
    return;
  }
  if (!boost::filesystem::exists(PathOf(job->file)))
  {
    // It lies on the disk of another Orthanc of this database, whose turn it is.
    task.PutOff(Now() + std::chrono::seconds(5));
    return;
  }
  const UploadRequest request = ReadRequest(job->request);
  UploadFiles files(PathOf(job->file), ReadParts(job->request["parts"]), options_);
  std::vector<std::optional<FileResult>> results(files.Size());
  {
    Transaction transaction(database_);
    UploadStore store(transaction);
    for (const auto& [number, result] : store.JobResults(id))
    {
      results.at(static_cast<size_t>(number)) = ReadFileResult(result);
    }
    if (job->state == "pending")
    {
      job->state = "processing";
      store.UpdateJob(*job);
    }
    transaction.Commit();
  }

  std::vector<std::pair<int, Json::Value>> unwritten;
  const auto write = [&]
  {
    Transaction transaction(database_);
    UploadStore store(transaction);
    for (const auto& [number, result] : unwritten)
    {
      store.PutJobResult(id, number, result);
    }
    transaction.Commit();
    unwritten.clear();
  };
  if (job->state != "cancelled")
  {
    StoreAll(
        files, request, results,
        [&](size_t number, const FileResult& result)
        {
          unwritten.emplace_back(static_cast<int>(number), ToJson(result));
          if (unwritten.size() >= RESULTS_AT_ONCE)
          {
            write();
          }
        },
        [&]
        {
          if (task.IsStopping())
          {
            throw Unavailable("Orthanc stops");
          }
          return unwritten.empty() && find()->state == "cancelled";
        });
    write();
  }

  UploadOutcome outcome;
  for (const auto& result : results)
  {
    if (result)
    {
      outcome.files.push_back(*result);
    }
  }
  outcome.entries = Describe(request, outcome.files, job->createdAt);
  Transaction transaction(database_);
  Write(transaction, request, outcome);
  UploadStore store(transaction);
  job = store.FindJob(id).value();
  if (job->state != "cancelled")
  {
    const bool any = std::any_of(outcome.files.begin(), outcome.files.end(),
                                 [](const FileResult& file) { return file.IsStored(); });
    job->state = any ? "completed" : "failed";
  }
  job->completedAt = Now();
  job->answer = Json::arrayValue;
  for (const UploadEntry& entry : outcome.entries)
  {
    job->answer.append(ToUploadResponse(entry));
  }
  store.UpdateJob(*job);
  task.Complete(transaction);
  transaction.Commit();
  boost::system::error_code ignored;  // CleanUp tries again
  boost::filesystem::remove(PathOf(job->file), ignored);
}

void Uploader::CleanUp()
{
  Transaction transaction(database_);
  UploadStore store(transaction);
  store.ForgetJobs(Now() - JOBS_KEPT);
  const std::vector<std::string> waiting = store.JobFiles();
  transaction.Commit();
  if (!boost::filesystem::is_directory(folder_))
  {
    return;
  }
  std::vector<boost::filesystem::path> orphans;
  for (const auto& file : boost::filesystem::directory_iterator(folder_))
  {
    const std::string name = file.path().filename().string();
    if (name.ends_with(FILE_SUFFIX) && std::find(waiting.begin(), waiting.end(), name) == waiting.end())
    {
      orphans.push_back(file.path());
    }
  }
  for (const auto& orphan : orphans)
  {
    boost::filesystem::remove(orphan);
  }
}

std::map<std::string, Json::Value> Uploader::AwaitDecisions(const UploadOutcome& outcome,
                                                            std::chrono::milliseconds most)
{
  const Timestamp until = Now() + most;
  std::map<std::string, Json::Value> found;
  while (true)
  {
    bool decided = true;
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    for (const UploadEntry& entry : outcome.entries)
    {
      if (entry.orthancStudyId.empty())
      {
        continue;
      }
      const auto study = StudyStore(transaction).FindByOrthancId(entry.orthancStudyId);
      // A study that was there is decided anew because of what was said now.
      TaskStore tasks(transaction);
      decided = decided && study && study->match.status != MatchStatus::Pending &&
                !tasks.Exists("match.study", entry.orthancStudyId) &&
                !tasks.Exists("link.study", entry.orthancStudyId);
      Json::Value& json = found[entry.orthancStudyId];
      json["match"] = study ? ToJson(*study)["match"] : Json::Value();
      json["orders"] = Json::arrayValue;
      for (const OrderLink& link : OrderStore(transaction).LinksOfStudy(entry.orthancStudyId))
      {
        if (link.linked)
        {
          Json::Value order;
          order["order_id"] = link.orderId;
          order["linked_by"] = link.linkedBy;
          json["orders"].append(order);
        }
      }
      // Which order is suggested, where a person must choose.
      const auto review = OrderStore(transaction).FindReview(entry.orthancStudyId);
      json["order_candidates"] = review ? review->candidates : Json::Value(Json::arrayValue);
    }
    transaction.Commit();
    if (decided || Now() >= until)
    {
      return found;
    }
    std::this_thread::sleep_for(LOOK_EVERY);
  }
}

Json::Value ToUploadResponse(const UploadEntry& entry)
{
  constexpr double MEGABYTE = 1 << 20;
  Json::Value json;
  json["study_instance_uid"] = entry.studyInstanceUid;
  json["orthanc_study_id"] = entry.orthancStudyId;
  json["patient_id"] = OrNull(entry.patientId);
  json["order_id"] = OrNull(entry.orderId);
  json["upload_log_id"] = entry.id;
  for (const char* field : {"modality", "study_date", "number_of_series", "number_of_instances", "file_count",
                            "total_size_bytes"})
  {
    json[field] = entry.document[field];
  }
  json["total_size_mb"] = std::round(entry.document["total_size_bytes"].asDouble() / MEGABYTE * 100) / 100;
  json["upload_date"] = ToString(entry.uploadedAt);
  json["status"] = entry.status;
  return json;
}
}  // namespace OrthancClinic::Intake
