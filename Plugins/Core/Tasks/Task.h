// SPDX-License-Identifier: GPL-3.0-or-later
//
// Everything that takes time is a task: a row that was committed together with the fact that caused it,
// leased by one worker at a time, retried with backoff, and ending done (the row is deleted; the events tell
// the history) or as a dead letter that a person retries or discards.

#pragma once

#include <json/value.h>

#include <optional>
#include <string>

#include "Core/Api.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
enum class TaskState
{
  Due,     // waits for its time or for a worker
  Leased,  // a worker has it
  Dead     // gave up; waits for a person
};

ORTHANC_CLINIC_API std::string ToString(TaskState state);

struct ORTHANC_CLINIC_API Task
{
  std::string id;
  std::string kind;     // "match.study"
  std::string key;      // what it is about; (kind, key) is unique
  Json::Value payload;  // never patient data
  TaskState state = TaskState::Due;
  int generation = 0;  // grows when it is enqueued again; tells a finished run that it must run once more
  int attempts = 0;    // begun so far, the present one included
  Timestamp dueAt{};
  Timestamp createdAt{};
  std::optional<std::string> lastError;
};

// The kind of the task that changes what the images of a study say; its key is the StudyInstanceUID. While
// there is one, images may be missing, or on their way to another PatientID, which is another study of
// Orthanc: who looks at the study as a whole waits for its end.
constexpr const char* CORRECTION_TASK = "correct.study";

ORTHANC_CLINIC_API Json::Value ToJson(const Task& task);
}  // namespace OrthancClinic
