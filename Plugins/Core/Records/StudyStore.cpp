// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/StudyStore.h"

#include "Core/Configuration/JsonSchema.h"
#include "Core/Database/Query.h"
#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
constexpr const char* COLUMNS =
    "orthanc_study_id, study_instance_uid, practice_id, modalities, study_date, study_time, "
    "study_description, "
    "accession_number, institution_name, demographics, contradictions, number_of_series, "
    "number_of_instances, "
    "total_size_bytes, source, received_at, last_instance_at, settled_at, match_status, match_patient_id, "
    "match_decided_by, match_decided_at, match_probability, match_detail, acquisition";

// One row of COLUMNS: the way from a study to its columns and back.
struct Row
{
  Study study;
  std::string modalities;
  std::string demographics;
  std::string contradictions;
  long long totalSize = 0;
  std::string source;
  std::string receivedAt;
  std::string lastInstanceAt;
  std::string settledAt;
  soci::indicator isSettled = soci::i_null;
  std::string status;
  std::string patientId;
  soci::indicator hasPatient = soci::i_null;
  std::string decidedBy;
  soci::indicator isDecided = soci::i_null;
  std::string decidedAt;
  soci::indicator hasDecidedAt = soci::i_null;
  double probability = 0;
  soci::indicator hasProbability = soci::i_null;
  std::string detail;
  std::string acquisition;

  Row() = default;

  explicit Row(const Study& from) : study(from)
  {
    // With a bar at both ends, so that a search for "|CT|" is exact.
    modalities = "|";
    for (const std::string& modality : study.modalities)
    {
      modalities += modality + "|";
    }
    demographics = WriteJson(ToJson(study.demographics));
    Json::Value fields(Json::arrayValue);
    for (const std::string& field : study.contradictions)
    {
      fields.append(field);
    }
    contradictions = WriteJson(fields);
    totalSize = study.totalSizeBytes;
    Json::Value from_;
    from_["kind"] = study.source.kind;
    from_["calling_ae"] = study.source.callingAe;
    from_["called_ae"] = study.source.calledAe;
    from_["remote_ip"] = study.source.remoteIp;
    source = WriteJson(from_);
    receivedAt = ToString(study.receivedAt);
    lastInstanceAt = ToString(study.lastInstanceAt);
    Assign(study.settledAt, settledAt, isSettled);
    acquisition = WriteJson(study.acquisition);
    SetMatch(study.match);
  }

  explicit Row(const StudyMatch& match) { SetMatch(match); }

  void SetMatch(const StudyMatch& match)
  {
    status = ToString(match.status);
    patientId = match.patientId.value_or("");
    hasPatient = match.patientId ? soci::i_ok : soci::i_null;
    decidedBy = match.decidedBy;
    isDecided = match.decidedBy.empty() ? soci::i_null : soci::i_ok;
    Assign(match.decidedAt, decidedAt, hasDecidedAt);
    probability = match.probability.value_or(0);
    hasProbability = match.probability ? soci::i_ok : soci::i_null;
    Json::Value json;
    json["reason"] = match.reason;
    json["evidence"] = match.evidence;
    json["candidates"] = match.candidates;
    detail = WriteJson(json);
  }

  static void Assign(const std::optional<Timestamp>& time, std::string& text, soci::indicator& indicator)
  {
    text = time ? ToString(*time) : "";
    indicator = time ? soci::i_ok : soci::i_null;
  }

  static std::optional<Timestamp> Time(const std::string& text, soci::indicator indicator)
  {
    return indicator == soci::i_ok ? ParseTimestamp(text) : std::nullopt;
  }

  Study Read() const
  {
    Study result = study;
    result.modalities.clear();
    for (size_t begin = 1, end; (end = modalities.find('|', begin)) != std::string::npos; begin = end + 1)
    {
      result.modalities.push_back(modalities.substr(begin, end - begin));
    }
    result.demographics = StudyDemographicsFromJson(ParseJson(demographics));
    result.contradictions = Texts(ParseJson(contradictions));
    result.totalSizeBytes = totalSize;
    const Json::Value from = ParseJson(source);
    result.source = {from["kind"].asString(), from["calling_ae"].asString(), from["called_ae"].asString(),
                     from["remote_ip"].asString()};
    result.receivedAt = ParseTimestamp(receivedAt).value();
    result.lastInstanceAt = ParseTimestamp(lastInstanceAt).value();
    result.settledAt = Time(settledAt, isSettled);
    result.acquisition = ParseJson(acquisition);
    StudyMatch& match = result.match;
    match.status = ParseMatchStatus(status);
    match.patientId = (hasPatient == soci::i_ok) ? std::optional(patientId) : std::nullopt;
    match.decidedBy = (isDecided == soci::i_ok) ? decidedBy : "";
    match.decidedAt = Time(decidedAt, hasDecidedAt);
    match.probability = (hasProbability == soci::i_ok) ? std::optional(probability) : std::nullopt;
    const Json::Value json = ParseJson(detail);
    match.reason = json["reason"].asString();
    match.evidence = json["evidence"];
    match.candidates = json["candidates"];
    return result;
  }
};

