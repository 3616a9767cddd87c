// SPDX-License-Identifier: GPL-3.0-or-later

#include "WorklistOptions.h"

#include "Core/Configuration/Json.h"

namespace OrthancClinic::Worklist
{
const Json::Value& OptionsSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "LookBackDays": {
        "type": "integer", "minimum": 0, "maximum": 3650, "default": 0,
        "description": "An open item stays on the list for so many days after its own, of which it always has the rest."
      },
      "LookAheadDays": {
        "type": "integer", "minimum": 0, "maximum": 3650, "default": 30,
        "description": "Items of later days than this are not shown yet."
      },
      "UnscheduledDays": {
        "type": "integer", "minimum": 0, "maximum": 3650, "default": 7,
        "description": "An order without appointment and without a scheduled time is on every day's list for so many days after it was ordered."
      },
      "OnlyOwnStation": {
        "type": "boolean", "default": false,
        "description": "A station that asks does not see what is scheduled for another station of its practice."
      },
      "DefaultModality": {
        "type": "string", "pattern": "^[A-Z0-9 _]{1,16}$", "default": "DX",
        "description": "The modality of an item for which neither appointment nor order names one, when the query does not ask for one."
      },
      "LimitAnswers": {
        "type": "integer", "minimum": 1, "maximum": 1000000, "default": 1000,
        "description": "At most so many items are sent to one query, the earliest first."
      },
      "Utf8WhenNeeded": {
        "type": "boolean", "default": true,
        "description": "While a name on the list cannot be written in ISO_IR 100, Orthanc's DefaultEncoding is Utf8 (ISO_IR 192), since Orthanc writes all answers in that one. False: never; such characters are left out."
      },
      "Priors": {
        "type": "object", "default": {}, "properties": {
          "Servers": {
            "type": "array", "items": {"type": "string", "minLength": 1}, "default": [],
            "description": "Names in Orthanc's DicomModalities of the servers that are asked for a patient's earlier studies before the appointment, and that can send (C-MOVE) to this Orthanc. None: nobody is asked."
          },
          "DaysAhead": {
            "type": "integer", "minimum": 0, "maximum": 30, "default": 1,
            "description": "How many days before the appointment."
          },
          "Hours": {
            "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-4]):[0-5][0-9]$", "default": "20:00-06:00",
            "description": "When, in the practice's local time; it may pass midnight. `00:00-24:00` allows opening hours too."
          },
          "Rules": {
            "type": "array", "items": {
              "type": "object", "additionalProperties": false, "properties": {
                "Modality": {"type": "string"},
                "Modalities": {"type": "array", "items": {"type": "string"}},
                "WithinYears": {"type": "integer", "minimum": 1, "maximum": 100},
                "Most": {"type": "integer", "minimum": 1, "maximum": 1000}
              }
            }, "default": [{}],
            "description": "Which earlier studies: for an appointment of `Modality` (any, if absent) the latest `Most` (10) of one of the `Modalities` (any) of the last `WithinYears` (5)."
          }
        }
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value section = configuration.Section("Worklist", OptionsSchema());
  const Json::Value& priors = section["Priors"];
  PriorOptions prior;
  prior.servers = Texts(priors["Servers"]);
  prior.daysAhead = priors["DaysAhead"].asInt();
  const std::string hours = priors["Hours"].asString();  // "HH:MM-HH:MM"
  const auto minute = [&](size_t at)
  { return std::stoi(hours.substr(at, 2)) * 60 + std::stoi(hours.substr(at + 3, 2)); };
  prior.fromMinute = minute(0);
  prior.toMinute = minute(6);
  for (const Json::Value& json : priors["Rules"])
  {
    PriorRule rule;
    rule.modality = json["Modality"].asString();
    rule.modalities = Texts(json["Modalities"]);
    rule.withinYears = json.get("WithinYears", rule.withinYears).asInt();
    rule.most = json.get("Most", rule.most).asInt();
    prior.rules.push_back(rule);
  }
  return {.lookBackDays = section["LookBackDays"].asInt(),
          .lookAheadDays = section["LookAheadDays"].asInt(),
          .unscheduledDays = section["UnscheduledDays"].asInt(),
          .onlyOwnStation = section["OnlyOwnStation"].asBool(),
          .defaultModality = section["DefaultModality"].asString(),
          .limitAnswers = section["LimitAnswers"].asUInt(),
          .utf8WhenNeeded = section["Utf8WhenNeeded"].asBool(),
          .priors = prior};
}
}  // namespace OrthancClinic::Worklist
