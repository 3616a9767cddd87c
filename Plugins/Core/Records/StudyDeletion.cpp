// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/StudyDeletion.h"

#include "Core/Database/Query.h"

namespace OrthancClinic
{
void StudyDeletionStore::Say(const std::string& orthancStudyId, const std::string& reason)
{
  Execute(transaction_,
          "INSERT INTO study_deletions (orthanc_study_id, reason) VALUES (:id, :reason) ON CONFLICT "
          "(orthanc_study_id) DO UPDATE SET reason = excluded.reason",
          {orthancStudyId, reason});
}

std::string StudyDeletionStore::ReasonOf(const std::string& orthancStudyId)
{
  std::string reason;
  Query(
      transaction_, "SELECT reason FROM study_deletions WHERE orthanc_study_id = :id", {orthancStudyId},
      [] {}, reason);
  return reason;
}

void StudyDeletionStore::Forget(const std::string& orthancStudyId)
{
  Execute(transaction_, "DELETE FROM study_deletions WHERE orthanc_study_id = :id", {orthancStudyId});
}
}  // namespace OrthancClinic
