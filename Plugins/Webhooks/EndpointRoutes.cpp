// SPDX-License-Identifier: GPL-3.0-or-later

#include "EndpointRoutes.h"

#include <algorithm>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Errors.h"
#include "Core/Http/PublicAddress.h"
#include "Core/Http/ResidencyGuard.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/Practice.h"
#include "Core/Tasks/TaskStore.h"
#include "DeliveryForm.h"

namespace OrthancClinic::Webhooks
{
namespace
{
constexpr int GRACE_HOURS = 24;
constexpr size_t LONGEST_ID = 64;

struct Parts
{
  Database& database;
  Deliverer& deliverer;
  Options options;
};

const Json::Value& EndpointSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object", "additionalProperties": false, "required": ["practice_id", "url", "form"],
    "properties": {
      "id": {"type": "string", "minLength": 1, "maxLength": 64},
      "practice_id": {"type": "string", "minLength": 1, "maxLength": 128},
      "url": {"type": "string", "minLength": 1, "maxLength": 2048},
      "form": {"enum": ["crm", "standard"]},
      "events": {"type": "array", "minItems": 1, "maxItems": 100, "uniqueItems": true,
        "items": {"type": "string", "maxLength": 64,
          "pattern": "^([*]|[A-Za-z0-9_]+([.][A-Za-z0-9_]+)*([.][*])?)$"}},
      "description": {"type": "string", "maxLength": 256},
      "secret": {"type": "string", "maxLength": 512, "writeOnly": true},
      "enabled": {"type": "boolean"},
      "disabled_reason": {"type": ["string", "null"], "readOnly": true},
      "has_secret": {"type": "boolean", "readOnly": true},
      "former_secret_until": {"type": ["string", "null"], "readOnly": true},
      "waiting": {"type": "integer", "readOnly": true},
      "last_error": {"type": ["string", "null"], "readOnly": true},
      "created_at": {"type": "string", "readOnly": true},
      "updated_at": {"type": "string", "readOnly": true}
    }
  })");
  return SCHEMA;
}

Json::Value ToJson(const Parts& parts, Transaction& transaction, const Endpoint& endpoint)
{
  Json::Value json = Webhooks::ToJson(endpoint);
  const auto waiting = DeliveryStore(transaction).CountWaiting();
  const auto count = waiting.find(endpoint.id);
  json["waiting"] = static_cast<Json::Int64>(count == waiting.end() ? 0 : count->second);
  const auto failing = parts.deliverer.Failing();
  const auto error = failing.find(endpoint.id);
  json["last_error"] = error == failing.end() ? Json::Value() : Json::Value(error->second);
  return json;
}

// The host, of the URL whose path or query may be a secret.
std::string HostOf(const std::string& url)
{
  const auto parts = SplitUrl(url);
  return parts ? parts->host : "";
}

void Record(Transaction& transaction, const Request& request, const std::string& action,
            const Endpoint& endpoint)
{
  AuditEntry entry = request.Audit("webhook." + action);
  entry.practiceId = endpoint.practiceId;
  entry.detail["endpoint"] = endpoint.id;
  entry.detail["host"] = HostOf(endpoint.url);
  entry.detail["form"] = ToString(endpoint.form);
  AuditTrail::Append(transaction, entry);
}

// The endpoint that the path names, of a practice where the caller may do this.
Endpoint Get(Transaction& transaction, const Request& request)
{
  const auto endpoint = EndpointStore(transaction).Find(request.Path("id"));
  if (!endpoint)
  {
    throw NotFound("There is no such webhook endpoint");
  }
  request.Require(endpoint->practiceId);
  return *endpoint;
}

bool IsAddress(const std::string& host)
{
  return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string::npos;
}

