// SPDX-License-Identifier: GPL-3.0-or-later
//
// Makes and keeps the Study records: every study of Orthanc has exactly one, but those that come under a
// pseudonym (Records/AwaitedStudy.h): of these, whoever awaits them gets a task, and nobody else hears. Emits
// - `study.received` for a study seen for the first time,
// - `study.updated` when later instances name another patient than the first one did,
// - `study.settled` when no instance has come for the quiet period,
// - `study.deleted` when Orthanc no longer has it.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Events/EventLog.h"
#include "Core/Feed/Feed.h"
#include "Core/Records/Study.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API StudyRecorder : public IFeedSubscriber
{
public:
  struct QuietPeriods
  {
    std::map<std::string, Milliseconds> byModality;
    Milliseconds otherwise{60'000};
  };

  StudyRecorder(Database& database, IOrthanc& orthanc, const EventLog& events, QuietPeriods quietPeriods);

  std::string Name() const override { return "studies"; }
  std::function<void(Transaction&)> Read(const std::vector<Change>& changes) override;
  void Deleted(Transaction& transaction, const std::vector<std::string>& resources) override;
  void Sweep(SweepDepth depth, const std::atomic<bool>& stopping) override;

  // `settle.study`: marks a quiet study as complete.
  TaskKind SettleTask();

  // `forget.study`: Orthanc said that it deleted the study of this id.
  TaskKind ForgetTask();

  // `reread.study`: what the images of the study of this id say was corrected; the record follows, and keeps
  // what was decided on it.
  TaskKind RereadTask();

  // `index.studies`: gives the studies from before searches had words theirs. EnqueueIndexing makes it due if
  // there are any.
  TaskKind IndexTask();
  void EnqueueIndexing();

private:
  struct Series
  {
    std::string studyId;
    std::string modality;
    bool compared = false;  // one of its instances was compared with the study's first one
  };

  // What one instance of a series says.
  struct Sample
  {
    StudyDemographics demographics;
    Json::Value acquisition;
  };

  // What Orthanc tells of one study now.
  struct Reading
  {
    Study study;                         // demographics and source are those of its first instance
    bool isNew = false;                  // there was no record when it was read
    std::vector<Sample> newSeries = {};  // of each series not looked at before
  };

  // `instances` are new ones of this study, by series. Nothing if Orthanc does not have the study any more.
  std::optional<Reading> ReadStudy(const std::string& orthancId,
                                   const std::map<std::string, std::string>& firstOfSeries);
  Json::Value ReadTags(const std::string& instanceId);
  void ReadFirstInstance(const std::string& instanceId, Study& study);
  void Write(Transaction& transaction, const Reading& reading, bool arrived);
  Series& LookUpSeries(const std::string& seriesId);
  Milliseconds QuietPeriod(const Study& study) const;

  void Settle(RunningTask& task);
  void Forget(RunningTask& task);
  void Reread(RunningTask& task);
  void Index(RunningTask& task);

  Database& database_;
  IOrthanc& orthanc_;
  const EventLog& events_;
  const QuietPeriods quietPeriods_;
  std::map<std::string, Series> series_;  // of the feed's thread alone; bounded
  int64_t lastRead_ = 0;                  // where the last batch began
};

// What an instance says of its patient, from Orthanc's `/instances/{id}/simplified-tags`.
ORTHANC_CLINIC_API StudyDemographics DemographicsFromTags(const Json::Value& simplifiedTags);

// What it says of the request that it answers: Study::acquisition of this instance alone.
ORTHANC_CLINIC_API Json::Value AcquisitionFromTags(const Json::Value& simplifiedTags);
}  // namespace OrthancClinic
