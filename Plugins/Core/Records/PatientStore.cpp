// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/PatientStore.h"

#include <algorithm>
#include <set>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Database/Query.h"
#include "Core/Dicom/Folding.h"
#include "Core/Dicom/Text.h"
#include "Core/Records/StudyStore.h"
#include "Core/Uuid.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t LONGEST_WORD = 64;  // bytes; longer ones are found by their beginning

Patient Read(const std::string& document, const std::string& mergedInto, soci::indicator isMerged)
{
  Patient patient = PatientFromJson(ParseJson(document));
  patient.mergedInto = (isMerged == soci::i_ok) ? std::optional(mergedInto) : std::nullopt;
  return patient;
}

// What is stored in `document`: `merged_into` has a column of its own.
std::string Write(const Patient& patient)
{
  Json::Value json = ToJson(patient);
  json.removeMember("merged_into");
  return WriteJson(json);
}

std::set<std::string> Words(const Patient& patient)
{
  std::set<std::string> words;
  const auto add = [&](const std::string& text)
  {
    for (const std::string& word : FoldedWords(text))
    {
      words.insert(CleanText(word, LONGEST_WORD));
    }
  };
  for (const HumanName& name : patient.names)
  {
    for (const std::string* part :
         {&name.family, &name.given, &name.middle, &name.suffix, &name.ideographic, &name.phonetic})
    {
      add(*part);
    }
  }
  add(patient.contactPerson.value_or(""));
  add(patient.businessName.value_or(""));
  add(patient.email.value_or(""));
  if (patient.phone)
  {
    add(Folded(*patient.phone));
  }
  return words;
}

std::string SortName(const Patient& patient)
{
  std::string text;
  if (!patient.names.empty())
  {
    text = patient.names.front().family + " " + patient.names.front().given;
  }
  else
  {
    text = patient.contactPerson.value_or(patient.businessName.value_or(""));
  }
  std::string name;
  for (const std::string& word : FoldedWords(text))
  {
    name += (name.empty() ? "" : " ") + word;
  }
  return CleanText(name, 4 * LONGEST_WORD);
}
}  // namespace

std::optional<Patient> PatientStore::Find(const std::string& id)
{
  return transaction_.Sql(
      [&](soci::session& sql) -> std::optional<Patient>
      {
        std::string document;
        std::string mergedInto;
        soci::indicator isMerged = soci::i_null;
        sql << "SELECT document, merged_into FROM patients WHERE id = :id", soci::use(id),
            soci::into(document), soci::into(mergedInto, isMerged);
        return sql.got_data() ? std::optional(Read(document, mergedInto, isMerged)) : std::nullopt;
      });
}

std::pair<std::vector<Patient>, int64_t> PatientStore::Search(const PatientFilter& filter)
{
  Conditions conditions;
  filter.practices.AddTo(conditions);
  if (!filter.identifier.empty())
  {
    conditions.AddAll("(id = ? OR id IN (SELECT patient_id FROM patient_identifiers WHERE value = ?))",
                      {filter.identifier, Folded(filter.identifier)});
  }
  std::vector<std::string> words = FoldedWords(filter.text);
  words.resize(std::min<size_t>(words.size(), 8));
  for (const std::string& word : words)
  {
    const std::string prefix = CleanText(word, LONGEST_WORD);
    // U+10FFFF sorts after every character of a word.
    conditions.AddAll("id IN (SELECT patient_id FROM patient_words WHERE word >= ? AND word <= ?)",
                      {prefix, prefix + "\xf4\x8f\xbf\xbf"});
  }

  std::vector<std::string> ids;
  std::string id;
  Query(
      transaction_,
      "SELECT id FROM patients" + conditions.Where() + " ORDER BY sort_name, id LIMIT " +
          std::to_string(filter.limit) + " OFFSET " + std::to_string(filter.offset),
      conditions.Values(), [&] { ids.push_back(id); }, id);
  std::vector<Patient> patients;
  for (const std::string& found : ids)
  {
    patients.push_back(Find(found).value());
  }
  return {std::move(patients), CountRows(transaction_, "patients", conditions)};
}

