// SPDX-License-Identifier: GPL-3.0-or-later

#include "IncomingRoutes.h"

#include <algorithm>
#include <memory>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Log.h"
#include "Core/Records/StudyStore.h"
#include "Core/Rest/RateLimit.h"
#include "Core/Tasks/TaskStore.h"
#include "IncomingStore.h"

namespace OrthancClinic::Webhooks
{
namespace
{
constexpr size_t LONGEST_BODY = 16 << 20;
constexpr Json::ArrayIndex MOST_EVENTS = 1000;
constexpr int WARNINGS_PER_MINUTE = 5;  // of an address

struct Parts
{
  Database& database;
  IOrthanc& orthanc;
  IncomingEvents& events;
  std::vector<IncomingSender> configured;
  std::shared_ptr<RateLimit> warnings = std::make_shared<RateLimit>(WARNINGS_PER_MINUTE);
};

// Nobody learns anything before this has returned; nothing: the answer is 401.
std::optional<Principal> Identify(const Parts& parts, const Request& request)
{
  std::vector<IncomingSender> senders = parts.configured;
  {
    Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
    const auto stored = IncomingSenderStore(transaction).List();
    transaction.Commit();
    senders.insert(senders.end(), stored.begin(), stored.end());
  }
  auto principal = FindSender(request.Http(), senders, Now());
  const std::string& address = request.Http().remoteAddress;
  if (!principal && !parts.warnings->Take(address))
  {
    LogWarning("A webhook came without a secret, or with a wrong one, from " +
               (address.empty() ? "an address that is not known" : address));
  }
  return principal;
}

Response Unauthorized(const Request& request)
{
  Response response;
  response.http =
      Problem(401, "A secret of a practice is needed: as Bearer token, or as signature of the last minutes",
              {}, request.Http().path);
  return response;
}

Json::Value ReadJson(const Request& request)
{
  try
  {
    return ParseJson(request.Http().body);
  }
  catch (const BadInput& error)
  {
    throw BadInput(std::string("The body is not JSON: ") + error.what());
  }
}

// What became of each event of a batch, in the caller's language.
Json::Value Translated(const Request& request, Json::Value body)
{
  const auto translate = [&](Json::Value& item, const char* name)
  {
    if (item.isMember(name))
    {
      item[name] = request.Translate(item[name].asString());
    }
  };
  for (Json::Value& result : body["results"])
  {
    translate(result, "message");
    translate(result, "error");
    if (result.isMember("errors"))
    {
      for (Json::Value& field : result["errors"])
      {
        translate(field, "message");
      }
    }
  }
  return body;
}

Response TakeEvents(const Parts& parts, const Request& request)
{
  const auto sender = Identify(parts, request);
  if (!sender)
  {
    return Unauthorized(request);
  }
  Json::Value body = ReadJson(request);
  if (body.isArray())
  {
    if (body.size() > MOST_EVENTS)
    {
      throw BadInput("The batch is too long", {{"", "expected at most 1000 events"}});
    }
    return Response::Json(Translated(request, parts.events.ApplyAll(*sender, body)));
  }
  if (body.isObject() && !body.isMember("id") && !FindHeader(request.Http(), "webhook-id").empty())
  {
    body["id"] = FindHeader(request.Http(), "webhook-id");
  }
  const IncomingEvents::Result result = parts.events.Apply(*sender, body);
  Json::Value answer;
  answer["success"] = true;
  answer["id"] = body["id"];
  answer["status"] = result.status;
  if (!result.message.empty())
  {
    answer["message"] = request.Translate(result.message);
  }
  return Response::Json(answer);
}

// Orthanc's ids are five groups of eight hexadecimal digits.
bool IsOrthancId(const std::string& text)
{
  if (text.size() != 44)
  {
    return false;
  }
  for (size_t i = 0; i < text.size(); i++)
  {
    const bool fits =
        i % 9 == 8 ? text[i] == '-'
                   : std::isdigit(static_cast<unsigned char>(text[i])) || (text[i] >= 'a' && text[i] <= 'f');
    if (!fits)
    {
      return false;
    }
  }
  return true;
}

Response DentalAnswer(const Request& request, const char* message)
{
  Json::Value json;
  json["success"] = true;
  json["message"] = request.Translate(message);
  return Response::Json(json);
}

// The study of the instance is decided now, unless a person has decided.
Response TakeInstance(const Parts& parts, const Request& request)
{
  const auto sender = Identify(parts, request);
  if (!sender)
  {
    return Unauthorized(request);
  }
  const Json::Value body = ReadJson(request);
  const auto text = [&](const char* name)
  { return body.isObject() && body[name].isString() ? body[name].asString() : std::string(); };
  if (text("userId").empty())
  {
    throw BadInput("userId is missing");
  }
  if (text("event") != "NewInstance")
  {
    return DentalAnswer(request, "Webhook received");
  }
  if (text("resourceId").empty())
  {
    throw BadInput("resourceId is missing");
  }
  if (!IsOrthancId(text("resourceId")))
  {
    throw NotFound("There is no such instance");
  }
  std::string practiceId;
  try
  {
    Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
    practiceId = PracticeOfUser(transaction, *sender, text("userId")).id;
    transaction.Commit();
  }
  catch (const BadInput&)
  {
    throw NotFound("There is no such instance");
  }
  const std::string studyId =
      parts.orthanc.Get("/instances/" + text("resourceId") + "/study")["ID"].asString();

  Transaction transaction(parts.database);
  const auto study = StudyStore(transaction).FindByOrthancId(studyId);
  if (study && study->practiceId != practiceId)
  {
    throw NotFound("There is no such instance");
  }
  if (study)  // else the change log tells of it in a moment, and it is decided then
  {
    TaskStore(transaction).Enqueue("match.study", studyId);
    AuditEntry entry;
    entry.principal = *sender;
    entry.action = "study.rematch";
    entry.practiceId = practiceId;
    entry.patientId = study->match.patientId.value_or("");
    entry.studyInstanceUid = study->studyInstanceUid;
    AuditTrail::Append(transaction, entry);
  }
  transaction.Commit();
  return DentalAnswer(request, "DICOM instance processed");
}

// Of one practice, those who may there; of every practice, those who may everywhere.
void Authorize(const Request& request, const IncomingSender& sender)
{
  AuditEntry entry = request.Audit("");
  entry.practiceId = sender.practiceId;
  entry.Check();
  if (!sender.practiceId.empty())
  {
    request.Require(sender.practiceId);
  }
}

void Record(Transaction& transaction, const Request& request, const char* action,
            const IncomingSender& sender)
{
  AuditEntry entry = request.Audit(action);
  entry.practiceId = sender.practiceId;
  entry.detail["sender_id"] = sender.id;
  AuditTrail::Append(transaction, entry);
}

Response PutSender(const Parts& parts, const Request& request)
{
  const Json::Value& body = request.Body();
  IncomingSender sender{.id = request.Path("id"),
                        .practiceId = body["practice_id"].asString(),
                        .secret = body["secret"].asString(),
                        .updatedAt = Now()};
  Transaction transaction(parts.database);
  IncomingSenderStore store(transaction);
  const auto known = store.Find(sender.id);
  if (known)
  {
    Authorize(request, *known);
  }
  Authorize(request, sender);
  if (!sender.practiceId.empty() && !PracticeStore(transaction).Find(sender.practiceId))
  {
    throw NotFound("There is no such practice");
  }
  if (known && sender.secret.empty())
  {
    sender.secret = known->secret;
  }
  if (const auto fault = FindFaultOfSecret(sender.secret))
  {
    throw BadInput("The secret will not do", {{"secret", *fault}});
  }
  store.Put(sender);
  Record(transaction, request, known ? "webhook_sender.update" : "webhook_sender.create", sender);
  transaction.Commit();
  return Response::Json(ToJson(sender), known ? 200 : 201);
}
}  // namespace

void AddIncomingRoutes(Router& router, Database& database, IOrthanc& orthanc, IncomingEvents& events,
                       const std::vector<IncomingSender>& configured)
{
  const Parts parts{database, orthanc, events, configured};

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/webhooks/crm",
              .permission = Permission::Public,
              .summary = "What happened in a CRM: one event {event, data, id, timestamp}, or an array of "
                         "them; by a practice's secret, as Bearer token or signature",
              .rawBody = true,
              .maxBody = LONGEST_BODY,
              .handler = [parts](const Request& request) { return TakeEvents(parts, request); }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/dental/dicom/webhook",
              .permission = Permission::Public,
              .summary = "An instance is there: its study is decided now; by a practice's secret",
              .rawBody = true,
              .handler = [parts](const Request& request) { return TakeInstance(parts, request); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/webhook-senders",
              .permission = Permission::ReadWebhooks,
              .summary = "Who may tell what happened, without the secrets",
              .handler = [parts](const Request& request)
              {
                const PracticeScope scope = request.Scope();
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const auto senders = IncomingSenderStore(transaction).List();
                transaction.Commit();
                Json::Value body;
                body["items"] = Json::arrayValue;
                for (const IncomingSender& sender : senders)
                {
                  if (scope.All() || (!sender.practiceId.empty() && scope.Has(sender.practiceId)))
                  {
                    body["items"].append(ToJson(sender));
                  }
                }
                return Response::Json(body);
              }});

  router.Add({.method = HttpMethod::Put,
              .path = "/api/v1/webhook-senders/{id}",
              .permission = Permission::WriteWebhooks,
              .summary = "Gives a sender a secret; without `practice_id`, for every practice",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false,
                "properties": {
                  "practice_id": {"type": ["string", "null"], "maxLength": 128},
                  "secret": {"type": ["string", "null"], "maxLength": 256, "writeOnly": true}
                }
              })"),
              .handler = [parts](const Request& request) { return PutSender(parts, request); }});

  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/webhook-senders/{id}",
              .permission = Permission::WriteWebhooks,
              .summary = "The sender's secret is worth nothing any more",
              .handler = [parts](const Request& request)
              {
                Transaction transaction(parts.database);
                IncomingSenderStore store(transaction);
                const auto sender = store.Find(request.Path("id"));
                if (!sender)
                {
                  throw NotFound("There is no such sender");
                }
                Authorize(request, *sender);
                store.Delete(sender->id);
                Record(transaction, request, "webhook_sender.delete", *sender);
                transaction.Commit();
                return Response::NoContent();
              }});
}
}  // namespace OrthancClinic::Webhooks