// What a name resolves to is looked at when it is connected to.
void CheckUrl(const std::string& url, bool privateAddresses)
{
  const auto refuse = [](const std::string& expected) {
    throw BadInput("The URL cannot be used", {{"url", expected}});
  };
  const auto parts = SplitUrl(url);
  const bool isText = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!parts || !isText || (parts->scheme != "https" && parts->scheme != "http"))
  {
    refuse("expected an https URL");
  }
  if (parts->hasUser || parts->hasFragment)
  {
    refuse("expected no user, password or fragment");
  }
  if (privateAddresses)
  {
    return;
  }
  if (parts->scheme != "https" || !url.starts_with("https://"))
  {
    refuse("expected an https URL: without TLS, only private addresses can be called, where that is allowed");
  }
  std::string host = parts->host;
  std::erase_if(host, [](char c) { return c == '[' || c == ']'; });
  if (IsLoopback(url) || (IsAddress(parts->host) && !IsPublicAddress(host)))
  {
    refuse("expected an address of the Internet; private ones must be allowed in the configuration");
  }
}

void CheckSecret(Form form, const std::string& secret)
{
  if (const auto fault = FindFault(form, secret))
  {
    throw BadInput("The secret cannot be used", {{"secret", *fault}});
  }
}

std::vector<std::string> ReadEvents(Form form, const Json::Value& json)
{
  if (form == Form::Crm)
  {
    if (!json.isNull() && (json.size() != 1 || json[0] != Endpoint::NEW_INSTANCE))
    {
      throw BadInput("A CRM is told of new instances only",
                     {{"events", "expected [\"NewInstance\"], or none"}});
    }
    return {Endpoint::NEW_INSTANCE};
  }
  if (json.isNull())
  {
    throw BadInput("The endpoint has no events", {{"events", "expected the events to deliver, or [\"*\"]"}});
  }
  return Texts(json);
}

Endpoint ReadEndpoint(const Request& request, const Options& options)
{
  const Json::Value& body = request.Body();
  Endpoint endpoint;
  endpoint.id = request.Path("id");
  if (endpoint.id.size() > LONGEST_ID ||
      !std::all_of(endpoint.id.begin(), endpoint.id.end(),
                   [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; }))
  {
    throw BadInput("The id of an endpoint has 1 to 64 letters, digits, '-', '_' and '.'");
  }
  if (body.isMember("id") && body["id"] != endpoint.id)
  {
    throw BadInput("The body's id is not the URL's", {{"id", "expected the id of the URL, or none"}});
  }
  endpoint.practiceId = body["practice_id"].asString();
  endpoint.url = body["url"].asString();
  endpoint.form = body["form"] == ToString(Form::Crm) ? Form::Crm : Form::Standard;
  endpoint.events = ReadEvents(endpoint.form, body["events"]);
  endpoint.description = body["description"].asString();
  CheckUrl(endpoint.url, options.privateAddresses);
  if (body.isMember("secret"))
  {
    endpoint.secret = body["secret"].asString();
    CheckSecret(endpoint.form, endpoint.secret);
  }
  return endpoint;
}

// Takes over from the present endpoint what the caller does not say.
void Complete(Endpoint& endpoint, const Endpoint& present, const Json::Value& body, const std::string& user)
{
  if (present.practiceId != endpoint.practiceId || present.form != endpoint.form)
  {
    throw Conflict("An endpoint keeps its practice and its form: make another one");
  }
  endpoint.createdAt = present.createdAt;
  if (endpoint.secret.empty())
  {
    endpoint.secret = present.secret;
    endpoint.formerSecret = present.formerSecret;
    endpoint.formerSecretUntil = present.formerSecretUntil;
  }
  endpoint.enabled = body.get("enabled", present.enabled).asBool();
  endpoint.disabledReason = endpoint.enabled  ? ""
                            : present.enabled ? "Disabled by " + user
                                              : present.disabledReason;
}