std::vector<Study> Fetch(Transaction& transaction, const std::string& tail,
                         const std::vector<std::string>& values)
{
  Row row;
  Study& study = row.study;
  std::vector<Study> studies;
  Query(
      transaction, std::string("SELECT ") + COLUMNS + " FROM studies " + tail, values,
      [&] { studies.push_back(row.Read()); }, study.orthancStudyId, study.studyInstanceUid, study.practiceId,
      row.modalities, study.studyDate, study.studyTime, study.studyDescription, study.accessionNumber,
      study.institutionName, row.demographics, row.contradictions, study.numberOfSeries,
      study.numberOfInstances, row.totalSize, row.source, row.receivedAt, row.lastInstanceAt,
      std::tie(row.settledAt, row.isSettled), row.status, std::tie(row.patientId, row.hasPatient),
      std::tie(row.decidedBy, row.isDecided), std::tie(row.decidedAt, row.hasDecidedAt),
      std::tie(row.probability, row.hasProbability), row.detail, row.acquisition);
  return studies;
}

// The first of them.
std::optional<Study> FetchOne(Transaction& transaction, const std::string& tail, const std::string& value)
{
  auto studies = Fetch(transaction, tail, {value});
  return studies.empty() ? std::nullopt : std::optional(std::move(studies.front()));
}
}  // namespace

std::optional<Study> StudyStore::FindByOrthancId(const std::string& orthancStudyId)
{
  return FetchOne(transaction_, "WHERE orthanc_study_id = :id", orthancStudyId);
}

std::optional<Study> StudyStore::FindForUpdate(const std::string& orthancStudyId)
{
  // A write transaction of SQLite is alone anyway.
  const std::string lock = transaction_.IsPostgreSql() ? " FOR UPDATE" : "";
  return FetchOne(transaction_, "WHERE orthanc_study_id = :id" + lock, orthancStudyId);
}

Study StudyStore::Get(const std::string& uidOrOrthancId)
{
  if (auto study = FindByOrthancId(uidOrOrthancId))
  {
    return *std::move(study);
  }
  auto studies =
      Fetch(transaction_, "WHERE study_instance_uid = :uid ORDER BY orthanc_study_id", {uidOrOrthancId});
  if (studies.empty())
  {
    throw NotFound("There is no such study");
  }
  if (studies.size() > 1)
  {
    std::string ids;
    for (const Study& study : studies)
    {
      ids += " " + study.orthancStudyId;
    }
    throw Conflict("This StudyInstanceUID was sent under several PatientIDs: use orthanc_study_id, one of" +
                   ids);
  }
  return std::move(studies.front());
}

std::pair<std::vector<Study>, int64_t> StudyStore::Search(const StudyFilter& filter)
{
  Conditions conditions;
  filter.practices.AddTo(conditions);
  conditions.Add("match_patient_id = ?", filter.patientId);
  conditions.Add("match_status = ?", filter.status);
  conditions.Add("accession_number = ?", filter.accessionNumber);
  conditions.Add("study_date >= ?", filter.studyDateFrom);
  conditions.Add("study_date <= ?", filter.studyDateTo);
  conditions.Add("modalities LIKE ?", filter.modality.empty() ? "" : "%|" + filter.modality + "|%");

  return {Fetch(transaction_,
                conditions.Where() + " ORDER BY received_at DESC, orthanc_study_id LIMIT " +
                    std::to_string(filter.limit) + " OFFSET " + std::to_string(filter.offset),
                conditions.Values()),
          CountRows(transaction_, "studies", conditions)};
}

std::vector<std::string> StudyStore::AllOrthancIds()
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::vector<std::string> ids;
        std::string id;
        soci::statement statement =
            (sql.prepare << "SELECT orthanc_study_id FROM studies ORDER BY orthanc_study_id", soci::into(id));
        statement.execute();
        while (statement.fetch())
        {
          ids.push_back(id);
        }
        return ids;
      });
}

