// SPDX-License-Identifier: GPL-3.0-or-later

#include "VnaRoutes.h"

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/Practice.h"
#include "Core/Uuid.h"
#include "DicomTarget.h"
#include "ImageRouter.h"
#include "Probe.h"
#include "ReplicaStore.h"
#include "Vna.h"

namespace OrthancClinic::Replication
{
namespace
{
constexpr const char* MASK = "********";

// What is stored of a target as it was given.
constexpr const char* FIELDS[] = {"name",
                                  "type",
                                  "endpoint",
                                  "aeTitle",
                                  "host",
                                  "port",
                                  "bucket",
                                  "region",
                                  "pathPrefix",
                                  "jurisdiction",
                                  "privacyImpactAssessment",
                                  "routingRules"};

Json::Value BodySchema()
{
  return JsonLiteral(R"({
    "type": "object", "additionalProperties": false,
    "properties": {
      "id": {"type": "string", "maxLength": 128},
      "userId": {"type": "string", "maxLength": 128, "description": "The CRM's user of the practice"},
      "name": {"type": "string", "minLength": 1, "maxLength": 128},
      "type": {"type": "string", "enum": ["ORTHANC", "AWS_S3", "AZURE_BLOB", "CLOUD_VNA", "OTHER"]},
      "endpoint": {"type": ["string", "null"], "maxLength": 512, "pattern": "^(https?://[^/?#@]+(/[a-z0-9]{3,24})?/?)?$"},
      "aeTitle": {"type": ["string", "null"], "maxLength": 16},
      "host": {"type": ["string", "null"], "maxLength": 256, "pattern": "^[A-Za-z0-9.:-]*$"},
      "port": {"type": ["integer", "null"], "minimum": 1, "maximum": 65535},
      "credentials": {
        "type": ["object", "null"], "additionalProperties": false,
        "properties": {
          "accessKeyId": {"type": "string", "maxLength": 256},
          "secretAccessKey": {"type": "string", "maxLength": 256},
          "accountName": {"type": "string", "pattern": "^([a-z0-9]{3,24}|[*]+)?$",
                          "description": "AZURE_BLOB: the storage account"},
          "accountKey": {"type": "string", "maxLength": 256, "pattern": "^([A-Za-z0-9+/]+={0,2}|[*]+)?$",
                         "description": "AZURE_BLOB: one of its two keys"}
        }
      },
      "bucket": {"type": ["string", "null"], "pattern": "^([a-z0-9.-]{3,63})?$",
                 "description": "AZURE_BLOB: the container"},
      "region": {"type": ["string", "null"], "pattern": "^[A-Za-z0-9-]{0,64}$"},
      "pathPrefix": {"type": ["string", "null"], "maxLength": 256,
                     "pattern": "^/?([A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*/?)?$"},
      "jurisdiction": {"type": ["string", "null"], "enum": ["QC", "CA", "", null],
                       "description": "Where the host is, if it is none of the known ones"},
      "privacyImpactAssessment": {"type": ["string", "null"], "maxLength": 256,
                                  "description": "The reference of the assessment that Law 25 (s. 17) asks for outside Québec"},
      "priority": {"type": "integer", "minimum": 0, "maximum": 1000000},
      "isDefault": {"type": "boolean"},
      "routingRules": {
        "type": "array", "maxItems": 200,
        "items": {
          "type": "object", "additionalProperties": false,
          "properties": {
            "id": {"type": "string", "maxLength": 128},
            "name": {"type": "string", "maxLength": 128},
            "priority": {"type": "integer", "minimum": 0, "maximum": 1000000},
            "conditions": {
              "type": "object", "additionalProperties": false,
              "properties": {
                "location": {"type": ["string", "null"], "maxLength": 128},
                "imageType": {"type": ["array", "null"], "maxItems": 50, "items": {"type": "string", "maxLength": 64}},
                "patientId": {"type": ["string", "null"], "maxLength": 128},
                "leadId": {"type": ["string", "null"], "maxLength": 128}
              }
            },
            "action": {
              "type": "object", "additionalProperties": false,
              "properties": {
                "vnaId": {"type": ["string", "null"], "maxLength": 128},
                "compress": {"type": ["boolean", "null"]}
              }
            }
          }
        }
      }
    }
  })");
}

// Every field of the contract, null where there is nothing.
Json::Value ToJson(const Vna& vna, const std::map<std::string, std::string>& users)
{
  Json::Value json;
  for (const char* field : FIELDS)
  {
    json[field] = vna.document[field];
  }
  json["id"] = vna.id;
  const auto user = users.find(vna.practiceId);
  json["userId"] = user == users.end() ? Json::Value() : Json::Value(user->second);
  json["practiceId"] = vna.practiceId;
  json["credentials"] = Json::objectValue;
  for (const std::string& name : vna.credentials.getMemberNames())
  {
    json["credentials"][name] = MASK;
  }
  json["hasCredentials"] = !vna.credentials.empty();
  json["priority"] = vna.priority;
  json["isDefault"] = vna.isDefault;
  json["readOnly"] = false;
  json["createdAt"] = ToString(vna.createdAt);
  json["updatedAt"] = ToString(vna.updatedAt);
  return json;
}

// A target of the configuration: it gets everything, and nobody changes it here.
Json::Value ToJson(const TargetOptions& target)
{
  Json::Value json;
  for (const char* field : FIELDS)
  {
    json[field] = Json::Value();
  }
  json["id"] = target.name;
  json["name"] = target.name;
  const bool isFolder = target.type == TargetType::Directory;
  json["type"] = target.type == TargetType::Azure ? "AZURE_BLOB" : isFolder ? "OTHER" : "CLOUD_VNA";
  json["region"] = isFolder ? Json::Value() : Json::Value(target.region);
  json["credentials"] = Json::objectValue;
  json["hasCredentials"] = !isFolder;
  json["routingRules"] = Json::arrayValue;
  json["priority"] = 0;
  json["isDefault"] = false;
  json["readOnly"] = true;
  return json;
}

// The CRM's users by practice.
std::map<std::string, std::string> Users(Transaction& transaction)
{
  std::map<std::string, std::string> users;
  for (const Practice& practice : PracticeStore(transaction).List())
  {
    if (!practice.crmUserId.empty())
    {
      users[practice.id] = practice.crmUserId;
    }
  }
  return users;
}

// The practice of the CRM's user; without one, the caller's only practice, else the default one.
std::string PracticeOf(Transaction& transaction, const Request& request, const std::string& user)
{
  if (user.empty())
  {
    const std::string own = request.Scope().Single();
    return own.empty() ? PracticeStore::DEFAULT : own;
  }
  for (const auto& [practice, known] : Users(transaction))
  {
    if (known == user)
    {
      return practice;
    }
  }
  throw NotFound("No practice has this user");
}

void CheckTargetsOfRules(const Vna& vna, const std::vector<Vna>& others)
{
  const Json::Value& rules = vna.document["routingRules"];
  std::vector<FieldError> errors;
  for (Json::ArrayIndex i = 0; i < rules.size(); i++)
  {
    const std::string target = rules[i]["action"]["vnaId"].asString();
    if (target != vna.id &&
        std::none_of(others.begin(), others.end(), [&](const Vna& other) { return other.id == target; }))
    {
      errors.push_back({"routingRules[" + std::to_string(i) + "].action.vnaId",
                        "expected the id of a target of this practice, or nothing for this one"});
    }
  }
  if (!errors.empty())
  {
    throw BadInput("A rule names a target that does not exist", errors);
  }
}

// What the body says over what is known. What it does not name stays as it is.
void Apply(const Json::Value& body, Vna& vna)
{
  for (const char* field : FIELDS)
  {
    if (body.isMember(field))
    {
      vna.document[field] = body[field];
    }
  }
  vna.priority = body.get("priority", vna.priority).asInt();
  vna.isDefault = body.get("isDefault", vna.isDefault).asBool();
  for (const std::string& name :
       body["credentials"].isNull() ? Json::Value::Members() : body["credentials"].getMemberNames())
  {
    // A form sends back what it was shown.
    if (const std::string secret = body["credentials"][name].asString(); secret != MASK && !secret.empty())
    {
      vna.credentials[name] = secret;
    }
  }
  Json::Value& rules = vna.document["routingRules"];
  rules = rules.isNull() ? Json::Value(Json::arrayValue) : rules;
  for (Json::ArrayIndex i = 0; i < rules.size(); i++)
  {
    Json::Value& rule = rules[i];
    rule["id"] = rule["id"].asString().empty() ? NewUuid() : rule["id"].asString();
    rule["name"] = rule["name"].asString();
    rule["priority"] = rule.get("priority", i).asInt();
    rule["conditions"] = rule.get("conditions", Json::objectValue);
    rule["action"]["vnaId"] =
        rule["action"]["vnaId"].asString().empty() ? vna.id : rule["action"]["vnaId"].asString();
    rule["action"]["compress"] = rule["action"]["compress"].asBool();
  }
}

// How it is used. Throws BadInput where it cannot or must not be.
TargetOptions Usable(const Vna& vna, const ResidencyPolicy& policy)
{
  TargetOptions target = ToTarget(vna);
  const auto check = [&](const char* field, const std::string& url)
  {
    try
    {
      ResidencyGuard(policy).CheckStorage({url, target.region, target.jurisdiction, target.assessment});
    }
    catch (const Forbidden& error)
    {
      throw BadInput("Images may not be stored there", {{field, error.what()}});
    }
  };
  if (target.type == TargetType::Azure)
  {
    check("region", AccountUrl(target.accessKey));
  }
  const bool isNode = target.type == TargetType::Dicom;
  check(isNode ? "host" : "endpoint", isNode ? NodeUrl(target) : target.endpoint);
  return target;
}

class VnaRoutes
{
public:
  VnaRoutes(const ReplicatorParts& parts, TargetDirectory& targets)
      : database_(parts.database), orthanc_(parts.orthanc), targets_(targets), policy_(parts.residency)
  {
  }

