// SPDX-License-Identifier: GPL-3.0-or-later

#include "Vna.h"

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Errors.h"

namespace OrthancClinic::Replication
{
namespace
{
constexpr unsigned CONCURRENCY = 4;
}

TargetOptions ToTarget(const Vna& vna)
{
  const Json::Value& json = vna.document;
  const std::string type = json["type"].asString();
  std::vector<FieldError> errors;
  const auto text = [&](const Json::Value& values, const char* key, bool needed, const std::string& field)
  {
    std::string value = TextOf(values, key);
    if (value.empty() && needed)
    {
      errors.push_back({field, "expected for a target of the type " + type});
    }
    return value;
  };
  TargetOptions target;
  target.name = vna.id;
  target.title = json["name"].asString();
  target.practiceId = vna.practiceId;
  target.concurrency = CONCURRENCY;
  target.jurisdiction = text(json, "jurisdiction", false, "jurisdiction");
  target.assessment = text(json, "privacyImpactAssessment", false, "privacyImpactAssessment");
  if (type == "ORTHANC")
  {
    target.type = TargetType::Dicom;
    target.aeTitle = text(json, "aeTitle", true, "aeTitle");
    target.host = text(json, "host", true, "host");
    target.port = json["port"].isInt() ? json["port"].asInt() : 0;
    if (target.port == 0)
    {
      errors.push_back({"port", "expected for a target of the type " + type});
    }
  }
  else
  {
    const bool isAzure = type == "AZURE_BLOB";
    target.type = isAzure ? TargetType::Azure : TargetType::S3;
    target.region = text(json, "region", true, "region");
    target.endpoint = text(json, "endpoint", !isAzure && type != "AWS_S3", "endpoint");
    target.endpoint.erase(target.endpoint.find_last_not_of('/') + 1);
    if (!isAzure && HasPath(target.endpoint))
    {
      errors.push_back({"endpoint", "expected without a path for a target of the type " + type});
    }
    target.bucket = text(json, "bucket", true, "bucket");
    target.prefix = text(json, "pathPrefix", false, "pathPrefix");
    target.prefix.erase(target.prefix.find_last_not_of('/') + 1);
    target.prefix.erase(0, target.prefix.find_first_not_of('/'));
    const auto credential = [&](const char* key)
    { return text(vna.credentials, key, true, std::string("credentials.") + key); };
    target.accessKey = credential(isAzure ? "accountName" : "accessKeyId");
    target.secretKey = credential(isAzure ? "accountKey" : "secretAccessKey");
    if (target.endpoint.empty())
    {
      target.endpoint =
          isAzure ? AccountUrl(target.accessKey) : "https://s3." + target.region + ".amazonaws.com";
    }
  }
  if (!errors.empty())
  {
    throw BadInput("The target is not complete", errors);
  }
  return target;
}

bool SamePlace(const TargetOptions& one, const TargetOptions& other)
{
  return one.type == other.type && one.aeTitle == other.aeTitle && one.host == other.host &&
         one.port == other.port && one.endpoint == other.endpoint && one.bucket == other.bucket &&
         one.prefix == other.prefix;
}

std::vector<Vna> VnaStore::Fetch(const std::string& tail, const std::vector<std::string>& values)
{
  Vna vna;
  int isDefault = 0;
  long long serial = 0;
  std::string document;
  std::string credentials;
  std::string createdAt;
  std::string updatedAt;
  std::vector<Vna> vnas;
  Query(
      transaction_,
      "SELECT id, practice_id, priority, is_default, document, credentials, serial, created_at, updated_at "
      "FROM "
      "vnas " +
          tail,
      values,
      [&]
      {
        vna.isDefault = isDefault != 0;
        vna.document = ParseJson(document);
        vna.credentials = ParseJson(credentials);
        vna.serial = serial;
        vna.createdAt = ParseTimestamp(createdAt).value();
        vna.updatedAt = ParseTimestamp(updatedAt).value();
        vnas.push_back(vna);
      },
      vna.id, vna.practiceId, vna.priority, isDefault, document, credentials, serial, createdAt, updatedAt);
  return vnas;
}

std::optional<Vna> VnaStore::Find(const std::string& id)
{
  auto vnas = Fetch("WHERE id = :id AND deleted = 0", {id});
  return vnas.empty() ? std::nullopt : std::optional(std::move(vnas.front()));
}

std::optional<Vna> VnaStore::FindForUpdate(const std::string& id)
{
  // A write transaction of SQLite is alone anyway.
  auto vnas = Fetch(
      std::string("WHERE id = :id AND deleted = 0") + (transaction_.IsPostgreSql() ? " FOR UPDATE" : ""),
      {id});
  return vnas.empty() ? std::nullopt : std::optional(std::move(vnas.front()));
}

std::vector<Vna> VnaStore::List(const PracticeScope& practices)
{
  Conditions conditions;
  practices.AddTo(conditions);
  conditions.AddAll("deleted = 0", {});
  return Fetch(conditions.Where() + " ORDER BY priority, created_at, id", conditions.Values());
}

bool VnaStore::Any()
{
  return !Fetch("WHERE deleted = 0 LIMIT 1", {}).empty();
}

int64_t VnaStore::Watermark()
{
  long long serial = 0;
  Query(
      transaction_, "SELECT COALESCE(MAX(serial), 0) FROM vnas", {}, [] {}, serial);
  return serial;
}

void VnaStore::Put(Vna& vna)
{
  vna.updatedAt = Now();
  vna.createdAt = vna.createdAt == Timestamp{} ? vna.updatedAt : vna.createdAt;
  if (vna.isDefault)
  {
    Execute(transaction_, "UPDATE vnas SET is_default = 0 WHERE practice_id = :practice", {vna.practiceId});
  }
  vna.serial = transaction_.NextSerial();
  Execute(transaction_,
          "INSERT INTO vnas (id, practice_id, priority, is_default, document, credentials, deleted, serial, "
          "created_at, updated_at) VALUES (:id, :practice, CAST(:priority AS INTEGER), CAST(:default AS "
          "INTEGER), "
          ":document, :credentials, 0, CAST(:serial AS BIGINT), :created, :updated) ON CONFLICT (id) DO "
          "UPDATE SET "
          "priority = excluded.priority, is_default = excluded.is_default, document = excluded.document, "
          "credentials = excluded.credentials, serial = excluded.serial, updated_at = excluded.updated_at",
          {vna.id, vna.practiceId, std::to_string(vna.priority), vna.isDefault ? "1" : "0",
           WriteJson(vna.document), WriteJson(vna.credentials), std::to_string(vna.serial),
           ToString(vna.createdAt), ToString(vna.updatedAt)});
}

void VnaStore::Delete(const Vna& vna)
{
  Execute(
      transaction_,
      "UPDATE vnas SET deleted = 1, credentials = '{}', serial = CAST(:serial AS BIGINT), updated_at = :at "
      "WHERE id = :id",
      {std::to_string(transaction_.NextSerial()), ToString(Now()), vna.id});
}
}  // namespace OrthancClinic::Replication
