// SPDX-License-Identifier: GPL-3.0-or-later
//
// The log of uploads, and the uploads that run as jobs, within one transaction of the caller.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Records/PracticeScope.h"
#include "Core/Timestamp.h"
#include "TagEditor.h"

namespace OrthancClinic::Intake
{
// What one upload brought of one study.
struct UploadEntry
{
  std::string id;
  std::string practiceId;
  std::string patientId;  // as it was filed at the upload; empty: not said
  std::string orderId;
  std::string studyInstanceUid;  // empty: nothing of it could be stored
  std::string orthancStudyId;
  std::string uploadedBy;
  std::string status;  // "uploaded", "partial", "failed" or "deleted"
  Timestamp uploadedAt{};

  // The other fields of the log, in the words of the route `/api/v1/dicom/uploads`.
  Json::Value document = Json::objectValue;
};

struct UploadFilter
{
  PracticeScope practices = {};  // empty fields do not filter
  std::string id = {};
  std::string patientId = {};  // also of whoever is part of the same patient
  std::string orderId = {};
  std::string uploadedBy = {};
  std::string text = {};  // every word of it begins a word of name, number or description
  int64_t limit = 50;
  int64_t offset = 0;
};

struct UploadJob
{
  std::string id;
  std::string practiceId;
  std::string owner;  // the user's name: nobody else sees it
  std::string state = "pending";
  std::string file;  // its name in the upload folder
  int total = 0;     // files; 0 as long as they were not counted
  Json::Value request = Json::objectValue;
  Json::Value answer;  // when it is completed
  Timestamp createdAt{};
  std::optional<Timestamp> completedAt;

  bool IsOver() const { return state != "pending" && state != "processing"; }

  // In percent, when so many of the files have a result.
  int Progress(size_t results) const;
};

class UploadStore
{
public:
  explicit UploadStore(Transaction& transaction) : transaction_(transaction) {}

  void Insert(const UploadEntry& entry);

  // The last first; with the total number.
  std::pair<std::vector<UploadEntry>, int64_t> Search(const UploadFilter& filter);

  // What the images of a study say was corrected, after they were uploaded: the values before and after, by
  // keyword.
  void MarkCorrected(const std::string& orthancStudyId, const std::string& newOrthancStudyId,
                     const TagChanges& original, const TagChanges& changes);

  // The study is gone from the archive.
  void MarkDeleted(const std::string& orthancStudyId, const std::string& reason);

  std::optional<UploadJob> FindJob(const std::string& id);
  void InsertJob(const UploadJob& job);
  void UpdateJob(const UploadJob& job);
  std::map<int, Json::Value> JobResults(const std::string& id);  // by the number of the file
  void PutJobResult(const std::string& id, int number, const Json::Value& result);

  // Forgets jobs that ended before that time; the names of their files, and of those that wait.
  void ForgetJobs(Timestamp before);
  std::vector<std::string> JobFiles();

private:
  // The entries of a study that is there, and their documents.
  std::vector<std::pair<std::string, Json::Value>> Documents(const std::string& orthancStudyId);

  Transaction& transaction_;
};

// Writes the original and the changed values into an entry's document, in the words of the log.
void DescribeChanges(Json::Value& document, const TagChanges& original, const TagChanges& changes);

// The fields of the log as the route answers them.
Json::Value ToJson(const UploadEntry& entry);
}  // namespace OrthancClinic::Intake
