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
        "description": "So many attempts to sign in, and as many wrong passwords of `Basic`, from one address; more attempts are answered with 503 and Retry-After (Orthanc 1.10 has no 429)."
      },
      "SecureCookies": {
        "type": ["boolean", "null"], "default": null,
        "description": "Whether browsers send the session only over TLS. `null`: as Orthanc's `SslEnabled` has it. Say `true` behind a proxy that does TLS."
      },
      "UploadsPerMinute": {
        "type": "integer", "minimum": 1, "maximum": 1000000, "default": 6000,
        "description": "So many images by REST or DICOMweb from one user at one address; more are refused (403, all that Orthanc's filter can say)."
      },
      "UploadMegabytes": {
        "type": "integer", "minimum": 1, "maximum": 4095, "default": 2048,
        "description": "The largest body of one of them."
      },
      "Modalities": {
        "type": "string", "enum": ["any", "learn", "strict"], "default": "any",
        "description": "Which AE titles may send images. `any`: as Orthanc decides. `learn`: as well, and those that neither a practice nor Orthanc's `DicomModalities` names are listed at `/api/v1/access/modalities`. `strict`: these are refused (DIMSE status 0124H, not authorized), listed and audited. To query and to move, an AE title must be in `DicomModalities` in any case; `strict` refuses to start while `DicomAlwaysAllowFind`, `…Get` or `…Move` is on."
      },
      "AuditRetentionDays": {
        "type": "integer", "minimum": 0, "maximum": 36500, "default": 0,
        "description": "How long the audit trail is kept; 0: for ever."
      },
      "Syslog": {
        "type": "object",
        "description": "Where the audit trail is sent as DICOM audit messages (PS3.15 A.5), by syslog over TLS (RFC 5425). Without a host, nowhere.",
        "properties": {
          "Host": {"type": "string", "maxLength": 255, "default": ""},
          "Port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 6514},
          "CertificateAuthorities": {"type": "string", "default": "", "description": "A PEM file; empty: the system's."}
        }
      },
      "OpenIdConnect": {
        "type": "object",
        "description": "Lets people sign in by an identity provider (Keycloak, Entra ID, Authentik …), besides by password. Without an issuer, nobody.",
        "properties": {
          "Issuer": {"type": "string", "maxLength": 512, "pattern": "^(https?://[^ ?#]+)?$", "default": "", "description": "Its address, from which the rest is discovered."},
          "ClientId": {"type": "string", "maxLength": 256, "default": ""},
          "ClientSecret": {"type": "string", "maxLength": 512, "default": "", "description": "`\"${NAME}\"` takes it from the environment."},
          "RedirectUri": {"type": "string", "maxLength": 512, "default": "", "description": "This server as browsers see it, with `/api/v1/auth/oidc/callback`; the provider must know it."},
          "Scope": {"type": "string", "maxLength": 256, "default": "openid profile"},
          "NameClaim": {"type": "string", "maxLength": 64, "default": "preferred_username", "description": "Becomes the user's name."},
          "RoleClaim": {"type": "string", "maxLength": 64, "default": "roles", "description": "A text or a list of texts."},
          "Roles": {
            "type": "object", "default": {}, "description": "What each value of it gives: `{\"imaging-dentists\": [{\"role\": \"dentist\", \"practice_id\": \"default\"}]}`. Who has none does not come in.",
            "additionalProperties": {"type": "array", "maxItems": 100, "items": {
              "type": "object", "required": ["role", "practice_id"],
              "properties": {"role": {"type": "string", "minLength": 1}, "practice_id": {"type": "string", "minLength": 1}}
            }}
          },
          "CertificateAuthorities": {"type": "string", "default": "", "description": "A PEM file; empty: the system's."}
        }
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
  options.uploadsPerMinute = json["UploadsPerMinute"].asInt();
  options.uploadMegabytes = json["UploadMegabytes"].asInt64();
  options.modalities = json["Modalities"].asString();
  options.auditRetentionDays = json["AuditRetentionDays"].asInt();
  options.syslog.host = json["Syslog"]["Host"].asString();
  options.syslog.port = json["Syslog"]["Port"].asInt();
  options.syslog.certificateAuthorities = json["Syslog"]["CertificateAuthorities"].asString();
  const Json::Value& oidc = json["OpenIdConnect"];
  options.oidc.issuer = oidc["Issuer"].asString();
  options.oidc.clientId = oidc["ClientId"].asString();
  options.oidc.clientSecret = oidc["ClientSecret"].asString();
  options.oidc.redirectUri = oidc["RedirectUri"].asString();
  options.oidc.scope = oidc["Scope"].asString();
  options.oidc.nameClaim = oidc["NameClaim"].asString();
  options.oidc.roleClaim = oidc["RoleClaim"].asString();
  options.oidc.certificateAuthorities = oidc["CertificateAuthorities"].asString();
  for (const std::string& value : oidc["Roles"].getMemberNames())
  {
    options.oidc.roles[value] = AssignmentsFromJson(oidc["Roles"][value]);
  }
  for (const auto& [key, value] :
       {std::pair("ClientId", options.oidc.clientId), std::pair("RedirectUri", options.oidc.redirectUri)})
  {
    if (!options.oidc.issuer.empty() && value.empty())
    {
      throw BadInput(std::string("Clinic.Access.OpenIdConnect.") + key + ": expected with an Issuer");
    }
  }
  for (const char* key : {"DicomAlwaysAllowFind", "DicomAlwaysAllowGet", "DicomAlwaysAllowMove"})
  {
    if (options.enabled && options.modalities == "strict" && configuration.Orthanc()[key].isBool() &&
        configuration.Orthanc()[key].asBool())
    {
      throw BadInput(std::string(key) + ": expected false, since Clinic.Access.Modalities is strict");
    }
  }
  if (options.tokenMinutes > options.sessionMinutes)
  {
    throw BadInput("Clinic.Access.TokenMinutes: expected at most Clinic.Access.SessionMinutes");
  }
  return options;
}
}  // namespace OrthancClinic::Access
