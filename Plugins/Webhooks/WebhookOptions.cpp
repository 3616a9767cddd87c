// SPDX-License-Identifier: GPL-3.0-or-later

#include "WebhookOptions.h"

#include <fmt/format.h>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic::Webhooks
{
const Json::Value& OptionsSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "PrivateAddresses": {
        "type": "boolean", "default": false,
        "description": "Deliver also to addresses of private networks and of this machine, and without TLS."
      },
      "RetryDays": {
        "type": "integer", "default": 3, "minimum": 1, "maximum": 30,
        "description": "For how long a delivery that fails is tried again, before it waits for a person."
      },
      "LogDays": {
        "type": "integer", "default": 30, "minimum": 1, "maximum": 366,
        "description": "For how long it can be seen what was delivered; at most 10,000 attempts of an endpoint."
      },
      "MatchWaitSeconds": {
        "type": "integer", "default": 10, "minimum": 0, "maximum": 600,
        "description": "For how long a CRM is not told of a new instance while its study is not decided."
      },
      "Incoming": {
        "type": "object", "default": {}, "properties": {
          "Secrets": {
            "type": "array", "default": [],
            "description": "Who may tell us what happened, besides those of `/api/v1/webhook-senders`. Two for one practice while a secret is changed.",
            "items": {
              "type": "object", "additionalProperties": false, "required": ["Secret"],
              "properties": {
                "Practice": {"type": "string", "minLength": 1, "maxLength": 128, "description": "The id of the practice; without it, every practice."},
                "Secret": {"type": "string", "description": "At least 16 characters, or `whsec_` and base64; best as `${VARIABLE}` of the environment."}
              }
            }
          },
          "RetentionDays": {
            "type": "integer", "minimum": 1, "maximum": 3650, "default": 30,
            "description": "So long an event is known to have been taken, and a deleted record to be deleted."
          }
        }
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value section = configuration.Section("Webhooks", OptionsSchema());
  Options options{.privateAddresses = section["PrivateAddresses"].asBool(),
                  .retryDays = section["RetryDays"].asInt(),
                  .logDays = section["LogDays"].asInt(),
                  .matchWaitSeconds = section["MatchWaitSeconds"].asInt()};
  const Json::Value& incoming = section["Incoming"];
  options.incomingRetentionDays = incoming["RetentionDays"].asInt();
  for (Json::ArrayIndex i = 0; i < incoming["Secrets"].size(); i++)
  {
    const Json::Value& json = incoming["Secrets"][i];
    IncomingSender sender{.id = json.get("Practice", "*").asString(),
                          .practiceId = json["Practice"].asString(),
                          .secret = json["Secret"].asString()};
    if (const auto fault = FindFaultOfSecret(sender.secret))
    {
      throw BadInput(fmt::format("Clinic.Webhooks.Incoming.Secrets[{}].Secret: {}", i, *fault));
    }
    options.incomingSenders.push_back(std::move(sender));
  }
  return options;
}
}  // namespace OrthancClinic::Webhooks
