// SPDX-License-Identifier: GPL-3.0-or-later

#include "MatchingOptions.h"

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic::Matching
{
const Json::Value& OptionsSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "MatchThreshold": {
        "type": "number", "minimum": 0.9, "maximum": 1, "default": 0.999,
        "description": "A study is filed without a person if the patient is at least so probable, and if name and birth date (or an identifier and one of them) agree. 1 switches automatic matches off."
      },
      "ReviewThreshold": {
        "type": "number", "minimum": 0, "maximum": 1, "default": 0.02,
        "description": "If no patient is at least so probable, the study is unmatched; between both, a person reviews it."
      }
    }
  })");
  return SCHEMA;
}

Thresholds ReadOptions(Configuration& configuration)
{
  const Json::Value options = configuration.Section("Matching", OptionsSchema());
  const Thresholds thresholds{options["MatchThreshold"].asDouble(), options["ReviewThreshold"].asDouble()};
  if (thresholds.review > thresholds.match)
  {
    throw BadInput("Clinic.Matching.ReviewThreshold: expected at most Clinic.Matching.MatchThreshold");
  }
  return thresholds;
}
}  // namespace OrthancClinic::Matching
