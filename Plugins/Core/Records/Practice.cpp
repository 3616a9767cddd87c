// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/Practice.h"

#include "Core/Configuration/JsonSchema.h"
#include "Core/Dicom/Folding.h"

namespace OrthancClinic
{
namespace
{
Json::Value ToArray(const std::vector<std::string>& texts)
{
  Json::Value array(Json::arrayValue);
  for (const std::string& text : texts)
  {
    array.append(text);
  }
  return array;
}

Practice Read(const std::string& document)
{
  const Json::Value json = ParseJson(document);
  Practice practice = PracticeFromJson(json);
  practice.updatedAt = ParseTimestamp(json["updated_at"].asString()).value();
  return practice;
}
}  // namespace

Json::Value ToJson(const Practice& practice)
{
  Json::Value json;
  json["id"] = practice.id;
  json["name"] = practice.name;
  json["calling_ae_titles"] = ToArray(practice.callingAeTitles);
  json["called_ae_titles"] = ToArray(practice.calledAeTitles);
  json["institution_names"] = ToArray(practice.institutionNames);
  json["time_zone"] = practice.timeZone;
  json["language"] = practice.language;
  json["crm_user_id"] = practice.crmUserId;
  json["updated_at"] = ToString(practice.updatedAt);
  return json;
}

Practice PracticeFromJson(const Json::Value& json)
{
  Practice practice;
  practice.id = json["id"].asString();
  practice.name = json["name"].asString();
  practice.callingAeTitles = Texts(json["calling_ae_titles"]);
  practice.calledAeTitles = Texts(json["called_ae_titles"]);
  practice.institutionNames = Texts(json["institution_names"]);
  practice.timeZone = json.get("time_zone", practice.timeZone).asString();
  practice.language = json.get("language", practice.language).asString();
  practice.crmUserId = json["crm_user_id"].asString();
  return practice;
}

std::optional<Practice> PracticeStore::Find(const std::string& id)
{
  return transaction_.Sql(
      [&](soci::session& sql) -> std::optional<Practice>
      {
        std::string document;
        sql << "SELECT document FROM practices WHERE id = :id", soci::use(id), soci::into(document);
        return sql.got_data() ? std::optional(Read(document)) : std::nullopt;
      });
}

std::vector<Practice> PracticeStore::List()
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::vector<Practice> practices;
        std::string document;
        soci::statement statement =
            (sql.prepare << "SELECT document FROM practices ORDER BY id", soci::into(document));
        statement.execute();
        while (statement.fetch())
        {
          practices.push_back(Read(document));
        }
        return practices;
      });
}

bool PracticeStore::Put(const Practice& practice)
{
  const bool isNew = !Find(practice.id);
  Practice stored = practice;
  stored.updatedAt = Now();
  const std::string document = WriteJson(ToJson(stored));
  const std::string updatedAt = ToString(stored.updatedAt);
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "INSERT INTO practices (id, document, updated_at) VALUES (:id, :document, :updated) "
               "ON CONFLICT (id) DO UPDATE SET document = excluded.document, updated_at = "
               "excluded.updated_at",
            soci::use(practice.id), soci::use(document), soci::use(updatedAt);
        sql << "DELETE FROM practice_ae_titles WHERE practice_id = :id", soci::use(practice.id);
        sql << "DELETE FROM practice_institutions WHERE practice_id = :id", soci::use(practice.id);
      });

  // A value that is there already belongs to another practice, since this one's were just removed.
  const auto claim = [&](const std::string& kind, const std::string& value)
  {
    std::string owner;
    transaction_.Sql(
        [&](soci::session& sql)
        {
          if (kind == "institution name")
          {
            const std::string folded = Folded(value);
            sql << "INSERT INTO practice_institutions (institution_name, practice_id) VALUES (:value, :id) "
                   "ON CONFLICT (institution_name) DO NOTHING",
                soci::use(folded), soci::use(practice.id);
            sql << "SELECT practice_id FROM practice_institutions WHERE institution_name = :value",
                soci::use(folded), soci::into(owner);
          }
          else
          {
            sql << "INSERT INTO practice_ae_titles (kind, ae_title, practice_id) VALUES (:kind, :value, :id) "
                   "ON CONFLICT (kind, ae_title) DO NOTHING",
                soci::use(kind), soci::use(value), soci::use(practice.id);
            sql << "SELECT practice_id FROM practice_ae_titles WHERE kind = :kind AND ae_title = :value",
                soci::use(kind), soci::use(value), soci::into(owner);
          }
        });
    if (owner != practice.id)
    {
      throw Conflict("The " + kind + (kind == "institution name" ? " " : " AE title ") + "\"" + value +
                     "\" already leads to the practice \"" + owner + "\"");
    }
  };
  for (const std::string& title : practice.callingAeTitles)
  {
    claim("calling", title);
  }
  for (const std::string& title : practice.calledAeTitles)
  {
    claim("called", title);
  }
  for (const std::string& name : practice.institutionNames)
  {
    claim("institution name", name);
  }
  return isNew;
}

void PracticeStore::Delete(const std::string& id)
{
  if (id == DEFAULT)
  {
    throw Conflict("The default practice cannot be deleted");
  }
  transaction_.Sql(
      [&](soci::session& sql)
      {
        long long records = 0;
        sql << "SELECT (SELECT COUNT(*) FROM patients WHERE practice_id = :id) + "
               "(SELECT COUNT(*) FROM studies WHERE practice_id = :id2)",
            soci::use(id), soci::use(id), soci::into(records);
        if (records != 0)
        {
          throw Conflict("Patients or studies belong to this practice");
        }
        soci::statement remove = (sql.prepare << "DELETE FROM practices WHERE id = :id", soci::use(id));
        remove.execute(true);
        if (remove.get_affected_rows() == 0)
        {
          throw NotFound("There is no such practice");
        }
      });
}

std::string PracticeStore::Resolve(const std::string& callingAe, const std::string& calledAe,
                                   const std::string& institutionName)
{
  const std::string institution = Folded(institutionName);
  return transaction_.Sql(
      [&](soci::session& sql) -> std::string
      {
        std::string practice;
        for (const auto& [kind, title] : {std::pair("calling", callingAe), std::pair("called", calledAe)})
        {
          const std::string kindText(kind);
          sql << "SELECT practice_id FROM practice_ae_titles WHERE kind = :kind AND ae_title = :title",
              soci::use(kindText), soci::use(title), soci::into(practice);
          if (sql.got_data())
          {
            return practice;
          }
        }
        sql << "SELECT practice_id FROM practice_institutions WHERE institution_name = :name",
            soci::use(institution), soci::into(practice);
        return sql.got_data() ? practice : std::string(DEFAULT);
      });
}
}  // namespace OrthancClinic
