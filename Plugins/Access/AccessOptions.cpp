// SPDX-License-Identifier: GPL-3.0-or-later

#include "AccessOptions.h"

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic::Access
{
const Json::Value& OptionsSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "Enabled": {
        "type": "boolean", "default": false,
        "description": "Whether nobody comes in without credentials, and everybody may do only what their roles allow. Needs `\"AuthenticationEnabled\": false` of Orthanc: the bundle checks instead, also its `RegisteredUsers`, who may do everything."
      },
      "SessionMinutes": {
        "type": "integer", "minimum": 5, "maximum": 10080, "default": 720,
        "description": "How long a person stays signed in."
      },
      "TokenMinutes": {
        "type": "integer", "minimum": 1, "maximum": 60, "default": 10,
        "description": "How long an access token is good; a refresh token gives the next one."
      },
      "FailuresUntilLocked": {
        "type": "integer", "minimum": 3, "maximum": 100, "default": 5,
        "description": "So many wrong passwords in a row lock an account."
      },
      "LockMinutes": {
        "type": "integer", "minimum": 1, "maximum": 1440, "default": 15,
        "description": "For so long."
      },
      "LoginsPerMinute": {
        "type": "integer", "minimum": 1, "maximum": 10000, "default": 20,
        "description": "So many attempts from one address; more are answered with 503 and Retry-After (Orthanc 1.10 has no 429)."
      },
      "SecureCookies": {
        "type": ["boolean", "null"], "default": null,
        "description": "Whether browsers send the session only over TLS. `null`: as Orthanc's `SslEnabled` has it. Say `true` behind a proxy that does TLS."
      },
      "Modalities": {
        "type": "string", "enum": ["any", "learn", "strict"], "default": "any",
        "description": "Which AE titles may send, query and move. `any`: as Orthanc decides. `learn`: as well, and unknown ones are listed at `/api/v1/access/modalities`. `strict`: only those of a practice or of Orthanc's `DicomModalities`, from their host; others are refused and listed."
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value json = configuration.Section("Access", OptionsSchema());
  Options options;
  options.enabled = json["Enabled"].asBool();
  options.sessionMinutes = json["SessionMinutes"].asInt();
  options.tokenMinutes = json["TokenMinutes"].asInt();
  options.failuresUntilLocked = json["FailuresUntilLocked"].asInt();
  options.lockMinutes = json["LockMinutes"].asInt();
  options.loginsPerMinute = json["LoginsPerMinute"].asInt();
  options.secureCookies = json["SecureCookies"].isBool() ? json["SecureCookies"].asBool()
                                                         : configuration.Orthanc()["SslEnabled"].asBool();
  options.modalities = json["Modalities"].asString();
  if (options.tokenMinutes > options.sessionMinutes)
  {
    throw BadInput("Clinic.Access.TokenMinutes: expected at most Clinic.Access.SessionMinutes");
  }
  return options;
}
}  // namespace OrthancClinic::Access
