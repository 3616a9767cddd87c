// SPDX-License-Identifier: GPL-3.0-or-later

#include "ReplicationOptions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Errors.h"

namespace OrthancClinic::Replication
{
namespace
{
Hours ReadHours(const Json::Value& json, const std::string& path)
{
  Hours hours;
  hours.timeZone = json.get("TimeZone", "America/Toronto").asString();
  if (!IsTimeZone(hours.timeZone))
  {
    throw BadInput(path + ".TimeZone: expected a name of the IANA database, such as America/Toronto");
  }
  if (const std::string text = json["Hours"].asString(); !text.empty())
  {
    const auto minutes = [&](size_t at)
    { return std::stoi(text.substr(at, 2)) * 60 + std::stoi(text.substr(at + 3, 2)); };
    hours.begin = minutes(0);
    hours.end = minutes(6);
  }
  return hours;
}

// Keys that mean something of S3 alone: whoever asks for a lock or for encryption must not believe in it
// elsewhere.
constexpr const char* S3_ONLY[] = {"PathStyle", "AccessKey",    "SecretKey",      "Encryption",
                                   "KmsKeyId",  "StorageClass", "ObjectLockMode", "ObjectLockDays"};

// The account and its key, of the configuration or of the environment (in the words of Azure's own CLI).
void ReadAccount(const Json::Value& json, const std::string& path, TargetOptions& target)
{
  const bool ofEnvironment = target.credentials == "Environment";
  if (target.credentials == "InstanceRole")
  {
    throw BadInput(path +
                   ".Credentials: expected Configuration or Environment for a target of the Type Azure");
  }
  const auto read = [&](const char* key, const char* variable)
  {
    const char* const content = std::getenv(variable);
    std::string value = !ofEnvironment ? json[key].asString() : content == nullptr ? "" : content;
    if (value.empty())
    {
      throw BadInput(path + (ofEnvironment
                                 ? std::string(".Credentials: expected in the Environment: ") + variable
                                 : std::string(".") + key + ": expected for a target of this Type"));
    }
    return value;
  };
  target.accessKey = read("AccountName", "AZURE_STORAGE_ACCOUNT");
  target.secretKey = read("AccountKey", "AZURE_STORAGE_KEY");
  constexpr const char* LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
  if (target.accessKey.find_first_not_of(LETTERS) != std::string::npos)
  {
    throw BadInput(path + ".Credentials: expected in AZURE_STORAGE_ACCOUNT the name of an account");
  }
  target.endpoint = target.endpoint.empty() ? AccountUrl(target.accessKey) : target.endpoint;
}

TargetOptions ReadTarget(const Json::Value& json, const std::string& path)
{
  const auto need = [&](const char* key)
  {
    if (json[key].asString().empty())
    {
      throw BadInput(path + "." + key + ": expected for a target of this Type");
    }
  };
  TargetOptions target;
  target.name = json["Name"].asString();
  static const std::map<std::string, TargetType> TYPES = {
      {"S3", TargetType::S3}, {"Azure", TargetType::Azure}, {"Directory", TargetType::Directory}};
  static const std::map<TargetType, std::vector<const char*>> NEEDED = {
      {TargetType::S3, {"Endpoint", "Region", "Bucket"}},
      {TargetType::Azure, {"Region", "Bucket"}},
      {TargetType::Directory, {"Path"}}};
  target.type = TYPES.at(json["Type"].asString());
  const bool isS3 = target.type == TargetType::S3;
  for (const char* key : NEEDED.at(target.type))
  {
    need(key);
  }
  for (const char* key : S3_ONLY)
  {
    if (target.type == TargetType::Azure && json.isMember(key))
    {
      throw BadInput(path + "." + key + ": expected for a target of the Type S3 alone");
    }
  }
  target.path = json["Path"].asString();
  target.endpoint = json["Endpoint"].asString();
  target.endpoint.erase(target.endpoint.find_last_not_of('/') + 1);
  if (isS3 && HasPath(target.endpoint))
  {
    throw BadInput(path + ".Endpoint: expected without a path for a target of the Type S3");
  }
  target.region = json["Region"].asString();
  target.bucket = json["Bucket"].asString();
  target.prefix = json["Prefix"].asString();
  target.pathStyle = json.get("PathStyle", true).asBool();
  target.credentials = json.get("Credentials", target.credentials).asString();
  if (isS3 && target.credentials == "Configuration")
  {
    need("AccessKey");
    need("SecretKey");
  }
  target.accessKey = json["AccessKey"].asString();
  target.secretKey = json["SecretKey"].asString();
  if (target.type == TargetType::Azure)
  {
    ReadAccount(json, path, target);
  }
  target.encryption = json["Encryption"].asString();
  target.kmsKeyId = json["KmsKeyId"].asString();
  target.storageClass = json["StorageClass"].asString();
  target.lockMode = json["ObjectLockMode"].asString();
  target.lockDays = json.get("ObjectLockDays", 0).asInt();
  if (!target.lockMode.empty() && target.lockDays == 0)
  {
    throw BadInput(path + ".ObjectLockDays: expected with an ObjectLockMode");
  }
  target.partMebibytes = json.get("PartMebibytes", target.partMebibytes).asInt();
  target.jurisdiction = json["Jurisdiction"].asString();
  target.assessment = json["PrivacyImpactAssessment"].asString();
  target.concurrency = json.get("Concurrency", target.concurrency).asUInt();
  target.bytesPerSecond = json["BandwidthMegabits"].asInt64() * 1'000'000 / 8;
  target.readBackPercent = json.get("ReadBackPercent", target.readBackPercent).asInt();
  target.hours = ReadHours(json, path);
  target.minimumAgeDays = json["MinimumAgeDays"].asInt();
  if (json.isMember("MaximumAgeDays"))
  {
    target.maximumAgeDays = json["MaximumAgeDays"].asInt();
  }
  if (json.isMember("DeleteAfterDays"))
  {
    target.deleteAfterDays = json["DeleteAfterDays"].asInt();
  }
  target.practices = Texts(json["Practices"]);
  target.modalities = Texts(json["Modalities"]);
  return target;
}
}  // namespace

std::string AccountUrl(const std::string& account)
{
  return "https://" + account + ".blob.core.windows.net";
}

bool HasPath(const std::string& endpoint)
{
  const size_t host = endpoint.find("://");
  return host != std::string::npos && endpoint.find('/', host + 3) != std::string::npos;
}

Timestamp Hours::NextAfter(Timestamp now) const
{
  if (begin == end)
  {
    return now;
  }
  const std::string date = ToLocalTime(now, timeZone).date;
  // Yesterday's may last until today.
  for (int day = -1; day <= 1; day++)
  {
    const Timestamp midnight = StartOfDay(AddDays(date, day), timeZone);
    const Timestamp opens = midnight + std::chrono::minutes(begin);
    const Timestamp closes = midnight + std::chrono::minutes(end) + std::chrono::hours(end < begin ? 24 : 0);
    if (now < closes)
    {
      return std::max(now, opens);
    }
  }
  return now + std::chrono::hours(1);  // not reached: tomorrow's close is later than now
}

const Json::Value& OptionsSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "HomeJurisdiction": {
        "type": "string", "enum": ["QC", "CA"], "default": "QC",
        "description": "QC: images may be stored in Québec, and elsewhere in Canada with the reference of a privacy impact assessment. CA: anywhere in Canada (for clinics of other provinces)."
      },
      "Targets": {
        "type": "array", "default": [],
        "description": "Where every instance gets a copy.",
        "items": {
          "type": "object", "additionalProperties": false, "required": ["Name", "Type"],
          "properties": {
            "Name": {"type": "string", "pattern": "^[a-z0-9-]{1,32}$", "description": "Names the target in the REST API and in tasks: never change it."},
            "Type": {"type": "string", "enum": ["S3", "Azure", "Directory"], "description": "An S3-compatible object store, Azure Blob Storage, or a folder (of a NAS)."},
            "Path": {"type": "string", "description": "Directory: the folder."},
            "Endpoint": {"type": "string", "pattern": "^https?://[^/?#]+(/[a-z0-9]{3,24})?/?$", "description": "S3: the server's URL, `https` unless it is this machine. Azure: where else the account answers (default `https://<AccountName>.blob.core.windows.net`)."},
            "Region": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$", "description": "S3: the region, which the bucket must be in. Azure: the region of the account, `canadaeast` or `canadacentral`."},
            "Bucket": {"type": "string", "pattern": "^[a-z0-9.-]{3,63}$", "description": "S3: the bucket, Azure: the container, which must exist."},
            "Prefix": {"type": "string", "pattern": "^([A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)?$", "description": "What every key begins with."},
            "PathStyle": {"type": "boolean", "description": "S3: `https://host/bucket/key` (default) instead of `https://bucket.host/key`."},
            "Credentials": {"type": "string", "enum": ["Configuration", "Environment", "InstanceRole"], "description": "S3: AccessKey and SecretKey (the default); AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; or the role of this machine, told by AWS's instance metadata service. Azure: AccountName and AccountKey (the default), or AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY."},
            "AccountName": {"type": "string", "pattern": "^([a-z0-9]{3,24})?$", "description": "Azure: the storage account."},
            "AccountKey": {"type": "string", "pattern": "^[A-Za-z0-9+/]*={0,2}$", "description": "Azure: one of its two keys; best as `${VARIABLE}` of the environment."},
            "AccessKey": {"type": "string", "description": "S3: best as `${VARIABLE}` of the environment."},
            "SecretKey": {"type": "string", "description": "S3: best as `${VARIABLE}` of the environment."},
            "Encryption": {"type": "string", "enum": ["", "AES256", "aws:kms"], "description": "S3: server-side encryption that each object asks for."},
            "KmsKeyId": {"type": "string", "description": "S3: the key of `aws:kms`."},
            "StorageClass": {"type": "string", "pattern": "^[A-Z_]*$", "description": "S3: the storage class of new objects."},
            "ObjectLockMode": {"type": "string", "enum": ["", "GOVERNANCE", "COMPLIANCE"], "description": "S3: objects cannot be deleted for ObjectLockDays; the bucket must have Object Lock."},
            "ObjectLockDays": {"type": "integer", "minimum": 1, "maximum": 36500, "description": "S3: see ObjectLockMode."},
            "PartMebibytes": {"type": "integer", "minimum": 5, "maximum": 1024, "description": "S3, Azure: what is larger is sent in parts of this size (default 16)."},
            "Jurisdiction": {"type": "string", "enum": ["QC", "CA"], "description": "S3, Azure: where the host is, if it is none of the known ones."},
            "PrivacyImpactAssessment": {"type": "string", "maxLength": 256, "description": "S3, Azure: the reference of the assessment that Law 25 (s. 17) asks for outside Québec."},
            "Concurrency": {"type": "integer", "minimum": 1, "maximum": 64, "description": "Instances that are sent at once (default 4)."},
            "ReadBackPercent": {"type": "integer", "minimum": 0, "maximum": 100, "description": "Every copy is verified monthly: so many in a hundred (default 5) by reading them back, the others by their size."},
            "BandwidthMegabits": {"type": "integer", "minimum": 1, "maximum": 1000000, "description": "S3, Azure: so many megabits are sent in a second at most (default: no limit)."},
            "Hours": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", "description": "The time of day in which the target is used, such as `20:00-06:00` (default: always)."},
            "TimeZone": {"type": "string", "description": "Of the Hours (default America/Toronto)."},
            "MinimumAgeDays": {"type": "integer", "minimum": 0, "maximum": 36500, "description": "Only studies whose date is so long ago; younger ones wait."},
            "MaximumAgeDays": {"type": "integer", "minimum": 0, "maximum": 36500, "description": "Only studies whose date is not longer ago."},
            "DeleteAfterDays": {"type": "integer", "minimum": 0, "maximum": 36500, "description": "The copy of an instance that was deleted in Orthanc is deleted so many days later (default: never)."},
            "Practices": {"type": "array", "items": {"type": "string"}, "description": "Only studies of these practices."},
            "Modalities": {"type": "array", "items": {"type": "string"}, "description": "Only studies with one of these modalities."}
          }
        }
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value section = configuration.Section("Replication", OptionsSchema());
  Options options;
  options.residency.home = section["HomeJurisdiction"].asString();
  std::set<std::string> names;
  for (Json::ArrayIndex i = 0; i < section["Targets"].size(); i++)
  {
    const std::string path = fmt::format("Clinic.Replication.Targets[{}]", i);
    options.targets.push_back(ReadTarget(section["Targets"][i], path));
    if (!names.insert(options.targets.back().name).second)
    {
      throw BadInput(path + ".Name: expected a name that no other target has");
    }
  }
  return options;
}
}  // namespace OrthancClinic::Replication
