// SPDX-License-Identifier: GPL-3.0-or-later

#include "DeliveryForm.h"

#include <fmt/format.h>

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Uuid.h"
#include "StandardWebhooks.h"

namespace OrthancClinic::Webhooks
{
namespace
{
constexpr size_t NEW_KEY = 32;
constexpr size_t SHORTEST_BEARER = 8;
constexpr size_t LONGEST_BEARER = 512;
}  // namespace

std::optional<std::string> FindFault(Form form, const std::string& secret)
{
  if (form == Form::Crm)
  {
    const bool fits = secret.size() >= SHORTEST_BEARER && secret.size() <= LONGEST_BEARER &&
                      std::all_of(secret.begin(), secret.end(), [](char c) { return c > ' ' && c <= '~'; });
    return fits ? std::nullopt
                : std::optional(fmt::format("expected {} to {} printable ASCII characters without spaces",
                                            SHORTEST_BEARER, LONGEST_BEARER));
  }
  return KeyOf(secret) ? std::nullopt
                       : std::optional(fmt::format("expected \"{}\" and the base64 of {} to {} bytes",
                                                   SECRET_PREFIX, SHORTEST_KEY, LONGEST_KEY));
}

std::string NewSecret(Form form)
{
  return form == Form::Crm ? RandomSecret() : std::string(SECRET_PREFIX) + ToBase64(RandomBytes(NEW_KEY));
}

std::string NewMessageId()
{
  std::string id = NewUuid();
  std::erase(id, '-');
  return "msg_" + id;
}

std::string Signature(const std::string& secret, const std::string& id, int64_t timestamp,
                      const std::string& body)
{
  return "v1," + Sign(KeyOf(secret).value(), fmt::format("{}.{}.{}", id, timestamp, body));
}

HttpCall MakeCall(const Endpoint& endpoint, const std::string& messageId, const std::string& body,
                  Timestamp now)
{
  HttpCall call;
  call.method = "POST";
  call.url = endpoint.url;
  call.body = body;
  call.headers = {{"Content-Type", "application/json"}, {"User-Agent", "orthanc-clinic"}};
  if (endpoint.form == Form::Crm)
  {
    call.headers.emplace_back("Authorization", "Bearer " + endpoint.secret);
    return call;
  }
  const int64_t timestamp = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::string signatures = Signature(endpoint.secret, messageId, timestamp, body);
  if (!endpoint.formerSecret.empty() && now < endpoint.formerSecretUntil)
  {
    signatures += " " + Signature(endpoint.formerSecret, messageId, timestamp, body);
  }
  call.headers.emplace_back("webhook-id", messageId);
  call.headers.emplace_back("webhook-timestamp", std::to_string(timestamp));
  call.headers.emplace_back("webhook-signature", signatures);
  return call;
}

std::string StandardBody(const std::string& event, Timestamp at, const std::string& practiceId,
                         const Json::Value& data)
{
  Json::Value body;
  body["type"] = event;
  body["timestamp"] = ToString(at);
  body["practice_id"] = practiceId;
  body["data"] = data;
  return WriteJson(body);
}

std::string CrmBody(const std::string& orthancInstanceId, const std::string& crmUserId, const Study& study)
{
  const StudyMatch& match = study.match;
  Json::Value body;
  body["event"] = Endpoint::NEW_INSTANCE;
  body["resourceId"] = orthancInstanceId;
  body["userId"] = crmUserId;
  body["studyInstanceUid"] = study.studyInstanceUid;
  // A CRM's patients are its leads: it finds them by either name.
  body["patientId"] = match.patientId ? Json::Value(*match.patientId) : Json::Value();
  body["leadId"] = body["patientId"];
  body["match"]["status"] = ToString(match.status);
  body["match"]["decidedBy"] = match.decidedBy.empty() ? Json::Value()
                               : match.ByPerson()      ? Json::Value("person")
                                                       : Json::Value(StudyMatch::MACHINE);
  body["match"]["probability"] = match.probability ? Json::Value(*match.probability) : Json::Value();
  return WriteJson(body);
}

std::string TestBody(const Endpoint& endpoint, const std::string& crmUserId, Timestamp now)
{
  Json::Value body;
  if (endpoint.form == Form::Crm)
  {
    body["event"] = "Test";
    body["resourceId"] = "";
    body["userId"] = crmUserId;
    return WriteJson(body);
  }
  body["endpoint_id"] = endpoint.id;
  return StandardBody("webhook.test", now, endpoint.practiceId, body);
}

std::string FindFault(Form form, const HttpReply& reply)
{
  if (form == Form::Standard)
  {
    return reply.status / 100 == 2 ? "" : fmt::format("Answered with status {}", reply.status);
  }
  if (reply.status != 200)
  {
    return fmt::format("Answered with status {}", reply.status);
  }
  try
  {
    const Json::Value body = ParseJson(reply.body);
    if (body.isObject() && body["success"].isBool() && body["success"].asBool())
    {
      return "";
    }
  }
  catch (const BadInput&)
  {
  }
  return "Answered with status 200, but not with \"success\": true";
}
}  // namespace OrthancClinic::Webhooks