  Response List(const Request& request)
  {
    Json::Value vnas(Json::arrayValue);
    PracticeScope scope = request.Scope();
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    if (const std::string user = request.QueryText("userId"); !user.empty())
    {
      scope = PracticeOf(transaction, request, user);
      request.Require(scope.Single());
    }
    const auto users = Users(transaction);
    for (const Vna& vna : VnaStore(transaction).List(scope))
    {
      vnas.append(ToJson(vna, users));
    }
    transaction.Commit();
    for (const auto& replicator : targets_.Configured())
    {
      const std::vector<std::string>& practices = replicator->Options().practices;
      if (practices.empty() || std::any_of(practices.begin(), practices.end(),
                                           [&](const std::string& one) { return scope.Has(one); }))
      {
        vnas.append(ToJson(replicator->Options()));
      }
    }
    return Success("vnas", vnas);
  }

  Response Get(const Request& request)
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    const Vna vna = Existing(VnaStore(transaction).Find(request.Path("id")), request.Path("id"));
    request.Require(vna.practiceId);
    const Json::Value json = ToJson(vna, Users(transaction));
    transaction.Commit();
    return Success("vna", json);
  }

  Response Create(const Request& request)
  {
    const Json::Value& body = request.Body();
    std::vector<FieldError> missing;
    for (const char* field : {"name", "type"})
    {
      if (!body.isMember(field))
      {
        missing.push_back({field, "expected"});
      }
    }
    if (!missing.empty())
    {
      throw BadInput("The target is not complete", missing);
    }
    Vna vna;
    vna.id = NewUuid();
    Json::Value json;
    TargetOptions target;
    {
      Transaction transaction(database_);
      vna.practiceId = PracticeOf(transaction, request, body["userId"].asString());
      request.Require(vna.practiceId);
      Apply(body, vna);
      target = Usable(vna, policy_);
      CheckTargetsOfRules(vna, VnaStore(transaction).List(vna.practiceId));
      Store(transaction, request, "vna.create", vna);
      Replicator::Start(transaction, target);
      json = ToJson(vna, Users(transaction));
      transaction.Commit();
    }
    targets_.Reload();
    Json::Value answer;
    answer["success"] = true;
    answer["vna"] = json;
    answer["testResult"] = Try(request, target);
    return Response::Json(answer, 201);
  }

