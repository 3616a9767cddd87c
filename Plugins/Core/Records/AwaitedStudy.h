// SPDX-License-Identifier: GPL-3.0-or-later
//
// Studies that are nobody's: images left under a StudyInstanceUID that was made for that, and what is made of
// them comes back under it. Who sends them says so before anything leaves, and names the task that takes in
// what comes. Such a study has no Study record and raises no event, and everybody else leaves it alone. It is
// awaited for ever: what comes years later is still told from a patient's study.

#pragma once

#include <optional>
#include <string>

#include "Core/Api.h"
#include "Core/Database/Database.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API AwaitedStudyStore
{
public:
  explicit AwaitedStudyStore(Transaction& transaction) : transaction_(transaction) {}

  // When a study of this UID has been quiet, a task of this kind is due, whose key is Orthanc's study id.
  void Await(const std::string& studyInstanceUid, const std::string& taskKind);

  // The kind of its task; nothing for every other study.
  std::optional<std::string> TaskOf(const std::string& studyInstanceUid);

private:
  Transaction& transaction_;
};
}  // namespace OrthancClinic
