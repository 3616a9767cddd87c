// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stores the files of an upload in Orthanc and keeps the log of it, with a record of the audit trail for each
// entry; at once, or as a job (task `upload.files`, key: the job's id) that survives a restart. A bad file
// never spoils the others; what is stored already is no error.

#pragma once

#include <json/value.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Identity/AuditEntry.h"
#include "Core/Orthanc.h"
#include "Core/Rest/Upload.h"
#include "Core/Tasks/TaskWorkers.h"
#include "IntakeOptions.h"
#include "TagEditor.h"
#include "UploadFiles.h"
#include "UploadStore.h"

namespace OrthancClinic::Intake
{
struct UploadRequest
{
  std::string practiceId;
  std::string patientId;          // to whom the user files it; empty: not said
  std::string orderId;            // which order it fulfils; empty: not said
  std::string source = "manual";  // "manual", "api" or "cd_import"
  TagChanges changes = {};
  AuditEntry by;  // whose call it was, and as which action the audit trail has it

  // By which face it came, where that does more than storing ("dental"), and what it needs to know for it.
  std::string face = {};
  Json::Value details = Json::objectValue;
};

struct FileResult
{
  std::string name;
  std::string status;  // "stored", "already_stored", "skipped" (no image) or "failed"
  std::string error;   // why it was skipped or failed
  std::string studyInstanceUid;
  std::string seriesInstanceUid;
  std::string sopInstanceUid;
  std::string orthancStudyId;
  std::string orthancSeriesId;
  std::string orthancInstanceId;
  std::string modality;  // these two as a face needs them to tell a volume from images
  std::string sopClassUid;
  int64_t size = 0;
  TagChanges original = {};  // what was changed before it was stored
  bool conflicts = false;    // with what a person decided; for whoever waits for the upload

  bool IsStored() const { return status == "stored" || status == "already_stored"; }
};

Json::Value ToJson(const FileResult& result);
FileResult ReadFileResult(const Json::Value& json);

// All that came of an upload.
struct UploadOutcome
{
  // Where nothing was stored: throws BadInput with the first file's reason, Conflict if a person must decide
  // first.
  void RequireStored() const;

  std::vector<FileResult> files;
  std::vector<UploadEntry> entries;  // one of each study, or one that says that nothing could be stored
};

// What a face does besides storing.
struct UploadFace
{
  // Makes DICOM of a file that is none (an image); nothing if it cannot. May throw BadInput.
  std::function<std::optional<std::string>(const UploadRequest&, const std::string& name,
                                           const std::string& bytes)>
      wrap = {};
  // Within the transaction that writes the log. May run again for the same files.
  std::function<void(Transaction&, const UploadRequest&, const UploadOutcome&)> stored = {};
};

class Uploader
{
public:
  Uploader(Database& database, IOrthanc& orthanc, const EventLog& events, std::string folder, Options options)
      : database_(database),
        orthanc_(orthanc),
        events_(events),
        folder_(std::move(folder)),
        options_(std::move(options))
  {
  }

  const Options& GetOptions() const { return options_; }

  // Only before the first upload.
  void SetFace(const std::string& name, UploadFace face) { faces_[name] = std::move(face); }

  // Whose the upload is: fills in the practice. Throws NotFound for a patient or an order that does not
  // exist, BadInput for an order of another patient.
  static void Address(Transaction& transaction, UploadRequest& request);

  // Returns when everything is stored and in the log. Throws BadInput and TooLarge for what concerns the
  // upload as a whole, Unavailable if nothing can be stored now.
  UploadOutcome Store(const Upload& upload, const UploadRequest& request);

  // Keeps the upload, and has it stored; gives the job. Throws as Store.
  UploadJob Begin(const Upload& upload, const UploadRequest& request);

  // Ends a job; what is stored stays. Throws NotFound, Conflict if it is over.
  static void Cancel(Transaction& transaction, const std::string& jobId);

  TaskKind Task();

  // Removes the files of jobs that are over, and forgets old jobs. Once, at the start.
  void CleanUp();

  // The studies as they are decided within this time, or as they are then: [{study_instance_uid, match,
  // orders}].
  std::map<std::string, Json::Value> AwaitDecisions(const UploadOutcome& outcome,
                                                    std::chrono::milliseconds most);

private:
  using Results = std::function<void(size_t number, const FileResult&)>;

  FileResult StoreOne(const UploadRequest& request, const std::string& name, std::string bytes);
  // Stores those of the files that have no result yet. Throws Unavailable if Orthanc cannot store now.
  void StoreAll(UploadFiles& files, const UploadRequest& request,
                std::vector<std::optional<FileResult>>& results, const Results& tell,
                const std::function<bool()>& isCancelled);
  void File(const UploadRequest& request, const std::string& orthancStudyId);
  std::vector<UploadEntry> Describe(const UploadRequest& request, const std::vector<FileResult>& files,
                                    Timestamp begun);
  void Write(Transaction& transaction, const UploadRequest& request, const UploadOutcome& outcome);
  void Run(RunningTask& task);
  std::string PathOf(const std::string& file) const { return folder_ + "/" + file; }

  Database& database_;
  IOrthanc& orthanc_;
  const EventLog& events_;
  const std::string folder_;
  const Options options_;
  std::map<std::string, UploadFace> faces_;
};

// The answer of the EHR's routes for one study: `DicomUploadResponse`.
Json::Value ToUploadResponse(const UploadEntry& entry);
}  // namespace OrthancClinic::Intake
