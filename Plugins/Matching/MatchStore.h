// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tables of matching, within one transaction of the caller.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Records/StudyDemographics.h"

namespace OrthancClinic::Matching
{
class MatchStore
{
public:
  explicit MatchStore(Transaction& transaction) : transaction_(transaction) {}

  // Replaces the keys under which the study can be found.
  void PutKeys(const std::string& orthancStudyId, const std::vector<std::string>& keys);

  // The studies that have one of the keys, or are filed under the patient.
  std::vector<std::string> FindStudies(const std::vector<std::string>& keys, const std::string& patientId);

  // Studies that are pending although no task will decide them.
  std::vector<std::string> ForgottenStudies();

  int64_t Cursor();
  void PutCursor(int64_t serial);

  // The last estimated parameters, as JSON text.
  std::optional<std::string> Parameters();
  void PutParameters(const std::string& document);

  // The demographics of at most `limit` studies, the last received first.
  std::vector<StudyDemographics> Observed(int64_t limit);

private:
  Transaction& transaction_;
};
}  // namespace OrthancClinic::Matching
