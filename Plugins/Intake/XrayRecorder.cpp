// SPDX-License-Identifier: GPL-3.0-or-later

#include "XrayRecorder.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <tuple>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/Tags.h"
#include "Core/Errors.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "Core/Tasks/TaskStore.h"
#include "XrayReading.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr const char* RECORD = XrayRecorder::TASK;
constexpr const char* RECORD_ARCHIVE = "record.xrays-of-archive";
constexpr int64_t STUDIES_AT_ONCE = 100;
constexpr int64_t MOST_XRAYS = 10'000;  // of one study

// An image that is corrected is taken out and in again: one is gone when it is missing twice.
constexpr Milliseconds MISSING_CERTAIN(10'000);

std::vector<Xray> XraysOf(Transaction& transaction, const std::string& orthancStudyId)
{
  XrayFilter filter;
  filter.orthancStudyId = orthancStudyId;
  filter.limit = MOST_XRAYS;
  return XrayStore(transaction).Search(filter).first;
}

bool IsFromPerson(const Xray& xray)
{
  return xray.document.isMember("stated");
}

bool IsStated(const Xray& xray, const char* field)
{
  return IsFromPerson(xray) && xray.document["stated"].get(field, false).asBool();
}

// Under whom the X-ray is listed.
std::string PatientOf(const Study& study, const Xray& xray)
{
  const bool waits = study.match.status == MatchStatus::Pending && IsFromPerson(xray);
  return waits ? xray.patientId : study.match.patientId.value_or("");
}

bool Same(const Xray& a, const Xray& b)
{
  const auto tied = [](const Xray& x)
  {
    return std::tie(x.practiceId, x.patientId, x.clinicId, x.orthancStudyId, x.orthancInstanceId,
                    x.studyInstanceUid, x.type, x.takenAt, x.document);
  };
  return tied(a) == tied(b);
}

int Number(const Json::Value& instance)
{
  const Json::Value& number = instance["MainDicomTags"]["InstanceNumber"];
  return number.isString() ? std::atoi(number.asCString()) : 0;
}

// Orthanc's id of the instance in the middle of a series.
std::string MiddleOf(IOrthanc& orthanc, const std::string& seriesId)
{
  std::vector<std::pair<int, std::string>> instances;
  for (const Json::Value& instance : orthanc.Get("/series/" + seriesId + "/instances"))
  {
    instances.emplace_back(Number(instance), instance["ID"].asString());
  }
  if (instances.empty())
  {
    throw NotFound("The series has no instance any more");
  }
  std::sort(instances.begin(), instances.end());
  return instances[instances.size() / 2].second;
}

int64_t FileSize(IOrthanc& orthanc, const std::string& instanceId)
{
  return std::atoll(orthanc.GetBytes("/instances/" + instanceId + "/attachments/dicom/size").c_str());
}
}  // namespace

void XrayRecorder::Subscribe(EventLog& events) const
{
  const auto record = [](Transaction& transaction, const Event& event)
  { TaskStore(transaction).Enqueue(RECORD, event.data["orthanc_study_id"].asString()); };
  for (const char* type : {"study.received", "study.updated", "study.settled"})
  {
    events.On(type, record);
  }
  for (const char* type : {"study.matched", "study.review", "study.unmatched"})
  {
    events.On(type,
              [record](Transaction& transaction, const Event& event)
              {
                XrayStore(transaction)
                    .SetPatient(event.data["orthanc_study_id"].asString(),
                                event.data["patient_id"].asString());
                record(transaction, event);
              });
  }
  events.On("study.corrected",
            [record](Transaction& transaction, const Event& event)
            {
              const std::string before = event.data["previous_orthanc_study_id"].asString();
              const std::string now = event.data["orthanc_study_id"].asString();
              if (before != now)
              {
                XrayStore(transaction).MoveToStudy(before, now);
                record(transaction, event);
              }
            });
  events.On("study.deleted",
            [](Transaction& transaction, const Event& event)
            {
              if (event.data.isMember("orthanc_study_id"))
              {
                XrayStore(transaction).DeleteOfStudy(event.data["orthanc_study_id"].asString());
                TaskStore(transaction).Cancel(RECORD, event.data["orthanc_study_id"].asString());
              }
            });
  for (const char* type : {"patient.merge", "patient.unmerge", "patient.delete"})
  {
    events.On(type, [](Transaction& transaction, const Event& event)
              { XrayStore(transaction).FollowStudiesOf(event.data["patient_id"].asString()); });
  }
}

