// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is done with an analysis, as tasks: the rules request it when a study is complete; it is asked of its
// provider; what comes back is checked, stored, written into the study as a report, and, when a person has
// reviewed it, once more as a verified one.

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "AnalysisOptions.h"
#include "AnalysisStore.h"
#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Orthanc.h"
#include "Core/Records/Study.h"
#include "Core/Tasks/Circuit.h"
#include "Core/Tasks/TaskWorkers.h"
#include "Images.h"
#include "Lettering.h"
#include "Provider.h"

namespace OrthancClinic::Analysis
{
class Analyzer
{
public:
  Analyzer(Database& database, IOrthanc& orthanc, IImageCodec& codec, const EventLog& events,
           const Options& options);

  std::vector<TaskKind> Tasks();

  // A study is complete: the rules look at it.
  void Settled(Transaction& transaction, const std::string& orthancStudyId,
               const std::string& studyInstanceUid) const;

  // The provider that the first rule gives for the study, or for its one X-ray; else the first one. Asks
  // Orthanc: not within a transaction. Throws NotFound if the study is gone.
  std::string ChooseProvider(const Study& study, const std::string& xrayId = "");

  // A new analysis of the study, or of its one X-ray, with its task and event. An empty language is that of
  // the practice. Throws NotFound if there is no such provider.
  Analysis Request(Transaction& transaction, const Study& study, const std::string& provider,
                   const std::string& language, const std::string& requestedBy,
                   const std::string& xrayId = "") const;

  // The study was stored anew under another PatientID: its analyses are those of the new one.
  static void StudyMoved(Transaction& transaction, const std::string& fromOrthancStudyId,
                         const std::string& toOrthancStudyId);

  // Waits until the analysis has ended, or for XrayWaitSeconds, or until Orthanc stops; not at all if many
  // wait already. Not within a transaction.
  std::optional<Analysis> Await(const std::string& id);

  // Orthanc stops: nobody waits any more.
  void Stop();

  // Throws Conflict if it has ended.
  void Cancel(Transaction& transaction, const std::string& id);

  // Throws BadInput unless the findings that a person wants to leave speak of the images that were analysed.
  // Asks Orthanc: not within a transaction.
  void CheckEdit(const std::string& id, const Json::Value& findings);

  // What a person says of a result: "accept", "edit" (then with the findings that are left) or "reject".
  // Throws Conflict unless it is completed, BadInput if the findings are not right.
  Analysis Review(Transaction& transaction, const std::string& id, const std::string& reviewer,
                  const std::string& decision, const Json::Value& body) const;

  struct Health
  {
    bool ready = true;
    std::string error;
  };
  std::map<std::string, Health> GetHealth() const;

private:
  struct Provider
  {
    ProviderOptions options;
    std::unique_ptr<IProvider> provider;
    Circuit circuit;
    Health health;            // guarded by mutex_, as the next
    Timestamp nextRequest{};  // by the rate
  };

  void Apply(RunningTask& task);  // the rules
  void Analyse(RunningTask& task);
  void Poll(RunningTask& task);     // asks a node for what it made
  void Receive(RunningTask& task);  // what a DICOM node made
  void Follow(
      RunningTask& task);  // writes what a person said of the result: the verified report, or its rejection

  // The answer is stored; false if there is none now (put off, failed, cancelled).
  bool GetAnswer(RunningTask& task, Provider& provider, Analysis& analysis);
  std::optional<Answer> Reuse(Provider& provider, Dispatch& dispatch) const;
  std::optional<Timestamp> MustWaitUntil(Provider& provider, std::string& reason);
  bool Begin(Provider& provider, Analysis& analysis, const Dispatch& dispatch) const;
  void CheckGone(RunningTask& task, const Analysis& analysis) const;
  bool IsBeingCorrected(const std::string& studyInstanceUid) const;
  Answer Send(RunningTask& task, Provider& provider, const Analysis& analysis, const Question& question,
              const ProviderRequest& request, Dispatch& dispatch);
  Destination DestinationOf(const ProviderOptions& options) const;
  void StoreReport(const Analysis& analysis, bool verified);
  void StoreRejectionNote(const Analysis& analysis);
  void StoreOverlays(const Analysis& analysis);
  std::set<std::string> OwnSeries(const std::string& orthancStudyId) const;
  void Fail(RunningTask& task, Analysis& analysis, const std::string& failure, const std::string& reason);
  void NoteWaiting(const Analysis& analysis, const std::string& reason) const;
  void Emit(Transaction& transaction, const std::string& type, const Analysis& analysis) const;
  bool IsCancelled(const std::string& id) const;
  Provider* FindProvider(const std::string& name) const;

  Database& database_;
  IOrthanc& orthanc_;
  const EventLog& events_;
  const Options options_;
  Images images_;
  std::unique_ptr<Lettering> lettering_;  // where a provider has overlays
  std::vector<std::unique_ptr<Provider>> providers_;
  mutable std::mutex mutex_;
  std::set<std::string> cancelled_;  // of this process, while they run
  std::atomic<int> waiting_{0};
  bool stopping_ = false;
  std::condition_variable stopped_;
};
}  // namespace OrthancClinic::Analysis
