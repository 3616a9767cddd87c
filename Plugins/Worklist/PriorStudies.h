// SPDX-License-Identifier: GPL-3.0-or-later
//
// Fetches a patient's earlier studies from the practice's other DICOM servers before the appointment: the
// task `fetch.priors` (key: the appointment's id), due outside of opening hours.

#pragma once

#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Orthanc.h"
#include "Core/Records/Appointment.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic::Worklist
{
// Which earlier studies are worth having before a study of a modality.
struct PriorRule
{
  std::string modality;                 // of the appointment; empty: any
  std::vector<std::string> modalities;  // of the earlier study; empty: any
  int withinYears = 5;
  int most = 10;  // the latest
};

struct PriorOptions
{
  std::vector<std::string> servers;  // names of Orthanc's DicomModalities
  int daysAhead = 1;
  int fromMinute = 20 * 60;  // of the practice's local day; the window may pass midnight
  int toMinute = 6 * 60;
  std::vector<PriorRule> rules;
};

// The first time from `time` on at which the window is open.
Timestamp NextInWindow(Timestamp time, const std::string& zone, int fromMinute, int toMinute);

class PriorStudies
{
public:
  PriorStudies(Database& database, IOrthanc& orthanc, PriorOptions options)
      : database_(database), orthanc_(orthanc), options_(std::move(options))
  {
  }

  TaskKind Task();
  void Subscribe(EventLog& events) const;

private:
  // When to fetch for the appointment; nothing if the window does not open before it.
  std::optional<Timestamp> DueFor(const Appointment& appointment, const std::string& zone) const;
  // Whether it is here, or was asked for from this server before.
  bool IsKnown(const std::string& studyInstanceUid, const std::string& server);
  void Fetch(RunningTask& task);

  Database& database_;
  IOrthanc& orthanc_;
  const PriorOptions options_;
};
}  // namespace OrthancClinic::Worklist
