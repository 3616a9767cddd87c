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
  // Every word of it begins a word of the names, ids, description, institution, referring physician or
  // accession number.
  std::string text = {};
  std::string sort = {};  // one of SORTS; empty: the last received first
  int64_t limit = 50;
  int64_t offset = 0;
};

// What there is in some practices.
struct StudyTotals
{
  int64_t patients = 0;  // to whom studies are matched
  int64_t studies = 0;
  int64_t series = 0;
  int64_t instances = 0;
  int64_t bytes = 0;
};

class ORTHANC_CLINIC_API StudyStore
{
public:
  // By what a search is sorted; with "-" before it, the greatest first.
  static constexpr const char* SORTS[] = {"received_at", "-received_at", "study_date",
                                          "-study_date", "patient_name", "-patient_name"};

  explicit StudyStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Study> FindByOrthancId(const std::string& orthancStudyId);

  // The same, and nobody else changes the study until the transaction ends: for whoever writes what follows
  // from what was read.
  std::optional<Study> FindForUpdate(const std::string& orthancStudyId);

  // By StudyInstanceUID or by Orthanc's id. Throws NotFound; Conflict if two studies of Orthanc bear this
  // StudyInstanceUID (the same one was sent under two PatientIDs): they are then addressed by Orthanc's id.
  // Studies outside of `practices` do not exist.
  Study Get(const std::string& uidOrOrthancId, const PracticeScope& practices = {});

  // With the total number. Throws BadInput for an unknown `sort`.
  std::pair<std::vector<Study>, int64_t> Search(const StudyFilter& filter);

  StudyTotals Total(const PracticeScope& practices);

  std::vector<std::string> AllOrthancIds();

  // The first of them after this one, in their order; of all of them, if it is empty.
  std::vector<std::string> OrthancIdsAfter(const std::string& orthancStudyId, int64_t limit);

  // The Orthanc ids of the other studies that bear the same StudyInstanceUID.
  std::vector<std::string> Twins(const Study& study);

  void Insert(const Study& study);

  // Everything but the match, which has its own writer.
  void UpdateContent(const Study& study);
  void UpdateMatch(const std::string& orthancStudyId, const StudyMatch& match);

  // The patient of every study that is filed under `patientId`, or of one of them; nothing for undecided.
  // For whoever changes the patients: the rest of the match stays.
  void RefileStudies(const std::string& patientId, const std::optional<std::string>& to,
                     const std::string& onlyOrthancId = "");

  // At most `limit` studies from before searches had their words; and gives them these.
  std::vector<std::string> Unindexed(int64_t limit);
  void Index(const Study& study);

  void Delete(const std::string& orthancStudyId);

private:
  void WriteWords(const std::string& orthancStudyId, const std::string& words);

  Transaction& transaction_;
};
}  // namespace OrthancClinic