Response Put(const Parts& parts, const Request& request)
{
  Endpoint endpoint = ReadEndpoint(request, parts.options);
  std::string shown;
  Transaction transaction(parts.database);
  transaction.NextSerial();  // before the tasks are touched, as everywhere
  EndpointStore store(transaction);
  const auto present = store.Find(endpoint.id);
  if (present)
  {
    request.Require(present->practiceId);
  }
  request.Require(endpoint.practiceId);
  const auto practice = PracticeStore(transaction).Find(endpoint.practiceId);
  if (!practice)
  {
    throw NotFound("There is no such practice");
  }
  if (endpoint.form == Form::Crm && practice->crmUserId.empty())
  {
    throw Conflict("The practice has no crm_user_id, which a CRM asks for: give it one first");
  }
  endpoint.updatedAt = Now();
  if (present)
  {
    Complete(endpoint, *present, request.Body(), request.Caller().name);
  }
  else
  {
    endpoint.createdAt = endpoint.updatedAt;
    endpoint.enabled = request.Body().get("enabled", true).asBool();
    endpoint.disabledReason = endpoint.enabled ? "" : "Disabled by " + request.Caller().name;
    if (endpoint.secret.empty())
    {
      endpoint.secret = NewSecret(endpoint.form);
      shown = endpoint.secret;
    }
  }
  store.Put(endpoint);
  if (present && endpoint.enabled)
  {
    if (present->enabled)
    {
      TaskStore(transaction).Hasten(DeliveryStore::TASK, DeliveryStore::Key(endpoint.id, ""));
    }
    else
    {
      DeliveryStore(transaction).Revive(endpoint.id);
    }
  }
  Record(transaction, request, present ? "update" : "create", endpoint);
  Json::Value json = ToJson(parts, transaction, endpoint);
  transaction.Commit();
  parts.deliverer.Reset(endpoint.id);
  if (!shown.empty())
  {
    json["secret"] = shown;
  }
  return Response::Json(json, present ? 200 : 201);
}

Response RotateSecret(const Parts& parts, const Request& request)
{
  const Json::Value& body = request.Body();
  Transaction transaction(parts.database);
  Endpoint endpoint = Get(transaction, request);
  const std::string secret =
      body.isObject() && body.isMember("secret") ? body["secret"].asString() : NewSecret(endpoint.form);
  CheckSecret(endpoint.form, secret);
  if (endpoint.form == Form::Standard)
  {
    const int hours = body.isObject() ? body.get("grace_hours", GRACE_HOURS).asInt() : GRACE_HOURS;
    endpoint.formerSecret = hours > 0 ? endpoint.secret : "";
    endpoint.formerSecretUntil = Now() + std::chrono::hours(hours);
  }
  endpoint.secret = secret;
  endpoint.updatedAt = Now();
  EndpointStore(transaction).Put(endpoint);
  Record(transaction, request, "rotate_secret", endpoint);
  Json::Value json = ToJson(parts, transaction, endpoint);
  transaction.Commit();
  json["secret"] = secret;
  return Response::Json(json);
}

Response Enable(const Parts& parts, const Request& request)
{
  Transaction transaction(parts.database);
  transaction.NextSerial();
  Endpoint endpoint = Get(transaction, request);
  endpoint.enabled = true;
  endpoint.disabledReason.clear();
  endpoint.updatedAt = Now();
  EndpointStore(transaction).Put(endpoint);
  DeliveryStore(transaction).Revive(endpoint.id);
  Record(transaction, request, "enable", endpoint);
  transaction.Commit();
  parts.deliverer.Reset(endpoint.id);
  Transaction reading(parts.database, Transaction::Mode::ReadOnly);
  const Json::Value json = ToJson(parts, reading, endpoint);
  reading.Commit();
  return Response::Json(json);
}

Response Delete(const Parts& parts, const Request& request)
{
  Transaction transaction(parts.database);
  transaction.NextSerial();
  const Endpoint endpoint = Get(transaction, request);
  DeliveryStore(transaction).Forget(endpoint.id);
  EndpointStore(transaction).Delete(endpoint.id);
  Record(transaction, request, "delete", endpoint);
  transaction.Commit();
  parts.deliverer.Reset(endpoint.id);
  return Response::NoContent();
}

Response Test(const Parts& parts, const Request& request)
{
  Endpoint endpoint;
  {
    Transaction transaction(parts.database);
    endpoint = Get(transaction, request);
    Record(transaction, request, "test", endpoint);
    transaction.Commit();
  }
  const Delivery delivery = parts.deliverer.Test(endpoint);
  Json::Value json;
  json["success"] = delivery.error.empty();
  json["status"] = delivery.status == 0 ? Json::Value() : Json::Value(delivery.status);
  json["latency_ms"] = delivery.latency;
  json["error"] = delivery.error.empty() ? Json::Value() : Json::Value(request.Translate(delivery.error));
  return Response::Json(json);
}

