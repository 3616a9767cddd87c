// SPDX-License-Identifier: GPL-3.0-or-later

#include "StudyMatcher.h"

#include <algorithm>

#include "BlockingKeys.h"
#include "Core/Configuration/JsonSchema.h"
#include "Core/Log.h"
#include "Core/Records/Filing.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/StudyStore.h"
#include "MatchStore.h"

namespace OrthancClinic::Matching
{
namespace
{
constexpr int64_t CHANGES_AT_ONCE = 200;
constexpr int64_t OBSERVED_AT_MOST = 50'000;

// What the machine says of the study now.
StudyMatch Decide(const PatientIndex& index, const Study& study, bool hasTwins)
{
  const Decision decision = index.Decide(study.demographics, study.practiceId);
  const Json::Value json = ToJson(decision);
  StudyMatch match;
  match.status = decision.status;
  match.patientId = (match.status == MatchStatus::Matched) ? std::optional(decision.patientId) : std::nullopt;
  match.decidedBy = StudyMatch::MACHINE;
  match.decidedAt = Now();
  match.probability =
      json["probability"].isNumeric() ? std::optional(json["probability"].asDouble()) : std::nullopt;
  match.reason = decision.reason;
  match.evidence = json["evidence"];
  match.candidates = json["candidates"];

  // What only the archive knows: never file automatically what may be of two people.
  if (match.status == MatchStatus::Matched && (!study.contradictions.empty() || hasTwins))
  {
    match.status = MatchStatus::Review;
    match.patientId.reset();
    match.reason = study.contradictions.empty() ? "study_instance_uid_reused" : "contradictory_instances";
  }
  return match;
}

// What a person said of the study when they sent it, if the images do not speak against it. Otherwise
// somebody must look: whoever sends images may have clicked on the wrong patient, or have been given the
// wrong disk.
StudyMatch Filed(StudyMatch machine, const Filing& filing, const Patient& patient, const Study& study,
                 const Parameters& parameters)
{
  PatientIndex alone;
  alone.SetParameters(parameters);
  alone.Put(patient);
  const Decision decision = alone.Decide(study.demographics, study.practiceId);
  const bool saysNothing = decision.reason == "no_demographics";
  bool agrees = saysNothing || decision.status == MatchStatus::Matched;
  if (!agrees && !decision.candidates.empty() && decision.reason != "identifier_conflict")
  {
    const auto& evidence = decision.candidates.front().evidence;
    agrees = std::none_of(evidence.begin(), evidence.end(),
                          [](const Evidence& item)
                          { return item.field != "identifier" && item.level == "disagree"; });
  }
  const bool othersFits =
      !saysNothing && machine.status == MatchStatus::Matched && machine.patientId != patient.id;
  const bool mixed = machine.status == MatchStatus::Review && (machine.reason == "contradictory_instances" ||
                                                               machine.reason == "study_instance_uid_reused");
  const Json::Value json = ToJson(decision);
  if (agrees && !othersFits && !mixed)
  {
    machine.status = MatchStatus::Matched;
    machine.patientId = patient.id;
    machine.decidedBy = filing.filedBy;
    machine.probability.reset();
    machine.reason = "filed";
    machine.evidence = json["evidence"];
    return machine;
  }
  machine.status = MatchStatus::Review;
  machine.patientId.reset();
  machine.reason = mixed ? machine.reason : "contradicts_filing";
  Json::Value candidates = json["candidates"];
  if (candidates.empty())
  {
    Json::Value candidate;
    candidate["patient_id"] = patient.id;
    candidate["probability"] = 0.0;
    candidate["evidence"] = Json::arrayValue;
    candidates.append(candidate);
  }
  for (const Json::Value& candidate : machine.candidates)
  {
    if (candidate["patient_id"] != patient.id)
    {
      candidates.append(candidate);
    }
  }
  machine.candidates = candidates;
  return machine;
}

bool SameDecision(const StudyMatch& a, const StudyMatch& b)
{
  return a.status == b.status && a.patientId == b.patientId && a.decidedBy == b.decidedBy &&
         a.reason == b.reason && a.candidates == b.candidates;
}
}  // namespace

StudyMatcher::StudyMatcher(Database& database, const EventLog& events, Directory& directory)
    : database_(database), events_(events), directory_(directory)
{
}

std::vector<TaskKind> StudyMatcher::Tasks()
{
  return {{.name = "match.study", .handler = [this](RunningTask& task) { MatchStudy(task); }},
          {.name = "match.directory", .handler = [this](RunningTask& task) { FollowDirectory(task); }},
          {.name = "match.estimate", .handler = [this](RunningTask& task) { Estimate(task); }}};
}

void StudyMatcher::Subscribe(EventLog& events)
{
  for (const char* type : {"study.received", "study.updated", "study.filed"})
  {
    events.On(type, [](Transaction& transaction, const Event& event)
              { TaskStore(transaction).Enqueue("match.study", event.data["orthanc_study_id"].asString()); });
  }
  // Of two studies with one StudyInstanceUID, the one that is left is the only one now.
  events.On("study.deleted",
            [](Transaction& transaction, const Event& event)
            {
              Study gone;
              gone.orthancStudyId = event.data["orthanc_study_id"].asString();
              gone.studyInstanceUid = event.data["study_instance_uid"].asString();
              for (const std::string& twin : StudyStore(transaction).Twins(gone))
              {
                TaskStore(transaction).Enqueue("match.study", twin);
              }
            });
  for (const char* type :
       {"patient.create", "patient.update", "patient.delete", "patient.merge", "patient.unmerge"})
  {
    events.On(type, [](Transaction& transaction, const Event&)
              { TaskStore(transaction).Enqueue("match.directory", "all"); });
  }
}

void StudyMatcher::Start()
{
  Transaction transaction(database_);
  MatchStore store(transaction);
  TaskStore tasks(transaction);
  for (const std::string& study : store.ForgottenStudies())
  {
    tasks.Enqueue("match.study", study);
  }
  tasks.Enqueue("match.directory", "all");
  tasks.Enqueue("match.estimate", "all", Json::objectValue, Now() + std::chrono::hours(1));
  if (const auto document = store.Parameters())
  {
    directory_.Index().SetParameters(ParametersFromJson(ParseJson(*document)));
  }
  transaction.Commit();
}

void StudyMatcher::MatchStudy(RunningTask& task)
{
  const std::string& id = task.Get().key;
  const PatientIndex& index = directory_.Current();
  std::optional<Study> study;
  std::vector<std::string> twins;
  std::optional<Filing> filing;
  std::optional<Patient> filedTo;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    StudyStore store(transaction);
    study = store.FindByOrthancId(id);
    twins = study ? store.Twins(*study) : twins;
    filing = FilingStore(transaction).Find(id);
    PatientStore patients(transaction);
    filedTo = filing && !filing->patientId.empty() ? patients.Find(patients.SurvivorOf(filing->patientId))
                                                   : std::nullopt;
    transaction.Commit();
  }
  if (!study || study->match.ByPerson())
  {
    return;
  }
  StudyMatch match = Decide(index, *study, !twins.empty());
  if (filedTo && filedTo->practiceId == study->practiceId)
  {
    match = Filed(std::move(match), *filing, *filedTo, *study, index.GetParameters());
  }

