// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keeps the dental X-rays as the CRM lists them in step with the studies: the task `record.xrays` (key:
// Orthanc's id of the study) makes one of each dental image and of each volume, and takes back what is gone.
// What a person said of an X-ray at its upload stays as they said it.

#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Orthanc.h"
#include "Core/Records/Study.h"
#include "Core/Records/Xray.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic::Intake
{
class XrayRecorder
{
public:
  static constexpr const char* TASK = "record.xrays";

  XrayRecorder(Database& database, IOrthanc& orthanc) : database_(database), orthanc_(orthanc) {}

  // Whom a study belongs to takes effect in the transaction of that decision: nobody sees an image in a wrong
  // list any longer.
  void Subscribe(EventLog& events) const;

  TaskKind Task();

  // `record.xrays-of-archive`, which the first start enqueues: the studies that were there before the plugin,
  // some at a time, so that what arrives meanwhile does not wait.
  TaskKind ArchiveTask();

private:
  // An X-ray as Orthanc has it now.
  struct Found
  {
    std::string uid;        // SOPInstanceUID or SeriesInstanceUID
    std::string orthancId;  // of the instance or the series
    std::string instance;   // Orthanc's id of the one that is shown
    std::string type;       // empty: only a person calls it an X-ray
    std::optional<Timestamp> takenAt;
    int64_t size = 0;  // bytes
    int numberOfInstances = 1;
  };

  void Record(RunningTask& task);
  void RecordArchive(RunningTask& task) const;
  // Nothing if Orthanc does not have the study.
  std::optional<std::vector<Found>> Read(const std::string& orthancStudyId, const std::vector<Xray>& known,
                                         const std::string& zone);
  // Of those that bear the UID of another study's X-ray, whose image Orthanc does not have any more: the
  // study was sent or stored anew, as a correction of its PatientID does.
  std::set<std::string> Heirs(const Study& study, const std::vector<Found>& found);

  Database& database_;
  IOrthanc& orthanc_;
};
}  // namespace OrthancClinic::Intake
