// SPDX-License-Identifier: GPL-3.0-or-later
//
// Why a study is being deleted: who deletes it says so beforehand, and whoever keeps a history of the study
// reads it when `study.deleted` is raised. Afterwards it is gone, too.

#pragma once

#include <string>

#include "Core/Api.h"
#include "Core/Database/Database.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API StudyDeletionStore
{
public:
  explicit StudyDeletionStore(Transaction& transaction) : transaction_(transaction) {}

  void Say(const std::string& orthancStudyId, const std::string& reason);

  // Empty if nobody said anything.
  std::string ReasonOf(const std::string& orthancStudyId);

  void Forget(const std::string& orthancStudyId);

private:
  Transaction& transaction_;
};
}  // namespace OrthancClinic