TaskKind XrayRecorder::Task()
{
  return {.name = RECORD, .handler = [this](RunningTask& task) { Record(task); }, .concurrency = 2};
}

TaskKind XrayRecorder::ArchiveTask()
{
  return {.name = RECORD_ARCHIVE, .handler = [this](RunningTask& task) { RecordArchive(task); }};
}

void XrayRecorder::Record(RunningTask& task)
{
  const std::string& id = task.Get().key;
  std::optional<Study> study;
  std::vector<Xray> known;
  std::string zone;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    study = StudyStore(transaction).FindByOrthancId(id);
    if (study)
    {
      known = XraysOf(transaction, id);
      const auto practice = PracticeStore(transaction).Find(study->practiceId);
      zone = practice ? practice->timeZone : Practice().timeZone;
    }
    transaction.Commit();
  }
  // A study that is not recorded yet will be told of by an event.
  if (!study ||
      (known.empty() && std::none_of(study->modalities.begin(), study->modalities.end(), MayBeDental)))
  {
    return;
  }

  auto read = Read(id, known, zone);
  if (!read)
  {
    return;  // deleted: an event will tell, or it is on its way in again
  }
  std::vector<Found>& found = *read;
  const std::set<std::string> heirs = Heirs(*study, found);

  Transaction transaction(database_);
  study = StudyStore(transaction).FindForUpdate(id);
  if (!study)
  {
    return;
  }
  XrayStore store(transaction);
  // In one order, so that two of these never wait for each other.
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.uid < b.uid; });
  std::set<std::string> kept;
  for (const Found& one : found)
  {
    Xray initial;
    initial.id = one.uid;
    initial.practiceId = study->practiceId;
    initial.orthancStudyId = id;
    const auto isKnown = [&](const std::string& name)
    { return std::any_of(known.begin(), known.end(), [&](const Xray& xray) { return xray.id == name; }); };
    if (!isKnown(one.uid) && isKnown(one.orthancId))
    {
      initial.id = one.orthancId;
    }
    Xray before = store.Lock(initial);
    if (before.orthancStudyId != id && !heirs.contains(one.uid))
    {
      initial.id = one.orthancId;
      before = store.Lock(initial);
    }
    Xray xray = before;
    if (before.practiceId != study->practiceId)
    {
      xray.document = Json::objectValue;  // what was said there is nothing of this practice's
      xray.clinicId.clear();
    }
    xray.practiceId = study->practiceId;
    xray.patientId = PatientOf(*study, xray);
    xray.orthancStudyId = id;
    xray.orthancInstanceId = one.instance;
    xray.studyInstanceUid = study->studyInstanceUid;
    if (!IsStated(xray, "xray_type") && !(one.type.empty() && !xray.type.empty()))
    {
      xray.type = one.type.empty() ? "other" : one.type;
    }
    if (!IsStated(xray, "taken_at"))
    {
      xray.takenAt = one.takenAt.value_or(study->receivedAt);
    }
    if (!IsFromPerson(xray))
    {
      xray.document["original_size"] = static_cast<Json::Int64>(one.size);
    }
    if (one.numberOfInstances > 1)
    {
      xray.document["number_of_instances"] = one.numberOfInstances;
    }
    if (!Same(xray, before))
    {
      store.Put(xray);
    }
    kept.insert(xray.id);
  }
  const bool isCertain = task.Get().payload.isMember("missing");
  bool isMissing = false;
  for (const Xray& xray : known)
  {
    // One that was sent again since it was read is there again.
    const auto now = kept.contains(xray.id) ? std::nullopt : store.Find(xray.id);
    if (now && now->orthancStudyId == id && now->updatedAt == xray.updatedAt)
    {
      isMissing = !isCertain;
      if (isCertain)
      {
        store.Delete(xray.id);
      }
    }
  }
  task.Complete(transaction);
  if (isMissing)
  {
    Json::Value payload;
    payload["missing"] = true;
    TaskStore(transaction).Enqueue(RECORD, id, payload, Now() + MISSING_CERTAIN);
  }
  transaction.Commit();
}

