// SPDX-License-Identifier: GPL-3.0-or-later

#include "WebhookOptions.h"

#include "Core/Configuration/Json.h"

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
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value section = configuration.Section("Webhooks", OptionsSchema());
  return {.privateAddresses = section["PrivateAddresses"].asBool(),
          .retryDays = section["RetryDays"].asInt(),
          .logDays = section["LogDays"].asInt(),
          .matchWaitSeconds = section["MatchWaitSeconds"].asInt()};
}
}  // namespace OrthancClinic::Webhooks