PutOutcome PatientStore::Put(const Patient& patient)
{
  const std::optional<Patient> known = Find(patient.id);
  if (known && known->practiceId != patient.practiceId)
  {
    throw Conflict("This patient belongs to another practice");
  }
  if (known && known->updatedAt > patient.updatedAt)
  {
    throw Outdated("A newer version of this patient is stored (updated_at " + ToString(known->updatedAt) +
                   ")");
  }
  const std::string document = Write(patient);
  if (known && Write(*known) == document)
  {
    return PutOutcome::Unchanged;
  }

  const std::string kind = patient.kind == PatientKind::Lead ? "lead" : "patient";
  const std::string sortName = SortName(patient);
  const std::string updatedAt = ToString(patient.updatedAt);
  transaction_.Sql(
      [&](soci::session& sql)
      {
        std::string practice;
        sql << "SELECT id FROM practices WHERE id = :id", soci::use(patient.practiceId), soci::into(practice);
        if (!sql.got_data())
        {
          throw NotFound("There is no practice \"" + patient.practiceId + "\"");
        }
        // The conditions again, for another writer who came since.
        soci::statement upsert =
            (sql.prepare
                 << "INSERT INTO patients (id, practice_id, kind, document, sort_name, updated_at) "
                    "VALUES (:id, :practice, :kind, :document, :sort, :updated) "
                    "ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, document = excluded.document, "
                    "sort_name = excluded.sort_name, updated_at = excluded.updated_at "
                    "WHERE patients.updated_at <= excluded.updated_at "
                    "AND patients.practice_id = excluded.practice_id",
             soci::use(patient.id), soci::use(patient.practiceId), soci::use(kind), soci::use(document),
             soci::use(sortName), soci::use(updatedAt));
        upsert.execute(true);
        if (upsert.get_affected_rows() != 1)
        {
          throw Outdated("A newer version of this patient was stored meanwhile");
        }
      });
  Index(patient);
  NoteChange(patient.id);
  return known ? PutOutcome::Updated : PutOutcome::Created;
}

void PatientStore::Index(const Patient& patient)
{
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "DELETE FROM patient_words WHERE patient_id = :id", soci::use(patient.id);
        sql << "DELETE FROM patient_identifiers WHERE patient_id = :id", soci::use(patient.id);
        std::string word;
        soci::statement insertWord =
            (sql.prepare << "INSERT INTO patient_words (word, patient_id) VALUES (:word, "
                            ":id)",
             soci::use(word), soci::use(patient.id));
        for (const std::string& next : Words(patient))
        {
          word = next;
          insertWord.execute(true);
        }
        std::string value;
        std::string issuer;
        soci::statement insertIdentifier =
            (sql.prepare
                 << "INSERT INTO patient_identifiers (value, issuer, patient_id) VALUES (:value, :issuer, "
                    ":id) ON CONFLICT DO NOTHING",
             soci::use(value), soci::use(issuer), soci::use(patient.id));
        for (const Identifier& identifier : patient.identifiers)
        {
          value = Folded(identifier.value);
          issuer = identifier.issuer;
          if (!value.empty())
          {
            insertIdentifier.execute(true);
          }
        }
      });
}

void PatientStore::NoteChange(const std::string& id)
{
  transaction_.BeforeCommit(
      [id, &transaction = transaction_]
      {
        const long long serial = transaction.NextSerial();
        transaction.Sql(
            [&](soci::session& sql)
            {
              sql << "INSERT INTO patient_changes (patient_id, serial) VALUES (:id, :serial) "
                     "ON CONFLICT (patient_id) DO UPDATE SET serial = excluded.serial",
                  soci::use(id), soci::use(serial);
            });
      });
  transaction_.Notify("patients");
}

void PatientStore::Delete(const std::string& id)
{
  transaction_.Sql(
      [&](soci::session& sql)
      {
        long long merged = 0;
        sql << "SELECT COUNT(*) FROM patients WHERE merged_into = :id", soci::use(id), soci::into(merged);
        if (merged != 0)
        {
          throw Conflict("Other patients were merged into this one: unmerge them first");
        }
        soci::statement remove = (sql.prepare << "DELETE FROM patients WHERE id = :id", soci::use(id));
        remove.execute(true);
        if (remove.get_affected_rows() == 0)
        {
          throw NotFound("There is no such patient");
        }
      });
  StudyStore(transaction_).RefileStudies(id, std::nullopt);
  NoteChange(id);
}

