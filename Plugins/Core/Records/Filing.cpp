// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/Filing.h"

#include "Core/Database/Query.h"

namespace OrthancClinic
{
std::optional<Filing> FilingStore::Find(const std::string& orthancStudyId)
{
  Filing row;
  std::string filedAt;
  std::optional<Filing> found;
  Query(
      transaction_,
      "SELECT orthanc_study_id, patient_id, order_id, practice_id, filed_by, filed_at FROM study_filings "
      "WHERE "
      "orthanc_study_id = :id",
      {orthancStudyId},
      [&]
      {
        row.filedAt = ParseTimestamp(filedAt).value();
        found = row;
      },
      row.orthancStudyId, row.patientId, row.orderId, row.practiceId, row.filedBy, filedAt);
  return found;
}

void FilingStore::Put(const Filing& filing)
{
  Execute(transaction_,
          "INSERT INTO study_filings (orthanc_study_id, patient_id, order_id, practice_id, filed_by, "
          "filed_at) VALUES (:id, "
          ":patient, :order, :practice, :by, :at) ON CONFLICT (orthanc_study_id) DO UPDATE SET patient_id = "
          "excluded.patient_id, order_id = excluded.order_id, practice_id = excluded.practice_id, filed_by = "
          "excluded.filed_by, filed_at = "
          "excluded.filed_at",
          {filing.orthancStudyId, filing.patientId, filing.orderId, filing.practiceId, filing.filedBy,
           ToString(filing.filedAt)});
}
}  // namespace OrthancClinic
