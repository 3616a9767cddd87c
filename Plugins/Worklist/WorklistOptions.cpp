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
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value section = configuration.Section("Worklist", OptionsSchema());
  return {.lookBackDays = section["LookBackDays"].asInt(),
          .lookAheadDays = section["LookAheadDays"].asInt(),
          .unscheduledDays = section["UnscheduledDays"].asInt(),
          .onlyOwnStation = section["OnlyOwnStation"].asBool(),
          .defaultModality = section["DefaultModality"].asString(),
          .limitAnswers = section["LimitAnswers"].asUInt(),
          .utf8WhenNeeded = section["Utf8WhenNeeded"].asBool()};
}
}  // namespace OrthancClinic::Worklist