  Response Update(const Request& request, const std::string& id)
  {
    const Json::Value& body = request.Body();
    Json::Value json;
    {
      Transaction transaction(database_);
      VnaStore store(transaction);
      Vna vna = Existing(store.FindForUpdate(id), id);
      request.Require(vna.practiceId);
      const Vna before = vna;
      Apply(body, vna);
      if (const std::string user = body["userId"].asString();
          !user.empty() && PracticeOf(transaction, request, user) != vna.practiceId)
      {
        throw BadInput("A target stays with its practice",
                       {{"userId", "expected that of the target's practice"}});
      }
      const TargetOptions target = Usable(vna, policy_);
      CheckTargetsOfRules(vna, store.List(vna.practiceId));
      const TargetOptions known = ToTarget(before);
      if (!SamePlace(known, target) && Copies(transaction, id) > 0)
      {
        throw Conflict(
            "The target holds copies: where it is cannot change; make another "
            "target");
      }
      Store(transaction, request, "vna.update", vna);
      if (known != target)
      {
        Replicator::Start(transaction, target);
      }
      json = ToJson(vna, Users(transaction));
      transaction.Commit();
    }
    targets_.Reload();
    return Success("vna", json);
  }

  Response Remove(const Request& request, bool although)
  {
    const std::string& id = request.Path("id");
    {
      Transaction transaction(database_);
      VnaStore store(transaction);
      const Vna vna = Existing(store.FindForUpdate(id), id);
      request.Require(vna.practiceId);
      for (const Vna& other : store.List(vna.practiceId))
      {
        for (const Json::Value& rule : other.document["routingRules"])
        {
          if (other.id != id && rule["action"]["vnaId"].asString() == id)
          {
            throw Conflict("The rule \"" + rule["name"].asString() + "\" of the target \"" +
                           other.document["name"].asString() + "\" names this one: change it first");
          }
        }
      }
      const int64_t copies = Copies(transaction, id);
      if (copies > 0 && !although)
      {
        throw Conflict("The target holds " + std::to_string(copies) +
                       " copies, which would be known here no more: POST /api/dental/vna/" + id +
                       "/forget forgets it nevertheless and leaves them where they are");
      }
      // What went there goes to another target, if there is one.
      ReplicaStore(transaction).ForgetRoutesTo(id);
      ImageRouter::TargetsChanged(transaction, vna.practiceId);
      AuditEntry entry = request.Audit("vna.delete");
      entry.practiceId = vna.practiceId;
      entry.detail["vna"] = id;
      entry.detail["copies"] = static_cast<Json::Int64>(copies);
      store.Delete(vna);
      AuditTrail::Append(transaction, entry);
      transaction.Commit();
    }
    targets_.Reload();
    return Success("id", id);
  }

