// SPDX-License-Identifier: GPL-3.0-or-later

#include "ViewerOptions.h"

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic::Viewer
{
const Json::Value& OptionsSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "PublicUrl": {
        "type": "string", "maxLength": 512, "pattern": "^(https?://[^/ ?#]+(/[^ ?#]*[^/ ?#])?)?$", "default": "",
        "description": "Under which address browsers find this server (`https://imaging.example.org`); links begin with it. Empty: the Host of the request for the link."
      },
      "FrameAncestors": {
        "type": "array", "maxItems": 100, "items": {"type": "string", "pattern": "^https?://[^/ ;,']+$"}, "default": [],
        "description": "The origins whose pages may show the viewer in a frame (`https://crm.example.org`). Over TLS, the viewer's cookie is then sent within such a frame, too."
      },
      "LinkMinutes": {
        "type": "integer", "minimum": 1, "maximum": 43200, "default": 480,
        "description": "How long a link opens its studies, if its maker does not say."
      },
      "SecureCookies": {
        "type": ["boolean", "null"], "default": null,
        "description": "Whether browsers send the viewer's cookie only over TLS. `null`: as Orthanc's `SslEnabled` has it. Say `true` behind a proxy that does TLS."
      },
      "Ohif": {
        "type": "string", "default": "/usr/share/orthanc-clinic/ohif",
        "description": "The folder of OHIF's files."
      },
      "App": {
        "type": "string", "default": "/usr/share/orthanc-clinic/app",
        "description": "The folder of the web application's files."
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value json = configuration.Section("Viewer", OptionsSchema());
  Options options;
  options.publicUrl = json["PublicUrl"].asString();
  for (const Json::Value& origin : json["FrameAncestors"])
  {
    options.frameAncestors.push_back(origin.asString());
  }
  options.ohif = json["Ohif"].asString();
  options.app = json["App"].asString();
  options.linkMinutes = json["LinkMinutes"].asInt();
  options.secureCookies = json["SecureCookies"].isBool() ? json["SecureCookies"].asBool()
                                                         : configuration.Orthanc()["SslEnabled"].asBool();
  options.dicomWebRoot = configuration.Orthanc()["DicomWeb"].get("Root", "/dicom-web/").asString();
  if (!options.dicomWebRoot.starts_with('/'))
  {
    options.dicomWebRoot = "/" + options.dicomWebRoot;
  }
  if (!options.dicomWebRoot.ends_with('/'))
  {
    options.dicomWebRoot += "/";
  }
  return options;
}
}  // namespace OrthancClinic::Viewer
