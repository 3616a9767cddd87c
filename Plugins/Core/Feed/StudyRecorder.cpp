// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Feed/StudyRecorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "Core/Dicom/Folding.h"
#include "Core/Dicom/Text.h"
#include "Core/Errors.h"
#include "Core/Log.h"
#include "Core/Records/AwaitedStudy.h"
#include "Core/Records/Filing.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyDeletion.h"
#include "Core/Records/StudyStore.h"

namespace OrthancClinic
{
namespace
{
constexpr std::chrono::hours LOST_WAITS(7 * 24);
constexpr size_t LONGEST_TEXT = 1024;   // bytes of one value that we keep
constexpr size_t MOST_VALUES = 16;      // of a multi-valued tag that we keep
constexpr size_t MOST_SERIES = 10'000;  // in the cache
constexpr const char* INDEX_TASK = "index.studies";
constexpr int64_t INDEXED_AT_ONCE = 200;
constexpr size_t MANY = 4;  // instances of one batch

// Orthanc overwrites an instance by deleting it and storing it anew: a study of one instance is away for a
// moment.
constexpr Milliseconds DELETION_CERTAIN(2'000);

// A tag's value, clean; empty if it is absent, a sequence, or was too long for Orthanc to show.
std::string Tag(const Json::Value& tags, const char* name)
{
  const Json::Value& value = tags[name];
  return value.isString() ? CleanText(value.asString(), LONGEST_TEXT) : std::string();
}

std::vector<std::string> Values(const std::string& multiple)
{
  std::vector<std::string> values;
  for (size_t begin = 0; begin <= multiple.size() && values.size() < MOST_VALUES;)
  {
    const size_t end = std::min(multiple.find('\\', begin), multiple.size());
    if (end > begin)
    {
      values.push_back(multiple.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  return values;
}

// Whether two spellings can be of one name: one may leave parts out.
bool NamesDiffer(const std::string& a, const std::string& b)
{
  const auto wordsOfA = FoldedWords(a);
  const auto wordsOfB = FoldedWords(b);
  const std::set<std::string> first(wordsOfA.begin(), wordsOfA.end());
  const std::set<std::string> second(wordsOfB.begin(), wordsOfB.end());
  return !std::includes(first.begin(), first.end(), second.begin(), second.end()) &&
         !std::includes(second.begin(), second.end(), first.begin(), first.end());
}

std::vector<std::string> Contradictions(const StudyDemographics& first, const StudyDemographics& later)
{
  std::vector<std::string> fields;
  if (NamesDiffer(first.patientName, later.patientName))
  {
    fields.emplace_back("patient_name");
  }
  if (!first.birthDate.empty() && !later.birthDate.empty() && first.birthDate != later.birthDate)
  {
    fields.emplace_back("birth_date");
  }
  if (!first.sex.empty() && !later.sex.empty() && first.sex != later.sex)
  {
    fields.emplace_back("sex");
  }
  return fields;
}

// Adds to `all` what it does not have yet; true if that is something.
bool Collect(Json::Value& all, const Json::Value& more)
{
  bool grew = false;
  for (const char* name : {"request_attributes", "body_parts", "lateralities"})
  {
    for (const Json::Value& value : more[name])
    {
      const bool known = std::find(all[name].begin(), all[name].end(), value) != all[name].end();
      if (!known && all[name].size() < MOST_VALUES)
      {
        all[name].append(value);
        grew = true;
      }
    }
  }
  return grew;
}

Json::Value EventData(const Study& study)
{
  Json::Value data;
  data["study_instance_uid"] = study.studyInstanceUid;
  data["orthanc_study_id"] = study.orthancStudyId;
  data["number_of_series"] = study.numberOfSeries;
  data["number_of_instances"] = study.numberOfInstances;
  return data;
}
}  // namespace

StudyDemographics DemographicsFromTags(const Json::Value& tags)
{
  StudyDemographics demographics;
  demographics.patientId = Tag(tags, "PatientID");
  demographics.issuerOfPatientId = Tag(tags, "IssuerOfPatientID");
  for (const std::string& id : Values(Tag(tags, "OtherPatientIDs")))
  {
    demographics.otherPatientIds.push_back({id, "", ""});
  }
  if (const Json::Value& others = tags["OtherPatientIDsSequence"]; others.isArray())
  {
    for (const Json::Value& item : others)
    {
      if (item.isObject() && !Tag(item, "PatientID").empty() &&
          demographics.otherPatientIds.size() < MOST_VALUES)
      {
        demographics.otherPatientIds.push_back({Tag(item, "PatientID"), Tag(item, "IssuerOfPatientID"), ""});
      }
    }
  }
  demographics.patientName = Tag(tags, "PatientName");
  demographics.otherPatientNames = Values(Tag(tags, "OtherPatientNames"));
  if (const std::string birthName = Tag(tags, "PatientBirthName"); !birthName.empty())
  {
    demographics.otherPatientNames.push_back(birthName);
  }
  demographics.birthDate = Tag(tags, "PatientBirthDate");
  demographics.sex = Tag(tags, "PatientSex");
  demographics.address = Tag(tags, "PatientAddress");
  demographics.phone = Tag(tags, "PatientTelephoneNumbers");
  if (const std::string telecom = Tag(tags, "PatientTelecomInformation");
      telecom.find('@') != std::string::npos)
  {
    demographics.email = telecom;
  }
  return demographics;
}

Json::Value AcquisitionFromTags(const Json::Value& tags)
{
  Json::Value acquisition;
  acquisition["request_attributes"] = Json::arrayValue;
  if (const Json::Value& requests = tags["RequestAttributesSequence"]; requests.isArray())
  {
    for (const Json::Value& item : requests)
    {
      Json::Value request;
      request["scheduled_procedure_step_id"] = Tag(item, "ScheduledProcedureStepID");
      request["requested_procedure_id"] = Tag(item, "RequestedProcedureID");
      request["accession_number"] = Tag(item, "AccessionNumber");
      acquisition["request_attributes"].append(request);
    }
  }
  acquisition["body_parts"] = Json::arrayValue;
  acquisition["lateralities"] = Json::arrayValue;
  if (const std::string bodyPart = Tag(tags, "BodyPartExamined"); !bodyPart.empty())
  {
    acquisition["body_parts"].append(bodyPart);
  }
  for (const char* name : {"ImageLaterality", "Laterality"})
  {
    if (const std::string laterality = Tag(tags, name); !laterality.empty())
    {
      acquisition["lateralities"].append(laterality);
      break;
    }
  }
  acquisition["accession_issuer"] = "";
  if (const Json::Value& issuer = tags["IssuerOfAccessionNumberSequence"];
      issuer.isArray() && !issuer.empty())
  {
    const std::string local = Tag(issuer[0], "LocalNamespaceEntityID");
    acquisition["accession_issuer"] = local.empty() ? Tag(issuer[0], "UniversalEntityID") : local;
  }
  return acquisition;
}

StudyRecorder::StudyRecorder(Database& database, IOrthanc& orthanc, const EventLog& events,
                             QuietPeriods quietPeriods)
    : database_(database), orthanc_(orthanc), events_(events), quietPeriods_(std::move(quietPeriods))
{
}

std::function<void(Transaction&)> StudyRecorder::Read(const std::vector<Change>& changes)
{
  if (changes.front().sequence == lastRead_)
  {
    series_.clear();  // what was made of these changes was not written: nothing of it counts as done
  }
  lastRead_ = changes.front().sequence;

  std::set<std::string> instances;
  for (const Change& change : changes)
  {
    if (change.type == "NewInstance")
    {
      instances.insert(change.resource);
    }
  }

  // By study: one new instance of each of its series.
  std::map<std::string, std::map<std::string, std::string>> touched;
  while (!instances.empty())
  {
    const std::string instance = *instances.begin();
    instances.erase(instances.begin());
    try
    {
      const std::string series = orthanc_.Get("/instances/" + instance)["ParentSeries"].asString();
      touched[LookUpSeries(series).studyId].emplace(series, instance);
      if (instances.size() >= MANY)
      {
        // Most of them are its siblings: one question instead of one for each.
        const Json::Value siblings = orthanc_.Get("/series/" + series)["Instances"];
        for (const Json::Value& sibling : siblings)
        {
          instances.erase(sibling.asString());
        }
      }
    }
    catch (const NotFound&)
    {
      // Deleted since.
    }
  }

  std::vector<Reading> readings;
  for (const auto& [study, firstOfSeries] : touched)
  {
    if (auto reading = ReadStudy(study, firstOfSeries))
    {
      readings.push_back(*std::move(reading));
    }
  }
  return [this, readings = std::move(readings)](Transaction& transaction)
  {
    for (const Reading& reading : readings)
    {
      Write(transaction, reading, true);
    }
  };
}

StudyRecorder::Series& StudyRecorder::LookUpSeries(const std::string& seriesId)
{
  if (const auto known = series_.find(seriesId); known != series_.end())
  {
    return known->second;
  }
  const Json::Value json = orthanc_.Get("/series/" + seriesId);
  if (series_.size() >= MOST_SERIES)
  {
    series_.clear();
  }
  return series_
      .emplace(seriesId,
               Series{json["ParentStudy"].asString(), Tag(json["MainDicomTags"], "Modality"), false})
      .first->second;
}

std::optional<StudyRecorder::Reading> StudyRecorder::ReadStudy(
    const std::string& orthancId, const std::map<std::string, std::string>& firstOfSeries)
{
  Reading reading;
  Study& study = reading.study;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    auto known = StudyStore(transaction).FindByOrthancId(orthancId);
    transaction.Commit();
    reading.isNew = !known.has_value();
    if (known)
    {
      study = *std::move(known);
    }
  }

  try
  {
    const Json::Value statistics = orthanc_.Get("/studies/" + orthancId + "/statistics");
    // New instances, and not more than before: one was sent again, perhaps with another content.
    const bool replaced = !reading.isNew && statistics["CountInstances"].asInt() <= study.numberOfInstances;
    study.numberOfSeries = statistics["CountSeries"].asInt();
    study.numberOfInstances = statistics["CountInstances"].asInt();
    study.totalSizeBytes = std::stoll(statistics["DicomUncompressedSize"].asString());

    std::set<std::string> modalities(study.modalities.begin(), study.modalities.end());
    if (reading.isNew)
    {
      const Json::Value json = orthanc_.Get("/studies/" + orthancId);
      const Json::Value& tags = json["MainDicomTags"];
      study.orthancStudyId = orthancId;
      study.studyInstanceUid = Tag(tags, "StudyInstanceUID");
      study.studyDate = Tag(tags, "StudyDate");
      study.studyTime = Tag(tags, "StudyTime");
      study.studyDescription = Tag(tags, "StudyDescription");
      study.accessionNumber = Tag(tags, "AccessionNumber");
      study.referringPhysician = Tag(tags, "ReferringPhysicianName");
      for (const Json::Value& series : json["Series"])
      {
        modalities.insert(LookUpSeries(series.asString()).modality);
      }
      ReadFirstInstance(
          firstOfSeries.empty()
              ? orthanc_.Get("/series/" + json["Series"][0].asString())["Instances"][0].asString()
              : firstOfSeries.begin()->second,
          study);
    }
    for (const auto& [series, instance] : firstOfSeries)
    {
      Series& known = LookUpSeries(series);
      modalities.insert(known.modality);
      if ((!std::exchange(known.compared, true) || replaced) &&
          !(reading.isNew && series == firstOfSeries.begin()->first))
      {
        const Json::Value tags = ReadTags(instance);
        reading.newSeries.push_back({DemographicsFromTags(tags), AcquisitionFromTags(tags)});
      }
    }
    std::erase_if(modalities, [](const std::string& modality)
                  { return modality.empty() || modality.find('|') != std::string::npos; });
    study.modalities.assign(modalities.begin(), modalities.end());
  }
  catch (const NotFound&)
  {
    return std::nullopt;  // deleted since; `forget.study` or the next sweep clears the record
  }
  return reading;
}

Json::Value StudyRecorder::ReadTags(const std::string& instanceId)
{
  // Orthanc reads text without SpecificCharacterSet in its DefaultEncoding, and drops what is none of that;
  // also where the set is said to be ASCII, which some equipment says whatever it writes.
  static constexpr std::pair<const char*, const char*> TEXTS[] = {{"PatientName", "0010-0010"},
                                                                  {"PatientBirthName", "0010-1005"},
                                                                  {"OtherPatientNames", "0010-1001"},
                                                                  {"PatientAddress", "0010-1040"},
                                                                  {"InstitutionName", "0008-0080"}};
  Json::Value tags = orthanc_.Get("/instances/" + instanceId + "/simplified-tags");
  const std::string characterSet = Tag(tags, "SpecificCharacterSet");
  if (!characterSet.empty() && characterSet != "ISO_IR 6")
  {
    return tags;
  }
  for (const auto& [name, tag] : TEXTS)
  {
    if (tags[name].isString() && !tags[name].asString().empty())
    {
      tags[name] = DecodeUndeclared(orthanc_.GetBytes("/instances/" + instanceId + "/content/" + tag));
    }
  }
  return tags;
}

void StudyRecorder::ReadFirstInstance(const std::string& instanceId, Study& study)
{
  const Json::Value tags = ReadTags(instanceId);
  study.demographics = DemographicsFromTags(tags);
  study.acquisition = AcquisitionFromTags(tags);
  study.institutionName = Tag(tags, "InstitutionName");

  const Json::Value metadata = orthanc_.Get("/instances/" + instanceId + "/metadata?expand");
  static const std::map<std::string, std::string> KINDS = {{"DicomProtocol", "modality"},
                                                           {"RestApi", "api"},
                                                           {"Plugins", "plugin"},
                                                           {"Lua", "lua"},
                                                           {"WebDav", "api"}};
  const auto kind = KINDS.find(metadata["Origin"].asString());
  study.source.kind = (kind == KINDS.end()) ? "unknown" : kind->second;
  study.source.callingAe = Tag(metadata, "RemoteAET");
  study.source.calledAe = Tag(metadata, "CalledAET");
  study.source.remoteIp = Tag(metadata, "RemoteIP");

  // Orthanc keeps whole seconds: finer from our own clock when it was just now.
  const Timestamp now = Now();
  const Timestamp received = ParseOrthancTime(metadata["ReceptionDate"].asString()).value_or(now);
  study.receivedAt = (now - received < std::chrono::seconds(5)) ? now : received;
  study.lastInstanceAt = study.receivedAt;
}

void StudyRecorder::Write(Transaction& transaction, const Reading& reading, bool arrived)
{
  StudyStore store(transaction);
  Study study = reading.study;
  const std::optional<Study> known = store.FindForUpdate(study.orthancStudyId);
  if (known)
  {
    // What was read may be older than what another process wrote meanwhile, except for the counts.
    study = *known;
    study.modalities = reading.study.modalities;
    study.numberOfSeries = reading.study.numberOfSeries;
    study.numberOfInstances = reading.study.numberOfInstances;
    study.totalSizeBytes = reading.study.totalSizeBytes;
  }
  else if (!reading.isNew)
  {
    throw Unavailable("A study was forgotten while it was read: it must be read again");
  }
  else if (const auto task = AwaitedStudyStore(transaction).TaskOf(study.studyInstanceUid))
  {
    // Pushed back by each new instance, as settle.study is.
    TaskStore(transaction)
        .Enqueue(*task, study.orthancStudyId, Json::objectValue, Now() + QuietPeriod(study));
    return;
  }

  std::set<std::string> contradictions(study.contradictions.begin(), study.contradictions.end());
  bool changed = false;
  for (const Sample& series : reading.newSeries)
  {
    for (const std::string& field : Contradictions(study.demographics, series.demographics))
    {
      contradictions.insert(field);
    }
    changed = Collect(study.acquisition, series.acquisition) || changed;
  }
  changed = changed || contradictions.size() > study.contradictions.size();
  study.contradictions.assign(contradictions.begin(), contradictions.end());
  if (arrived)
  {
    study.lastInstanceAt = known ? Now() : study.lastInstanceAt;
    study.settledAt.reset();
    TaskStore(transaction)
        .Enqueue("settle.study", study.orthancStudyId, Json::objectValue, Now() + QuietPeriod(study));
  }

  if (known)
  {
    store.UpdateContent(study);
    if (changed)
    {
      events_.Emit(transaction, "study.updated", study.practiceId, EventData(study));
    }
    return;
  }
  const auto filing = FilingStore(transaction).Find(study.orthancStudyId);
  study.practiceId = filing && !filing->practiceId.empty()
                         ? filing->practiceId
                         : PracticeStore(transaction)
                               .Resolve(study.source.callingAe, study.source.calledAe, study.institutionName);
  store.Insert(study);
  events_.Emit(transaction, "study.received", study.practiceId, EventData(study));
}

Milliseconds StudyRecorder::QuietPeriod(const Study& study) const
{
  Milliseconds longest(0);
  for (const std::string& modality : study.modalities)
  {
    const auto known = quietPeriods_.byModality.find(modality);
    longest =
        std::max(longest, known == quietPeriods_.byModality.end() ? quietPeriods_.otherwise : known->second);
  }
  return study.modalities.empty() ? quietPeriods_.otherwise : longest;
}

void StudyRecorder::Deleted(Transaction& transaction, const std::vector<std::string>& resources)
{
  for (const std::string& id : resources)
  {
    TaskStore(transaction).Enqueue("forget.study", id, Json::objectValue, Now() + DELETION_CERTAIN);
  }
}

void StudyRecorder::Sweep(SweepDepth depth, const std::atomic<bool>& stopping)
{
  std::set<std::string> recorded;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    for (std::string& id : StudyStore(transaction).AllOrthancIds())
    {
      recorded.insert(std::move(id));
    }
    transaction.Commit();
  }

  const size_t total = recorded.size();
  int mended = 0;
  for (const Json::Value& id : orthanc_.Get("/studies"))
  {
    if (stopping)
    {
      return;
    }
    const std::string orthancId = id.asString();
    const bool known = recorded.erase(orthancId) != 0;
    if (known && depth == SweepDepth::Existence)
    {
      continue;
    }
    const auto reading = ReadStudy(orthancId, {});
    if (!reading)
    {
      continue;
    }
    Transaction transaction(database_);
    const auto before = StudyStore(transaction).FindByOrthancId(orthancId);
    if (!before && !reading->isNew)
    {
      continue;  // forgotten meanwhile: if it came back, the change log says so
    }
    if (!before)
    {
      const auto task = AwaitedStudyStore(transaction).TaskOf(reading->study.studyInstanceUid);
      if (task && TaskStore(transaction).Exists(*task, orthancId))
      {
        continue;  // it gets no record, and its turn comes
      }
    }
    if (!before || before->numberOfInstances != reading->study.numberOfInstances ||
        before->totalSizeBytes != reading->study.totalSizeBytes)
    {
      mended++;
      Write(transaction, *reading, !before || before->numberOfInstances < reading->study.numberOfInstances);
      transaction.Commit();
    }
  }

  // Where most are gone, an archive was lost rather than cleaned: its records wait for the images to come
  // back.
  const bool isLost = recorded.size() * 2 > total;
  for (const std::string& id : recorded)
  {
    mended++;
    Transaction transaction(database_);
    TaskStore tasks(transaction);
    if (!isLost || !tasks.Exists("forget.study", id))
    {
      tasks.Enqueue("forget.study", id, Json::objectValue, Now() + (isLost ? LOST_WAITS : Milliseconds(0)));
    }
    transaction.Commit();
  }
  if (isLost)
  {
    LogError(fmt::format(
        "{} of {} studies are not in Orthanc any more: their records are kept for a week, restore them",
        recorded.size(), total));
  }
  if (mended != 0)
  {
    LogWarning("The sweep found " + std::to_string(mended) + " studies whose records differed from Orthanc");
  }
}

TaskKind StudyRecorder::SettleTask()
{
  return {.name = "settle.study", .handler = [this](RunningTask& task) { Settle(task); }};
}

TaskKind StudyRecorder::RereadTask()
{
  return {.name = "reread.study", .handler = [this](RunningTask& task) { Reread(task); }};
}

void StudyRecorder::Reread(RunningTask& task)
{
  const std::string& id = task.Get().key;
  Study fresh;
  try
  {
    const Json::Value json = orthanc_.Get("/studies/" + id);
    const Json::Value& tags = json["MainDicomTags"];
    fresh.studyDate = Tag(tags, "StudyDate");
    fresh.studyTime = Tag(tags, "StudyTime");
    fresh.studyDescription = Tag(tags, "StudyDescription");
    fresh.accessionNumber = Tag(tags, "AccessionNumber");
    fresh.referringPhysician = Tag(tags, "ReferringPhysicianName");
    std::set<std::string> contradictions;
    bool isFirst = true;
    for (const Json::Value& series : json["Series"])
    {
      const std::string instance = orthanc_.Get("/series/" + series.asString())["Instances"][0].asString();
      if (isFirst)
      {
        ReadFirstInstance(instance, fresh);
        isFirst = false;
        continue;
      }
      const Json::Value instanceTags = ReadTags(instance);
      for (const std::string& field : Contradictions(fresh.demographics, DemographicsFromTags(instanceTags)))
      {
        contradictions.insert(field);
      }
      Collect(fresh.acquisition, AcquisitionFromTags(instanceTags));
    }
    fresh.contradictions.assign(contradictions.begin(), contradictions.end());
  }
  catch (const NotFound&)
  {
    return;  // deleted since
  }

  Transaction transaction(database_);
  StudyStore store(transaction);
  auto study = store.FindForUpdate(id);
  if (!study)
  {
    // The feed has not come to it yet, and will read what is there now.
    return;
  }
  study->studyDate = fresh.studyDate;
  study->studyTime = fresh.studyTime;
  study->studyDescription = fresh.studyDescription;
  study->accessionNumber = fresh.accessionNumber;
  study->institutionName = fresh.institutionName;
  study->referringPhysician = fresh.referringPhysician;
  study->demographics = fresh.demographics;
  study->acquisition = fresh.acquisition;
  study->contradictions = fresh.contradictions;
  store.UpdateContent(*study);
  events_.Emit(transaction, "study.updated", study->practiceId, EventData(*study));
  task.Complete(transaction);
  transaction.Commit();
}

TaskKind StudyRecorder::ForgetTask()
{
  return {.name = "forget.study", .handler = [this](RunningTask& task) { Forget(task); }};
}

TaskKind StudyRecorder::IndexTask()
{
  return {.name = INDEX_TASK, .handler = [this](RunningTask& task) { Index(task); }};
}

void StudyRecorder::EnqueueIndexing()
{
  Transaction transaction(database_);
  if (!StudyStore(transaction).Unindexed(1).empty())
  {
    TaskStore(transaction).Enqueue(INDEX_TASK, "all");
  }
  transaction.Commit();
}

void StudyRecorder::Index(RunningTask& task)
{
  const auto unindexed = [&]
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    std::vector<Study> studies;
    StudyStore store(transaction);
    for (const std::string& id : store.Unindexed(INDEXED_AT_ONCE))
    {
      studies.push_back(store.Get(id));
    }
    transaction.Commit();
    return studies;
  };
  for (std::vector<Study> studies = unindexed(); !studies.empty(); studies = unindexed())
  {
    for (Study& study : studies)
    {
      if (task.IsStopping())
      {
        throw Unavailable("Orthanc stops");
      }
      try
      {
        study.referringPhysician =
            Tag(orthanc_.Get("/studies/" + study.orthancStudyId)["MainDicomTags"], "ReferringPhysicianName");
      }
      catch (const NotFound&)
      {
        // Deleted since; its record goes with the next sweep.
      }
    }
    Transaction transaction(database_);
    StudyStore store(transaction);
    for (const Study& study : studies)
    {
      // It may have changed since it was read.
      if (auto now = store.FindForUpdate(study.orthancStudyId))
      {
        now->referringPhysician = study.referringPhysician;
        store.Index(*now);
      }
    }
    transaction.Commit();
  }
}

void StudyRecorder::Settle(RunningTask& task)
{
  const std::string& id = task.Get().key;
  const auto statistics = [&]() -> std::optional<Json::Value>
  {
    try
    {
      return orthanc_.Get("/studies/" + id + "/statistics");
    }
    catch (const NotFound&)
    {
      return std::nullopt;
    }
  }();

  Transaction transaction(database_);
  StudyStore store(transaction);
  auto study = store.FindForUpdate(id);
  task.Complete(transaction);
  if (study && statistics && !study->settledAt)
  {
    const Timestamp quiet = study->lastInstanceAt + QuietPeriod(*study);
    if (Now() < quiet)
    {
      // An instance came while this task was starting, or a person ran it before its time.
      TaskStore(transaction).Enqueue(task.Get().kind, id, Json::objectValue, quiet);
    }
    else
    {
      study->numberOfSeries = (*statistics)["CountSeries"].asInt();
      study->numberOfInstances = (*statistics)["CountInstances"].asInt();
      study->totalSizeBytes = std::stoll((*statistics)["DicomUncompressedSize"].asString());
      study->settledAt = Now();
      store.UpdateContent(*study);
      events_.Emit(transaction, "study.settled", study->practiceId, EventData(*study));
    }
  }
  transaction.Commit();
}

void StudyRecorder::Forget(RunningTask& task)
{
  const std::string& id = task.Get().key;
  std::optional<Study> before;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    before = StudyStore(transaction).FindByOrthancId(id);
    transaction.Commit();
  }
  try
  {
    orthanc_.Get("/studies/" + id);
    return;  // it is there: received again since
  }
  catch (const NotFound&)
  {
  }

  Transaction transaction(database_);
  StudyStore store(transaction);
  if (const auto study = store.FindForUpdate(id))
  {
    if (!before || study->lastInstanceAt != before->lastInstanceAt)
    {
      throw Unavailable("Images of a study came while it was being forgotten: Orthanc must be asked again");
    }
    store.Delete(id);
    TaskStore(transaction).Cancel("settle.study", id);
    events_.Emit(transaction, "study.deleted", study->practiceId, EventData(*study));
    StudyDeletionStore(transaction).Forget(id);
  }
  task.Complete(transaction);
  transaction.Commit();
}
}  // namespace OrthancClinic