std::optional<std::vector<XrayRecorder::Found>> XrayRecorder::Read(const std::string& orthancStudyId,
                                                                   const std::vector<Xray>& known,
                                                                   const std::string& zone)
{
  std::set<std::string> stated;  // instances that a person sent as X-rays, whatever they are
  for (const Xray& xray : known)
  {
    if (IsFromPerson(xray))
    {
      stated.insert(xray.orthancInstanceId);
    }
  }
  Json::Value allSeries;
  try
  {
    allSeries = orthanc_.Get("/studies/" + orthancStudyId + "/series");
  }
  catch (const NotFound&)
  {
    return std::nullopt;
  }

  std::vector<Found> found;
  for (const Json::Value& series : allSeries)
  {
    const Json::Value& modality = series["MainDicomTags"]["Modality"];
    const bool mayBeDental = modality.isString() && MayBeDental(modality.asString());
    try
    {
      if (modality == "CT")
      {
        const std::string middle = MiddleOf(orthanc_, series["ID"].asString());
        const Json::Value tags = orthanc_.Get("/instances/" + middle + "/tags?short");
        if (IsOfVolume(Tag(tags, "0008,0060"), Tag(tags, "0008,0016")))
        {
          const std::string type = DentalTypeOf(tags);
          const bool isStated =
              std::any_of(series["Instances"].begin(), series["Instances"].end(),
                          [&](const Json::Value& instance) { return stated.contains(instance.asString()); });
          if (!type.empty() || isStated)
          {
            const Json::Value statistics = orthanc_.Get("/series/" + series["ID"].asString() + "/statistics");
            found.push_back({Tag(tags, "0020,000e"), series["ID"].asString(), middle, type,
                             TakenAt(tags, zone), std::atoll(statistics["DicomDiskSize"].asCString()),
                             static_cast<int>(series["Instances"].size())});
          }
          continue;
        }
      }
      for (const Json::Value& instance : series["Instances"])
      {
        const std::string id = instance.asString();
        if (!mayBeDental && !stated.contains(id))
        {
          continue;
        }
        const Json::Value tags = orthanc_.Get("/instances/" + id + "/tags?short");
        const std::string type = DentalTypeOf(tags);
        if (!type.empty() || stated.contains(id))
        {
          found.push_back(
              {Tag(tags, "0008,0018"), id, id, type, TakenAt(tags, zone), FileSize(orthanc_, id), 1});
        }
      }
    }
    catch (const NotFound&)
    {
      // Deleted since; what is left of the series is read once more when the study settles.
    }
  }
  return found;
}

std::set<std::string> XrayRecorder::Heirs(const Study& study, const std::vector<Found>& found)
{
  std::vector<Xray> foreign;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    XrayStore store(transaction);
    for (const Found& one : found)
    {
      if (auto xray = store.Find(one.uid); xray && xray->orthancStudyId != study.orthancStudyId)
      {
        foreign.push_back(*std::move(xray));
      }
    }
    transaction.Commit();
  }
  std::set<std::string> heirs;
  for (const Xray& xray : foreign)
  {
    try
    {
      orthanc_.Get("/instances/" + xray.orthancInstanceId);
    }
    catch (const NotFound&)
    {
      heirs.insert(xray.id);
    }
  }
  return heirs;
}

void XrayRecorder::RecordArchive(RunningTask& task) const
{
  Transaction transaction(database_);
  TaskStore tasks(transaction);
  const std::string after = task.Get().payload.get("after", "").asString();
  const bool isBusy = tasks.List(RECORD, "due", 1, 0).second >= STUDIES_AT_ONCE;
  const auto studies =
      isBusy ? std::vector<std::string>() : StudyStore(transaction).OrthancIdsAfter(after, STUDIES_AT_ONCE);
  task.Complete(transaction);
  for (const std::string& study : studies)
  {
    tasks.Enqueue(RECORD, study);
  }
  if (isBusy || !studies.empty())
  {
    Json::Value payload = task.Get().payload;
    if (!studies.empty())
    {
      payload["after"] = studies.back();
    }
    tasks.Enqueue(RECORD_ARCHIVE, "all", payload, Now() + Milliseconds(isBusy ? 1000 : 0));
  }
  transaction.Commit();
}
}  // namespace OrthancClinic::Intake
