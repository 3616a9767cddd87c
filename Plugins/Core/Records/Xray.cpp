// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/Xray.h"

#include <fmt/format.h>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/LetterCase.h"

namespace OrthancClinic
{
Json::Value ToCrmJson(const Xray& xray, const Practice& practice)
{
  const std::string image = "/api/dental/xrays/" + xray.id + "/image";
  Json::Value json;
  json["id"] = xray.id;
  json["leadId"] = OrNull(xray.patientId);
  json["userId"] = practice.crmUserId;
  json["clinicId"] = OrNull(xray.clinicId);
  json["xrayType"] = ToUpper(xray.type);
  json["dateTaken"] = ToString(xray.takenAt);
  json["dicomFile"] = "/instances/" + xray.orthancInstanceId + "/file";
  json["imageUrl"] = image;
  json["thumbnailUrl"] = image + "?size=200";
  json["previewUrl"] = image + "?size=1024";
  json["fullUrl"] = image + "?size=2048";
  for (const auto& [name, key] :
       {std::pair("originalSize", "original_size"), std::pair("compressedSize", "compressed_size"),
        std::pair("compressionRatio", "compression_ratio"), std::pair("aiAnalysis", "ai_analysis"),
        std::pair("aiAnalyzedAt", "ai_analyzed_at"), std::pair("aiModel", "ai_model"),
        std::pair("notes", "notes")})
  {
    json[name] = xray.document[key];
  }
  const Json::Value& teeth = xray.document["teeth_included"];
  json["teethIncluded"] = teeth.isArray() ? teeth : Json::Value(Json::arrayValue);
  json["createdAt"] = ToString(xray.createdAt);
  json["updatedAt"] = ToString(xray.updatedAt);
  return json;
}

std::vector<Xray> XrayStore::Fetch(const std::string& tail, const std::vector<std::string>& values)
{
  Xray row;
  std::string takenAt;
  std::string document;
  std::string createdAt;
  std::string updatedAt;
  std::vector<Xray> xrays;
  Query(
      transaction_,
      "SELECT id, practice_id, patient_id, clinic_id, orthanc_study_id, orthanc_instance_id, "
      "study_instance_uid, "
      "xray_type, taken_at, document, created_at, updated_at FROM xrays " +
          tail,
      values,
      [&]
      {
        row.takenAt = ParseTimestamp(takenAt).value();
        row.document = ParseJson(document);
        row.createdAt = ParseTimestamp(createdAt).value();
        row.updatedAt = ParseTimestamp(updatedAt).value();
        xrays.push_back(row);
      },
      row.id, row.practiceId, row.patientId, row.clinicId, row.orthancStudyId, row.orthancInstanceId,
      row.studyInstanceUid, row.type, takenAt, document, createdAt, updatedAt);
  return xrays;
}

std::optional<Xray> XrayStore::Find(const std::string& id)
{
  auto xrays = Fetch("WHERE id = :id", {id});
  return xrays.empty() ? std::nullopt : std::optional(std::move(xrays.front()));
}

std::optional<Xray> XrayStore::FindForUpdate(const std::string& id)
{
  // A write transaction of SQLite is alone anyway.
  auto xrays = Fetch(transaction_.IsPostgreSql() ? "WHERE id = :id FOR UPDATE" : "WHERE id = :id", {id});
  return xrays.empty() ? std::nullopt : std::optional(std::move(xrays.front()));
}

std::pair<std::vector<Xray>, int64_t> XrayStore::Search(const XrayFilter& filter)
{
  Conditions conditions;
  filter.practices.AddTo(conditions);
  conditions.Add("patient_id = ?", filter.patientId);
  conditions.Add("clinic_id = ?", filter.clinicId);
  conditions.Add("orthanc_study_id = ?", filter.orthancStudyId);
  return {Fetch(conditions.Where() + fmt::format(" ORDER BY taken_at DESC, id LIMIT {} OFFSET {}",
                                                 filter.limit, filter.offset),
                conditions.Values()),
          CountRows(transaction_, "xrays", conditions)};
}

void XrayStore::Put(Xray& xray)
{
  Insert(xray,
         "UPDATE SET practice_id = excluded.practice_id, patient_id = excluded.patient_id, clinic_id = "
         "excluded.clinic_id, orthanc_study_id = excluded.orthanc_study_id, orthanc_instance_id = "
         "excluded.orthanc_instance_id, study_instance_uid = excluded.study_instance_uid, xray_type = "
         "excluded.xray_type, taken_at = excluded.taken_at, document = excluded.document, updated_at = "
         "excluded.updated_at");
}

void XrayStore::Insert(Xray& xray, const std::string& onConflict)
{
  xray.updatedAt = Now();
  if (xray.createdAt == Timestamp{})
  {
    xray.createdAt = xray.updatedAt;
  }
  Execute(
      transaction_,
      "INSERT INTO xrays (id, practice_id, patient_id, clinic_id, orthanc_study_id, orthanc_instance_id, "
      "study_instance_uid, xray_type, taken_at, document, created_at, updated_at) VALUES (:id, :practice, "
      ":patient, :clinic, :study, :instance, :uid, :type, :taken, :document, :created, :updated) ON CONFLICT "
      "(id) DO " +
          onConflict,
      {xray.id, xray.practiceId, xray.patientId, xray.clinicId, xray.orthancStudyId, xray.orthancInstanceId,
       xray.studyInstanceUid, xray.type, ToString(xray.takenAt), WriteJson(xray.document),
       ToString(xray.createdAt), ToString(xray.updatedAt)});
}

Xray XrayStore::Lock(Xray initial)
{
  // An insertion waits for another one of the same id that is not committed yet, so that the row is there
  // to be locked. A write transaction of SQLite is alone anyway.
  Insert(initial, "NOTHING");
  const std::string lock = transaction_.IsPostgreSql() ? " FOR UPDATE" : "";
  return Fetch("WHERE id = :id" + lock, {initial.id}).front();
}

void XrayStore::SetPatient(const std::string& orthancStudyId, const std::string& patientId)
{
  Execute(transaction_,
          "UPDATE xrays SET patient_id = :patient, updated_at = :now WHERE orthanc_study_id = :study AND "
          "patient_id <> :same",
          {patientId, ToString(Now()), orthancStudyId, patientId});
}

void XrayStore::MoveToStudy(const std::string& fromOrthancStudyId, const std::string& toOrthancStudyId)
{
  Execute(transaction_,
          "UPDATE xrays SET orthanc_study_id = :to, updated_at = :now WHERE orthanc_study_id = :from",
          {toOrthancStudyId, ToString(Now()), fromOrthancStudyId});
}

void XrayStore::FollowStudiesOf(const std::string& patientId)
{
  Execute(transaction_,
          "UPDATE xrays SET updated_at = :now, patient_id = (SELECT COALESCE(s.match_patient_id, '') FROM "
          "studies s WHERE s.orthanc_study_id = xrays.orthanc_study_id) "
          "WHERE (patient_id = :patient OR orthanc_study_id IN (SELECT orthanc_study_id FROM studies WHERE "
          "match_patient_id = :same)) AND EXISTS (SELECT 1 FROM studies s WHERE s.orthanc_study_id = "
          "xrays.orthanc_study_id AND COALESCE(s.match_patient_id, '') <> xrays.patient_id)",
          {ToString(Now()), patientId, patientId});
}

void XrayStore::Delete(const std::string& id)
{
  Execute(transaction_, "DELETE FROM xrays WHERE id = :id", {id});
}

void XrayStore::DeleteOfStudy(const std::string& orthancStudyId)
{
  Execute(transaction_, "DELETE FROM xrays WHERE orthanc_study_id = :id", {orthancStudyId});
}
}  // namespace OrthancClinic
