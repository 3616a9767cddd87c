// SPDX-License-Identifier: GPL-3.0-or-later
//
// The table of studies, within one transaction of the caller.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Records/PracticeScope.h"
#include "Core/Records/Study.h"

namespace OrthancClinic
{
struct StudyFilter
{
  PracticeScope practices = {};  // empty fields do not filter
  std::string patientId = {};    // of the match
  std::string status = {};       // of the match
  std::string accessionNumber = {};
  std::string modality = {};
  std::string studyDateFrom = {};  // YYYYMMDD, inclusive
  std::string studyDateTo = {};
  int64_t limit = 50;
  int64_t offset = 0;
};

class ORTHANC_CLINIC_API StudyStore
{
public:
  explicit StudyStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Study> FindByOrthancId(const std::string& orthancStudyId);

  // The same, and nobody else changes the study until the transaction ends: for whoever writes what follows
  // from what was read.
  std::optional<Study> FindForUpdate(const std::string& orthancStudyId);

  // By StudyInstanceUID or by Orthanc's id. Throws NotFound; Conflict if two studies of Orthanc bear this
  // StudyInstanceUID (the same one was sent under two PatientIDs): they are then addressed by Orthanc's id.
  Study Get(const std::string& uidOrOrthancId);

  // The last received first; with the total number.
  std::pair<std::vector<Study>, int64_t> Search(const StudyFilter& filter);

  std::vector<std::string> AllOrthancIds();

  // The first of them after this one, in their order; of all of them, if it is empty.
  std::vector<std::string> OrthancIdsAfter(const std::string& orthancStudyId, int64_t limit);

  // The Orthanc ids of the other studies that bear the same StudyInstanceUID.
  std::vector<std::string> Twins(const Study& study);

  void Insert(const Study& study);

  // Everything but the match, which has its own writer.
  void UpdateContent(const Study& study);
  void UpdateMatch(const std::string& orthancStudyId, const StudyMatch& match);

  void Delete(const std::string& orthancStudyId);

private:
  Transaction& transaction_;
};
}  // namespace OrthancClinic
