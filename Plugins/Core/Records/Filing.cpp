// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/Filing.h"

#include <tuple>

#include "Core/Database/Query.h"
#include "Core/Errors.h"
#include "Core/Records/PatientStore.h"

namespace OrthancClinic
{
namespace
{
// So long a study that was announced may take to be seen; after that, nothing of it came.
constexpr std::chrono::minutes SEEN_WITHIN(1);
}  // namespace

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

bool FilingStore::Say(const Filing& filing, const std::optional<Study>& study)
{
  // Of two who say it at once, the second waits here for the first.
  bool isFirst = false;
  std::string id;
  Query(
      transaction_,
      "INSERT INTO study_filings (orthanc_study_id, patient_id, order_id, practice_id, filed_by, filed_at) "
      "VALUES (:id, :patient, :order, :practice, :by, :at) ON CONFLICT (orthanc_study_id) DO NOTHING "
      "RETURNING orthanc_study_id",
      {filing.orthancStudyId, filing.patientId, filing.orderId, filing.practiceId, filing.filedBy,
       ToString(filing.filedAt)},
      [&] { isFirst = true; }, id);
  const Filing said = Find(filing.orthancStudyId).value();
  if (filing.patientId.empty() && !said.patientId.empty())
  {
    return false;
  }
  std::optional<std::string> other;
  if (study && study->match.ByPerson())
  {
    other = study->match.patientId.value_or("");
  }
  else if (!said.patientId.empty() && (study ? study->match.status == MatchStatus::Pending
                                             : filing.filedAt - said.filedAt < SEEN_WITHIN))
  {
    other = said.patientId;
  }
  PatientStore patients(transaction_);
  if (!filing.patientId.empty() && other &&
      patients.SurvivorOf(*other) != patients.SurvivorOf(filing.patientId))
  {
    throw Conflict(FILED_ELSEWHERE);
  }
  // Hundreds of images of one upload say the same.
  const auto words = [](const Filing& one)
  { return std::tie(one.patientId, one.orderId, one.practiceId, one.filedBy); };
  if (words(said) == words(filing))
  {
    return isFirst;
  }
  Put(filing);
  return true;
}
}  // namespace OrthancClinic