  std::vector<std::string> keys = KeysOf(BlockingHashes(study->demographics, study->practiceId));
  for (const Json::Value& candidate : match.candidates)
  {
    keys.push_back("patient:" + candidate["patient_id"].asString());
  }

  Transaction transaction(database_);
  StudyStore store(transaction);
  const auto now = store.FindForUpdate(id);
  if (now && !now->match.ByPerson())
  {
    MatchStore(transaction).PutKeys(id, keys);
    if (match.patientId && !PatientStore(transaction).Find(*match.patientId))
    {
      throw Unavailable("The patient was removed while the study was decided");
    }
    if (!SameDecision(now->match, match))
    {
      Write(transaction, events_, *now, match);
    }
    // The other study of the same StudyInstanceUID must not stay filed as if it were the only one.
    if (now->match.status == MatchStatus::Pending)
    {
      for (const std::string& twin : twins)
      {
        TaskStore(transaction).Enqueue("match.study", twin);
      }
    }
  }
  task.Complete(transaction);
  transaction.Commit();
}

void StudyMatcher::Write(Transaction& transaction, const EventLog& events, const Study& study,
                         const StudyMatch& match)
{
  StudyStore(transaction).UpdateMatch(study.orthancStudyId, match);
  if (match.status == MatchStatus::Pending)
  {
    return;
  }
  Json::Value data;
  data["study_instance_uid"] = study.studyInstanceUid;
  data["orthanc_study_id"] = study.orthancStudyId;
  data["status"] = ToString(match.status);
  data["patient_id"] = match.patientId ? Json::Value(*match.patientId) : Json::Value();
  data["previous_patient_id"] = study.match.patientId ? Json::Value(*study.match.patientId) : Json::Value();
  data["decided_by"] = match.decidedBy;
  data["reason"] = match.reason;
  data["probability"] = match.probability ? Json::Value(*match.probability) : Json::Value();
  events.Emit(transaction, "study." + ToString(match.status), study.practiceId, data);
}

void StudyMatcher::FollowDirectory(RunningTask& task)
{
  Transaction transaction(database_);
  MatchStore store(transaction);
  PatientStore patients(transaction);
  TaskStore tasks(transaction);
  const auto changes = patients.ChangedSince(store.Cursor(), CHANGES_AT_ONCE);
  for (const auto& [id, serial] : changes)
  {
    const auto patient = patients.Find(id);
    std::vector<std::string> keys = patient ? KeysOf(BlockingHashes(*patient)) : std::vector<std::string>();
    keys.push_back("patient:" + id);
    for (const std::string& study : store.FindStudies(keys, id))
    {
      tasks.Enqueue("match.study", study);
    }
  }
  // Those of deleted patients.
  for (const std::string& study : store.ForgottenStudies())
  {
    tasks.Enqueue("match.study", study);
  }
  task.Complete(transaction);
  if (!changes.empty())
  {
    store.PutCursor(changes.back().second);
  }
  if (static_cast<int64_t>(changes.size()) == CHANGES_AT_ONCE)
  {
    tasks.Enqueue("match.directory", "all");
  }
  transaction.Commit();
}

void StudyMatcher::Estimate(RunningTask& task)
{
  std::vector<std::pair<StudyDemographics, std::string>> observed;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    observed = MatchStore(transaction).Observed(OBSERVED_AT_MOST);
    transaction.Commit();
  }
  const auto parameters = directory_.Current().Estimate(observed);

  Transaction transaction(database_);
  if (parameters)
  {
    directory_.Index().SetParameters(*parameters);
    MatchStore(transaction).PutParameters(WriteJson(ToJson(*parameters)));
  }
  task.Complete(transaction);
  TaskStore(transaction).Enqueue("match.estimate", "all", Json::objectValue, Now() + std::chrono::hours(24));
  transaction.Commit();
}
}  // namespace OrthancClinic::Matching
