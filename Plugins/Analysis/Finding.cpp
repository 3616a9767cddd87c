// SPDX-License-Identifier: GPL-3.0-or-later

#include "Finding.h"

#include <fmt/format.h>

#include <algorithm>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Errors.h"

namespace OrthancClinic::Analysis
{
namespace
{
// Of a pixel: what shares of a width may add by rounding.
constexpr double ROUNDING = 1e-6;

// x, y within an image of that size; its right and lower edges belong to it.
bool IsInside(const Json::Value& point, const AnalysedImage& image)
{
  const double x = point[0].asDouble();
  const double y = point[1].asDouble();
  return x >= 0 && y >= 0 && x <= image.columns + ROUNDING && y <= image.rows + ROUNDING;
}
}  // namespace

const Json::Value& FindingSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "additionalProperties": false,
    "required": ["kind", "severity", "text", "image"],
    "properties": {
      "kind": {"type": "string", "pattern": "^[a-z][a-z0-9_.]{0,63}$", "description": "caries, periapical_lesion, quality.noise, …"},
      "severity": {"type": "string", "enum": ["info", "low", "moderate", "high"]},
      "text": {"type": "object", "additionalProperties": false, "minProperties": 1, "description": "By language.",
        "properties": {"en": {"type": "string", "pattern": "[^ \\t\\r\\n]", "maxLength": 2000}, "fr": {"type": "string", "pattern": "[^ \\t\\r\\n]", "maxLength": 2000},
                       "es": {"type": "string", "pattern": "[^ \\t\\r\\n]", "maxLength": 2000}, "zh": {"type": "string", "pattern": "[^ \\t\\r\\n]", "maxLength": 2000}}},
      "recommendation": {"type": "object", "additionalProperties": false, "minProperties": 1, "description": "By language.",
        "properties": {"en": {"type": "string", "pattern": "[^ \\t\\r\\n]", "maxLength": 2000}, "fr": {"type": "string", "pattern": "[^ \\t\\r\\n]", "maxLength": 2000},
                       "es": {"type": "string", "pattern": "[^ \\t\\r\\n]", "maxLength": 2000}, "zh": {"type": "string", "pattern": "[^ \\t\\r\\n]", "maxLength": 2000}}},
      "confidence": {"type": "number", "minimum": 0, "maximum": 1, "description": "Only what the provider gave."},
      "image": {"type": "string", "pattern": "^[0-9.]{1,64}$", "description": "The SOPInstanceUID."},
      "frame": {"type": "integer", "minimum": 1},
      "tooth": {"type": "string", "pattern": "^([1-4][1-8]|[5-8][1-5])$", "description": "FDI (ISO 3950)."},
      "region": {"type": "object", "additionalProperties": false, "required": ["code", "scheme", "meaning"], "description": "Another region, coded.",
        "properties": {"code": {"type": "string", "pattern": "^[A-Za-z0-9.-]{1,16}$"}, "scheme": {"type": "string", "enum": ["SCT", "FMA"]}, "meaning": {"type": "string", "pattern": "[^ \\t\\r\\n]", "maxLength": 64}}},
      "box": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4, "description": "x, y, width, height in pixels of the stored image."},
      "polygon": {"type": "array", "minItems": 3, "maxItems": 1000, "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}, "description": "Pixels of the stored image."},
      "measurements": {"type": "array", "maxItems": 50, "items": {"type": "object", "additionalProperties": false, "required": ["name", "value", "unit"],
        "properties": {"name": {"type": "string", "pattern": "[^ \\t\\r\\n]", "maxLength": 64}, "value": {"type": "number"}, "unit": {"type": "string", "pattern": "^[!-\\[\\]-~]{1,16}$", "description": "UCUM."}}}}
    }
  })");
  return SCHEMA;
}

const Json::Value& ResultSchema()
{
  static const Json::Value SCHEMA = []
  {
    Json::Value schema = JsonLiteral(R"({
      "type": "object", "additionalProperties": false, "required": ["findings"],
      "properties": {
        "findings": {"type": "array", "maxItems": 200},
        "summary": {}
      }
    })");
    schema["properties"]["findings"]["items"] = FindingSchema();
    schema["properties"]["summary"] = FindingSchema()["properties"]["text"];
    return schema;
  }();
  return SCHEMA;
}

void CheckResult(const Json::Value& result, const std::vector<AnalysedImage>& images)
{
  static const JsonSchema CHECK(ResultSchema());
  const auto errors = CHECK.Validate(result);
  if (!errors.empty())
  {
    throw BadInput(fmt::format("{}: {}", errors.front().field, errors.front().message), errors);
  }
  const Json::Value& findings = result["findings"];
  for (Json::ArrayIndex i = 0; i < findings.size(); i++)
  {
    const Json::Value& finding = findings[i];
    const auto fail = [&](const char* field, const char* message)
    {
      const std::string path = fmt::format("findings[{}].{}", i, field);
      throw BadInput(path + ": " + message, {{path, message}});
    };
    const auto image = std::find_if(images.begin(), images.end(),
                                    [&](const AnalysedImage& one)
                                    {
                                      return one.sopInstanceUid == finding["image"].asString() &&
                                             one.frame == finding.get("frame", one.frame).asInt();
                                    });
    if (image == images.end())
    {
      fail("image", "is none of the images that were analysed");
    }
    if (finding.isMember("box"))
    {
      const Json::Value& box = finding["box"];
      Json::Value corner;
      corner.append(box[0].asDouble() + box[2].asDouble());
      corner.append(box[1].asDouble() + box[3].asDouble());
      if (box[2].asDouble() <= 0 || box[3].asDouble() <= 0 || !IsInside(box, *image) ||
          !IsInside(corner, *image))
      {
        fail("box", "lies outside of the image");
      }
    }
    for (const Json::Value& point : finding["polygon"])
    {
      if (!IsInside(point, *image))
      {
        fail("polygon", "lies outside of the image");
      }
    }
  }
}
}  // namespace OrthancClinic::Analysis
