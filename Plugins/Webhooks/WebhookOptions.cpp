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
        "description": "Deliver also to addresses of private networks and of this machine."
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value section = configuration.Section("Webhooks", OptionsSchema());
  return {.privateAddresses = section["PrivateAddresses"].asBool()};
}
}  // namespace OrthancClinic::Webhooks
