// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Configuration/CoreOptions.h"

#include "Core/Configuration/Json.h"

namespace OrthancClinic
{
const Json::Value& CoreOptions()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "Database": {
        "type": "string", "default": "",
        "description": "Where the bundle keeps its own records: the path of an SQLite file, or a PostgreSQL URL (`postgresql://user@host/name`). Empty: `orthanc-clinic.db` in Orthanc's `IndexDirectory`."
      },
      "Dicom": {
        "type": "object", "default": {}, "properties": {
          "TcpNoDelay": {
            "type": "boolean", "default": true,
            "description": "Switch Nagle's algorithm off for Orthanc's DICOM connections, which receive about three times as fast then. The environment variable `TCP_NODELAY` has precedence."
          }
        }
      },
      "Events": {
        "type": "object", "default": {}, "properties": {
          "HeldRequests": {
            "type": "integer", "minimum": 0, "maximum": 1000, "default": 10,
            "description": "So many requests for live events wait in Orthanc at once, each in one of its HTTP threads (at most half of `HttpThreadsCount`); the others ask again every 5 seconds."
          }
        }
      },
      "Studies": {
        "type": "object", "default": {}, "properties": {
          "QuietSeconds": {
            "type": "integer", "minimum": 1, "maximum": 86400, "default": 60,
            "description": "A study is complete when no instance has come for so long."
          },
          "QuietSecondsByModality": {
            "type": "object", "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 86400},
            "default": {"PX": 3, "IO": 3, "DX": 3, "CR": 3, "XC": 3},
            "description": "The same for studies of these modalities."
          }
        }
      },
      "SwaggerUi": {
        "type": "string", "default": "/usr/share/orthanc-clinic/swagger-ui",
        "description": "The folder with the files of `swagger-ui-dist` for `/api/`."
      },
      "UploadDirectory": {
        "type": "string", "default": "",
        "description": "Where uploads lie while they come and are worked on. Empty: `orthanc-clinic-uploads` in Orthanc's `IndexDirectory`."
      }
    }
  })");
  return SCHEMA;
}
}  // namespace OrthancClinic
