// SPDX-License-Identifier: GPL-3.0-or-later

#include "EndpointStore.h"

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"

namespace OrthancClinic::Webhooks
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
}  // namespace

std::string ToString(Form form)
{
  return form == Form::Crm ? "crm" : "standard";
}

bool Endpoint::Wants(const std::string& event) const
{
  return std::any_of(
      events.begin(), events.end(),
      [&](const std::string& wanted)
      {
        return wanted == event || wanted == "*" ||
               (wanted.ends_with(".*") && event.starts_with(wanted.substr(0, wanted.size() - 1)));
      });
}

Json::Value ToJson(const Endpoint& endpoint)
{
  Json::Value json;
  json["id"] = endpoint.id;
  json["practice_id"] = endpoint.practiceId;
  json["url"] = endpoint.url;
  json["form"] = ToString(endpoint.form);
  json["events"] = ToArray(endpoint.events);
  json["description"] = endpoint.description;
  json["has_secret"] = true;
  json["former_secret_until"] = endpoint.formerSecret.empty() || endpoint.formerSecretUntil <= Now()
                                    ? Json::Value()
                                    : Json::Value(ToString(endpoint.formerSecretUntil));
  json["enabled"] = endpoint.enabled;
  json["disabled_reason"] = OrNull(endpoint.disabledReason);
  json["created_at"] = ToString(endpoint.createdAt);
  json["updated_at"] = ToString(endpoint.updatedAt);
  return json;
}

std::vector<Endpoint> EndpointStore::Fetch(const std::string& tail, const std::vector<std::string>& values)
{
  std::vector<Endpoint> endpoints;
  Endpoint endpoint;
  std::string form;
  std::string events;
  std::string formerUntil;
  int enabled = 0;
  std::string createdAt;
  std::string updatedAt;
  Query(
      transaction_,
      "SELECT id, practice_id, url, form, events, description, secret, former_secret, former_secret_until, "
      "enabled, disabled_reason, created_at, updated_at FROM webhook_endpoints " +
          tail,
      values,
      [&]
      {
        endpoint.form = form == ToString(Form::Crm) ? Form::Crm : Form::Standard;
        endpoint.events = Texts(ParseJson(events));
        endpoint.formerSecretUntil = ParseTimestamp(formerUntil).value();
        endpoint.enabled = enabled != 0;
        endpoint.createdAt = ParseTimestamp(createdAt).value();
        endpoint.updatedAt = ParseTimestamp(updatedAt).value();
        endpoints.push_back(endpoint);
      },
      endpoint.id, endpoint.practiceId, endpoint.url, form, events, endpoint.description, endpoint.secret,
      endpoint.formerSecret, formerUntil, enabled, endpoint.disabledReason, createdAt, updatedAt);
  return endpoints;
}

std::optional<Endpoint> EndpointStore::Find(const std::string& id)
{
  auto endpoints = Fetch("WHERE id = :id", {id});
  return endpoints.empty() ? std::nullopt : std::optional(std::move(endpoints.front()));
}

std::vector<Endpoint> EndpointStore::List(const PracticeScope& practices)
{
  Conditions conditions;
  practices.AddTo(conditions);
  return Fetch(conditions.Where() + " ORDER BY practice_id, id", conditions.Values());
}

std::vector<Endpoint> EndpointStore::Enabled(Form form, const std::string& practiceId)
{
  Conditions conditions;
  conditions.Add("form = ?", ToString(form));
  conditions.Add("practice_id = ?", practiceId);
  return Fetch(conditions.Where() + " AND enabled = 1 ORDER BY id", conditions.Values());
}

void EndpointStore::Put(const Endpoint& endpoint)
{
  Execute(transaction_,
          "INSERT INTO webhook_endpoints (id, practice_id, url, form, events, description, secret, "
          "former_secret, former_secret_until, enabled, disabled_reason, created_at, updated_at) VALUES "
          "(:id, :practice, :url, :form, :events, :description, :secret, :former, :until, CAST(:enabled AS "
          "INTEGER), :reason, :created, :updated) "
          "ON CONFLICT (id) DO UPDATE SET practice_id = excluded.practice_id, url = excluded.url, form = "
          "excluded.form, events = excluded.events, description = excluded.description, secret = "
          "excluded.secret, former_secret = excluded.former_secret, former_secret_until = "
          "excluded.former_secret_until, enabled = excluded.enabled, disabled_reason = "
          "excluded.disabled_reason, updated_at = excluded.updated_at",
          {endpoint.id, endpoint.practiceId, endpoint.url, ToString(endpoint.form),
           WriteJson(ToArray(endpoint.events)), endpoint.description, endpoint.secret, endpoint.formerSecret,
           ToString(endpoint.formerSecretUntil), endpoint.enabled ? "1" : "0", endpoint.disabledReason,
           ToString(endpoint.createdAt), ToString(endpoint.updatedAt)});
}

void EndpointStore::Disable(const std::string& id, const std::string& reason)
{
  Execute(transaction_,
          "UPDATE webhook_endpoints SET enabled = 0, disabled_reason = :reason, updated_at = :now WHERE id = "
          ":id",
          {reason, ToString(Now()), id});
}

void EndpointStore::Delete(const std::string& id)
{
  Execute(transaction_, "DELETE FROM webhook_endpoints WHERE id = :id", {id});
}
}  // namespace OrthancClinic::Webhooks