Response List(const Parts& parts, const Request& request)
{
  const PracticeScope scope = request.Scope();
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  Json::Value items(Json::arrayValue);
  for (const Endpoint& endpoint : EndpointStore(transaction).List(scope))
  {
    items.append(ToJson(parts, transaction, endpoint));
  }
  transaction.Commit();
  const auto total = static_cast<int64_t>(items.size());
  return Response::List(std::move(items), total, {total, 0});
}

Response Deliveries(const Parts& parts, const Request& request)
{
  const Page page = request.GetPage();
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  const Endpoint endpoint = Get(transaction, request);
  const auto [deliveries, total] =
      DeliveryStore(transaction)
          .Deliveries(endpoint.id, request.QueryText("outcome"), page.limit, page.offset);
  transaction.Commit();
  Json::Value items(Json::arrayValue);
  for (const Delivery& delivery : deliveries)
  {
    Json::Value item = ToJson(delivery);
    if (!delivery.error.empty())
    {
      item["error"] = request.Translate(delivery.error);
    }
    items.append(std::move(item));
  }
  return Response::List(std::move(items), total, page);
}
}  // namespace

void AddEndpointRoutes(Router& router, Database& database, Deliverer& deliverer, const Options& options)
{
  const Parts parts{database, deliverer, options};
  const std::string path = "/api/v1/webhook-endpoints";
  const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 128})");

  router.Add({.method = HttpMethod::Get,
              .path = path,
              .permission = Permission::ReadWebhooks,
              .summary = "To whom events are delivered",
              .query = {{"practice", "Only of this practice", text}},
              .handler = [parts](const Request& request) { return List(parts, request); }});

  router.Add({.method = HttpMethod::Get,
              .path = path + "/{id}",
              .permission = Permission::ReadWebhooks,
              .summary = "One endpoint, without its secret",
              .answer = EndpointSchema(),
              .handler = [parts](const Request& request)
              {
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const Json::Value json = ToJson(parts, transaction, Get(transaction, request));
                transaction.Commit();
                return Response::Json(json);
              }});

  router.Add(
      {.method = HttpMethod::Put,
       .path = path + "/{id}",
       .permission = Permission::WriteWebhooks,
       .summary = "Creates or replaces an endpoint; a secret that we made is shown once, in this answer",
       .body = EndpointSchema(),
       .answer = EndpointSchema(),
       .handler = [parts](const Request& request) { return Put(parts, request); }});

  router.Add({.method = HttpMethod::Delete,
              .path = path + "/{id}",
              .permission = Permission::WriteWebhooks,
              .summary = "Deletes an endpoint, with what waits for it",
              .handler = [parts](const Request& request) { return Delete(parts, request); }});

  router.Add({.method = HttpMethod::Post,
              .path = path + "/{id}/test",
              .permission = Permission::WriteWebhooks,
              .summary = "Sends a test event now, and says what came of it",
              .handler = [parts](const Request& request) { return Test(parts, request); }});

  router.Add(
      {.method = HttpMethod::Post,
       .path = path + "/{id}/rotate-secret",
       .permission = Permission::WriteWebhooks,
       .summary = "Gives the endpoint a new secret, shown once; the former one signs, too, for a while",
       .body = JsonLiteral(R"({
                "type": ["object", "null"], "additionalProperties": false,
                "properties": {
                  "secret": {"type": "string", "maxLength": 512, "writeOnly": true},
                  "grace_hours": {"type": "integer", "minimum": 0, "maximum": 720, "default": 24}
                }
              })"),
       .handler = [parts](const Request& request) { return RotateSecret(parts, request); }});

  router.Add({.method = HttpMethod::Post,
              .path = path + "/{id}/enable",
              .permission = Permission::WriteWebhooks,
              .summary = "Enables an endpoint that was disabled, and delivers what waits for it",
              .handler = [parts](const Request& request) { return Enable(parts, request); }});

  router.Add({.method = HttpMethod::Get,
              .path = path + "/{id}/deliveries",
              .permission = Permission::ReadWebhooks,
              .summary = "What was tried, the newest first; no bodies",
              .query = {{"outcome", "Only with this outcome",
                         JsonLiteral(R"({"type": "string", "enum": ["delivered", "failed", "discarded"]})")}},
              .paged = true,
              .handler = [parts](const Request& request) { return Deliveries(parts, request); }});
}
}  // namespace OrthancClinic::Webhooks