std::vector<std::string> PatientStore::Merge(const std::string& id, const std::string& survivorId,
                                             const std::string& by)
{
  const std::optional<Patient> patient = Find(id);
  const std::optional<Patient> survivor = Find(survivorId);
  if (!patient || !survivor)
  {
    throw NotFound(patient ? "There is no patient to merge into" : "There is no such patient");
  }
  if (id == survivorId || patient->mergedInto || survivor->mergedInto)
  {
    throw Conflict(id == survivorId ? "A patient cannot be merged into itself"
                                    : "One of both patients is merged already");
  }
  if (patient->practiceId != survivor->practiceId)
  {
    throw Conflict("Patients of different practices cannot be merged");
  }
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        long long merged = 0;
        sql << "SELECT COUNT(*) FROM patients WHERE merged_into = :id", soci::use(id), soci::into(merged);
        if (merged != 0)
        {
          throw Conflict("Other patients were merged into this one: unmerge them first");
        }

        Json::Value studies(Json::arrayValue);
        std::vector<std::string> moved;
        std::string study;
        Query(
            transaction_,
            "SELECT orthanc_study_id FROM studies WHERE match_patient_id = :id ORDER BY orthanc_study_id",
            {id},
            [&]
            {
              studies.append(study);
              moved.push_back(study);
            },
            study);
        const std::string mergeId = NewUuid();
        const std::string list = WriteJson(studies);
        const std::string now = ToString(Now());
        sql << "INSERT INTO patient_merges (id, patient_id, survivor_id, studies, merged_by, merged_at) "
               "VALUES (:id, :patient, :survivor, :studies, :by, :at)",
            soci::use(mergeId), soci::use(id), soci::use(survivorId), soci::use(list), soci::use(by),
            soci::use(now);
        StudyStore(transaction_).RefileStudies(id, survivorId);
        sql << "UPDATE patients SET merged_into = :survivor WHERE id = :id", soci::use(survivorId),
            soci::use(id);
        NoteChange(id);
        NoteChange(survivorId);
        return moved;
      });
}

std::vector<std::string> PatientStore::Unmerge(const std::string& id)
{
  const std::optional<Patient> patient = Find(id);
  if (!patient)
  {
    throw NotFound("There is no such patient");
  }
  if (!patient->mergedInto)
  {
    throw Conflict("This patient is not merged into another one");
  }
  const std::string survivorId = *patient->mergedInto;
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::string mergeId;
        std::string list;
        std::string mergedAt;
        sql << "SELECT id, studies, merged_at FROM patient_merges WHERE patient_id = :id AND undone_at IS "
               "NULL "
               "ORDER BY id DESC LIMIT 1",
            soci::use(id), soci::into(mergeId), soci::into(list), soci::into(mergedAt);
        std::vector<std::string> touched = Texts(ParseJson(list));
        for (const std::string& study : touched)
        {
          StudyStore(transaction_).RefileStudies(survivorId, id, study);
        }
        // Decided while both were one: any of these may belong to the one that leaves.
        std::string study;
        Query(
            transaction_,
            "SELECT orthanc_study_id FROM studies WHERE match_patient_id = :id AND match_decided_at >= :at "
            "ORDER BY orthanc_study_id",
            {survivorId, mergedAt}, [&] { touched.push_back(study); }, study);
        const std::string now = ToString(Now());
        sql << "UPDATE patient_merges SET undone_at = :now WHERE id = :id", soci::use(now),
            soci::use(mergeId);
        sql << "UPDATE patients SET merged_into = NULL WHERE id = :id", soci::use(id);
        NoteChange(id);
        NoteChange(survivorId);
        return touched;
      });
}

std::string PatientStore::SurvivorOf(std::string id)
{
  constexpr int MOST_MERGES = 8;  // in a chain
  for (int i = 0; i < MOST_MERGES; i++)
  {
    const auto patient = Find(id);
    if (!patient || !patient->mergedInto)
    {
      break;
    }
    id = *patient->mergedInto;
  }
  return id;
}

std::vector<std::string> PatientStore::MergedInto(const std::string& survivorId)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::vector<std::string> ids;
        std::string id;
        soci::statement statement =
            (sql.prepare << "SELECT id FROM patients WHERE merged_into = :survivor ORDER BY id",
             soci::use(survivorId), soci::into(id));
        statement.execute();
        while (statement.fetch())
        {
          ids.push_back(id);
        }
        return ids;
      });
}

std::vector<std::string> PatientStore::PartsOf(const std::string& id)
{
  if (id.empty())
  {
    return {};
  }
  const std::string survivor = SurvivorOf(id);
  std::vector<std::string> ids = MergedInto(survivor);
  ids.push_back(survivor);
  return ids;
}

int64_t PatientStore::LastChange()
{
  return transaction_.Sql(
      [](soci::session& sql)
      {
        long long last = 0;
        sql << "SELECT COALESCE(MAX(serial), 0) FROM patient_changes", soci::into(last);
        return static_cast<int64_t>(last);
      });
}

std::vector<std::pair<std::string, int64_t>> PatientStore::ChangedSince(int64_t after, int64_t limit)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        const long long first = after;
        const long long rows = limit;
        std::string id;
        long long serial = 0;
        std::vector<std::pair<std::string, int64_t>> changes;
        soci::statement statement =
            (sql.prepare
                 << "SELECT patient_id, serial FROM patient_changes WHERE serial > :after ORDER BY serial "
                    "LIMIT :limit",
             soci::use(first), soci::use(rows), soci::into(id), soci::into(serial));
        statement.execute();
        while (statement.fetch())
        {
          changes.emplace_back(id, serial);
        }
        return changes;
      });
}
}  // namespace OrthancClinic