  Response Test(const Request& request)
  {
    const auto replicator = targets_.Find(request.Path("id"));
    if (!replicator)
    {
      throw NotFound("There is no such target");
    }
    AuditEntry entry = request.Audit("vna.test");
    entry.practiceId = replicator->Options().practiceId;
    entry.detail["vna"] = replicator->Name();
    {
      Transaction transaction(database_);
      AuditTrail::Append(transaction, entry);
      transaction.Commit();
    }
    const Json::Value result = Try(request, replicator->Options());
    Json::Value body;
    body["success"] = result["success"];
    body["testResult"] = result;
    return Response::Json(body);
  }

private:
  // With the message in the caller's language.
  Json::Value Try(const Request& request, const TargetOptions& target)
  {
    Json::Value result = Probe(target, policy_, orthanc_);
    result["message"] = request.Translate(result["message"].asString());
    return result;
  }

  static Response Success(const char* name, const Json::Value& value)
  {
    Json::Value body;
    body["success"] = true;
    body[name] = value;
    return Response::Json(body);
  }

  Vna Existing(std::optional<Vna> vna, const std::string& id) const
  {
    if (!vna)
    {
      for (const auto& replicator : targets_.Configured())
      {
        if (replicator->Name() == id)
        {
          throw Conflict("This target is one of the configuration: it cannot be changed here");
        }
      }
      throw NotFound("There is no such target");
    }
    return *std::move(vna);
  }