std::vector<std::string> StudyStore::OrthancIdsAfter(const std::string& orthancStudyId, int64_t limit)
{
  std::string id;
  std::vector<std::string> ids;
  Query(
      transaction_,
      "SELECT orthanc_study_id FROM studies WHERE orthanc_study_id > :id ORDER BY orthanc_study_id LIMIT " +
          std::to_string(limit),
      {orthancStudyId}, [&] { ids.push_back(id); }, id);
  return ids;
}

std::vector<std::string> StudyStore::Twins(const Study& study)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::vector<std::string> ids;
        std::string id;
        soci::statement statement =
            (sql.prepare << "SELECT orthanc_study_id FROM studies WHERE study_instance_uid = :uid AND "
                            "orthanc_study_id <> :id",
             soci::use(study.studyInstanceUid), soci::use(study.orthancStudyId), soci::into(id));
        statement.execute();
        while (statement.fetch())
        {
          ids.push_back(id);
        }
        return ids;
      });
}

void StudyStore::Insert(const Study& study)
{
  Row row(study);
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << std::string("INSERT INTO studies (") + COLUMNS +
                   ") VALUES (:id, :uid, :practice, :modalities, :date, :time, :description, :accession, "
                   ":institution, :demographics, :contradictions, :series, :instances, :size, :source, "
                   ":received, "
                   ":last, :settled, :status, :patient, :by, :at, :probability, :detail, :acquisition)",
            soci::use(study.orthancStudyId), soci::use(study.studyInstanceUid), soci::use(study.practiceId),
            soci::use(row.modalities), soci::use(study.studyDate), soci::use(study.studyTime),
            soci::use(study.studyDescription), soci::use(study.accessionNumber),
            soci::use(study.institutionName), soci::use(row.demographics), soci::use(row.contradictions),
            soci::use(study.numberOfSeries), soci::use(study.numberOfInstances), soci::use(row.totalSize),
            soci::use(row.source), soci::use(row.receivedAt), soci::use(row.lastInstanceAt),
            soci::use(row.settledAt, row.isSettled), soci::use(row.status),
            soci::use(row.patientId, row.hasPatient), soci::use(row.decidedBy, row.isDecided),
            soci::use(row.decidedAt, row.hasDecidedAt), soci::use(row.probability, row.hasProbability),
            soci::use(row.detail), soci::use(row.acquisition);
      });
}

void StudyStore::UpdateContent(const Study& study)
{
  Row row(study);
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "UPDATE studies SET practice_id = :practice, modalities = :modalities, study_date = :date, "
               "study_time = :time, study_description = :description, accession_number = :accession, "
               "institution_name = :institution, demographics = :demographics, contradictions = "
               ":contradictions, "
               "number_of_series = :series, number_of_instances = :instances, total_size_bytes = :size, "
               "last_instance_at = :last, settled_at = :settled, acquisition = :acquisition "
               "WHERE orthanc_study_id = :id",
            soci::use(study.practiceId), soci::use(row.modalities), soci::use(study.studyDate),
            soci::use(study.studyTime), soci::use(study.studyDescription), soci::use(study.accessionNumber),
            soci::use(study.institutionName), soci::use(row.demographics), soci::use(row.contradictions),
            soci::use(study.numberOfSeries), soci::use(study.numberOfInstances), soci::use(row.totalSize),
            soci::use(row.lastInstanceAt), soci::use(row.settledAt, row.isSettled),
            soci::use(row.acquisition), soci::use(study.orthancStudyId);
      });
}

void StudyStore::UpdateMatch(const std::string& orthancStudyId, const StudyMatch& match)
{
  Row row(match);
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "UPDATE studies SET match_status = :status, match_patient_id = :patient, match_decided_by = "
               ":by, "
               "match_decided_at = :at, match_probability = :probability, match_detail = :detail "
               "WHERE orthanc_study_id = :id",
            soci::use(row.status), soci::use(row.patientId, row.hasPatient),
            soci::use(row.decidedBy, row.isDecided), soci::use(row.decidedAt, row.hasDecidedAt),
            soci::use(row.probability, row.hasProbability), soci::use(row.detail), soci::use(orthancStudyId);
      });
}

void StudyStore::Delete(const std::string& orthancStudyId)
{
  transaction_.Sql([&](soci::session& sql)
                   { sql << "DELETE FROM studies WHERE orthanc_study_id = :id", soci::use(orthancStudyId); });
}
}  // namespace OrthancClinic
