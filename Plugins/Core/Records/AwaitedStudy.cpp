// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/AwaitedStudy.h"

#include "Core/Database/Query.h"

namespace OrthancClinic
{
void AwaitedStudyStore::Await(const std::string& studyInstanceUid, const std::string& taskKind)
{
  Execute(transaction_,
          "INSERT INTO awaited_studies (study_instance_uid, task_kind) VALUES (:uid, :kind) ON CONFLICT "
          "(study_instance_uid) DO UPDATE SET task_kind = excluded.task_kind",
          {studyInstanceUid, taskKind});
}

std::optional<std::string> AwaitedStudyStore::TaskOf(const std::string& studyInstanceUid)
{
  std::string kind;
  std::optional<std::string> found;
  Query(
      transaction_, "SELECT task_kind FROM awaited_studies WHERE study_instance_uid = :uid",
      {studyInstanceUid}, [&] { found = kind; }, kind);
  return found;
}
}  // namespace OrthancClinic