  static int64_t Copies(Transaction& transaction, const std::string& id)
  {
    ReplicaStore store(transaction);
    return store.Total(id, "verified").first + store.Total(id, "replicated").first;
  }

  static void Store(Transaction& transaction, const Request& request, const char* action, Vna& vna)
  {
    AuditEntry entry = request.Audit(action);
    entry.practiceId = vna.practiceId;
    entry.detail["vna"] = vna.id;
    for (const char* field : {"type", "endpoint", "region", "bucket", "host", "port", "aeTitle",
                              "jurisdiction", "privacyImpactAssessment"})
    {
      entry.detail[field] = vna.document[field];
    }
    if (const std::string endpoint = ToTarget(vna).endpoint; !endpoint.empty())
    {
      entry.detail["endpoint"] = endpoint;  // also where it follows from the region or the account
    }
    VnaStore(transaction).Put(vna);
    ImageRouter::TargetsChanged(transaction, vna.practiceId);
    AuditTrail::Append(transaction, entry);
  }

  Database& database_;
  IOrthanc& orthanc_;
  TargetDirectory& targets_;
  const ResidencyPolicy policy_;
};
}  // namespace

void AddVnaRoutes(Router& router, const ReplicatorParts& parts, TargetDirectory& targets)
{
  const auto routes = std::make_shared<VnaRoutes>(parts, targets);
  const Json::Value nothing = JsonLiteral(R"({"type": ["object", "null"]})");
  const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 128})");

  router.Add(
      {.method = HttpMethod::Get,
       .path = "/api/dental/vna",
       .permission = Permission::ReadReplication,
       .summary = "The targets to which the practice's rules send images, and those of the configuration",
       .query = {{"userId", "The CRM's user of the practice; default: all that the caller may see", text}},
       .handler = [routes](const Request& request) { return routes->List(request); }});
  router.Add({.method = HttpMethod::Get,
              .path = "/api/dental/vna/{id}",
              .permission = Permission::ReadReplication,
              .summary = "One target",
              .handler = [routes](const Request& request) { return routes->Get(request); }});
  router.Add({.method = HttpMethod::Post,
              .path = "/api/dental/vna",
              .permission = Permission::WriteReplication,
              .summary = "Makes a target, and tests it",
              .body = BodySchema(),
              .handler = [routes](const Request& request) { return routes->Create(request); }});
  router.Add(
      {.method = HttpMethod::Put,
       .path = "/api/dental/vna/{id}",
       .permission = Permission::WriteReplication,
       .summary = "Changes what the body names; without credentials, the old ones stay",
       .body = BodySchema(),
       .handler = [routes](const Request& request) { return routes->Update(request, request.Path("id")); }});
  router.Add({.method = HttpMethod::Put,
              .path = "/api/dental/vna",
              .permission = Permission::WriteReplication,
              .summary = "The same with the id in the body",
              .body = BodySchema(),
              .handler = [routes](const Request& request)
              { return routes->Update(request, request.Body()["id"].asString()); }});
  router.Add({.method = HttpMethod::Delete,
              .path = "/api/dental/vna/{id}",
              .permission = Permission::WriteReplication,
              .summary = "Deletes a target that holds no copies",
              .handler = [routes](const Request& request) { return routes->Remove(request, false); }});
  router.Add({.method = HttpMethod::Post,
              .path = "/api/dental/vna/{id}/forget",
              .permission = Permission::WriteReplication,
              .summary = "Deletes a target although it holds copies, which stay where they are",
              .body = nothing,
              .handler = [routes](const Request& request) { return routes->Remove(request, true); }});
  router.Add({.method = HttpMethod::Post,
              .path = "/api/dental/vna/{id}/test",
              .permission = Permission::WriteReplication,
              .summary = "Writes a small object, reads it back and deletes it; of a DICOM node: C-ECHO",
              .body = nothing,
              .handler = [routes](const Request& request) { return routes->Test(request); }});
}
}  // namespace OrthancClinic::Replication
