// SPDX-License-Identifier: GPL-3.0-or-later

#include "MatchStore.h"

#include <set>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Timestamp.h"
#include "Core/Uuid.h"

namespace OrthancClinic::Matching
{
void MatchStore::PutKeys(const std::string& orthancStudyId, const std::vector<std::string>& keys)
{
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "DELETE FROM match_keys WHERE orthanc_study_id = :id", soci::use(orthancStudyId);
        std::string key;
        soci::statement insert =
            (sql.prepare << "INSERT INTO match_keys (key, orthanc_study_id) VALUES (:key, :id) "
                            "ON CONFLICT DO NOTHING",
             soci::use(key), soci::use(orthancStudyId));
        for (const std::string& next : keys)
        {
          key = next;
          insert.execute(true);
        }
      });
}

std::vector<std::string> MatchStore::FindStudies(const std::vector<std::string>& keys,
                                                 const std::string& patientId)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::set<std::string> studies;
        std::string study;
        std::string key;
        {
          soci::statement byKey = (sql.prepare << "SELECT orthanc_study_id FROM match_keys WHERE key = :key",
                                   soci::use(key), soci::into(study));
          for (const std::string& next : keys)
          {
            key = next;
            byKey.execute();
            while (byKey.fetch())
            {
              studies.insert(study);
            }
          }
        }
        soci::statement byPatient =
            (sql.prepare << "SELECT orthanc_study_id FROM studies WHERE match_patient_id = :id",
             soci::use(patientId), soci::into(study));
        byPatient.execute();
        while (byPatient.fetch())
        {
          studies.insert(study);
        }
        return std::vector<std::string>(studies.begin(), studies.end());
      });
}

std::vector<std::string> MatchStore::ForgottenStudies()
{
  return transaction_.Sql(
      [](soci::session& sql)
      {
        std::vector<std::string> studies;
        std::string study;
        soci::statement statement =
            (sql.prepare
                 << "SELECT orthanc_study_id FROM studies WHERE match_status = 'pending' AND NOT EXISTS "
                    "(SELECT 1 FROM tasks WHERE tasks.kind = 'match.study' AND tasks.key = "
                    "studies.orthanc_study_id) ORDER BY received_at DESC",
             soci::into(study));
        statement.execute();
        while (statement.fetch())
        {
          studies.push_back(study);
        }
        return studies;
      });
}

int64_t MatchStore::Cursor()
{
  return transaction_.Sql(
      [](soci::session& sql)
      {
        long long serial = 0;
        sql << "SELECT serial FROM match_cursors WHERE name = 'directory'", soci::into(serial);
        return static_cast<int64_t>(sql.got_data() ? serial : 0);
      });
}

void MatchStore::PutCursor(int64_t serial)
{
  transaction_.Sql(
      [&](soci::session& sql)
      {
        const long long value = serial;
        sql << "INSERT INTO match_cursors (name, serial) VALUES ('directory', :serial) "
               "ON CONFLICT (name) DO UPDATE SET serial = excluded.serial",
            soci::use(value);
      });
}

std::optional<std::string> MatchStore::Parameters()
{
  return transaction_.Sql(
      [](soci::session& sql) -> std::optional<std::string>
      {
        std::string document;
        sql << "SELECT document FROM match_parameters ORDER BY id DESC LIMIT 1", soci::into(document);
        return sql.got_data() ? std::optional(document) : std::nullopt;
      });
}

void MatchStore::PutParameters(const std::string& document)
{
  transaction_.Sql(
      [&](soci::session& sql)
      {
        const std::string id = NewUuid();
        const std::string now = ToString(Now());
        sql << "INSERT INTO match_parameters (id, document, estimated_at) VALUES (:id, :document, :at)",
            soci::use(id), soci::use(document), soci::use(now);
      });
}

std::vector<std::pair<StudyDemographics, std::string>> MatchStore::Observed(int64_t limit)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        const long long rows = limit;
        std::vector<std::pair<StudyDemographics, std::string>> observed;
        std::string document;
        std::string practice;
        soci::statement statement =
            (sql.prepare
                 << "SELECT demographics, practice_id FROM studies ORDER BY received_at DESC LIMIT :limit",
             soci::use(rows), soci::into(document), soci::into(practice));
        statement.execute();
        while (statement.fetch())
        {
          observed.emplace_back(StudyDemographicsFromJson(ParseJson(document)), practice);
        }
        return observed;
      });
}
}  // namespace OrthancClinic::Matching
