// SPDX-License-Identifier: GPL-3.0-or-later
//
// Corrects what the images of a stored study say, as a task (`correct.study`, see Core/Tasks/Task.h). The
// UIDs stay. Orthanc tells studies apart by PatientID as well: with another one, the study is another one for
// Orthanc, and what persons decided of the old one (patient, order) goes with it.
//
// Orthanc keeps what it has when the same image comes again: a corrected image takes the place of the old one
// by a deletion. Between the two it lies in the upload folder, from where it goes on after a restart.

#pragma once

#include <optional>
#include <string>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Orthanc.h"
#include "Core/Records/Study.h"
#include "Core/Tasks/TaskWorkers.h"
#include "TagEditor.h"

namespace OrthancClinic::Intake
{
struct StudyCorrection
{
  std::string id;
  std::string practiceId;
  std::string orthancStudyId;
  std::string newOrthancStudyId;
  std::string studyInstanceUid;
  std::string state = "pending";
  TagChanges changes;
  std::string requestedBy;
  Timestamp requestedAt{};
  std::optional<Timestamp> completedAt;
};

Json::Value ToJson(const StudyCorrection& correction);

class StudyCorrections
{
public:
  StudyCorrections(Database& database, IOrthanc& orthanc, const EventLog& events, std::string folder)
      : database_(database), orthanc_(orthanc), events_(events), folder_(std::move(folder))
  {
  }

  // Stores the request and its task. Throws Conflict while another correction of the study is at work.
  static StudyCorrection Request(Transaction& transaction, const Study& study, const TagChanges& changes,
                                 const std::string& by);

  static std::optional<StudyCorrection> Find(Transaction& transaction, const std::string& id);

  TaskKind Task();

  // Gives back to Orthanc what was on its way when the process ended, or when Orthanc refused it. At the
  // start, too.
  void Resume();

private:
  void Run(RunningTask& task);
  void Replace(const std::string& instance, const std::string& dicom);
  void StoreAgain(const std::string& path);

  Database& database_;
  IOrthanc& orthanc_;
  const EventLog& events_;
  const std::string folder_;
};
}  // namespace OrthancClinic::Intake
