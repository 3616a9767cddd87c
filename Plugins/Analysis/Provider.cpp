// SPDX-License-Identifier: GPL-3.0-or-later

#include "Provider.h"

#include <fmt/format.h>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Errors.h"
#include "Core/Tasks/TaskWorkers.h"
#include "DicomProvider.h"
#include "HttpProvider.h"
#include "OpenAiProvider.h"
#include "QualityProvider.h"

namespace OrthancClinic::Analysis
{
namespace
{
bool HasWords(const Json::Value& text)
{
  return text.isString() && text.asString().find_first_not_of(" \t\r\n") != std::string::npos;
}
}  // namespace

std::unique_ptr<IProvider> MakeProvider(const ProviderOptions& options, Images& images, IOrthanc& orthanc)
{
  if (options.type == "openai")
  {
    return std::make_unique<OpenAiProvider>(options, images);
  }
  if (options.type == "http")
  {
    return std::make_unique<HttpProvider>(options, images, orthanc);
  }
  if (options.IsDicomNode())
  {
    return std::make_unique<DicomProvider>(options, images, orthanc);
  }
  return std::make_unique<QualityProvider>(images);
}

void CheckBurnedIn(const ProviderOptions& options, const AnalysedImage& image)
{
  const std::string risk = BurnedInRisk(image);
  if (!options.burnedIn && !risk.empty())
  {
    throw MustNotLeave("The images are not sent, they may name the patient: " + risk);
  }
}

// Of the subset that OpenAI's structured outputs take in strict mode: every key required, no further ones,
// null for what is not there (platform.openai.com/docs/guides/structured-outputs). What it cannot say is
// checked in FromWire.
const Json::Value& WireSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object", "additionalProperties": false, "required": ["findings", "summary"],
    "properties": {
      "findings": {"type": "array", "items": {
        "type": "object", "additionalProperties": false,
        "required": ["kind", "severity", "text", "recommendation", "confidence", "image", "tooth", "box"],
        "properties": {
          "kind": {"type": "string", "description": "A short name in lower case: caries, periapical_lesion, bone_loss, impacted_tooth, restoration, …"},
          "severity": {"type": "string", "enum": ["info", "low", "moderate", "high"]},
          "text": {"type": "string", "description": "What is seen, for the dentist, in the language asked for."},
          "recommendation": {"type": ["string", "null"]},
          "confidence": {"type": ["number", "null"], "description": "From 0 to 1; null if you cannot say."},
          "image": {"type": "integer", "description": "Which image, from 1."},
          "tooth": {"type": ["string", "null"], "description": "FDI notation, two digits."},
          "box": {"type": ["array", "null"], "items": {"type": "number"}, "description": "left, top, width, height as shares (0 to 1) of the image's width and height."}
        }}},
      "summary": {"type": ["string", "null"]}
    }
  })");
  return SCHEMA;
}

Json::Value FromWire(const Json::Value& answer, const Question& question)
{
  static const JsonSchema CHECK(WireSchema());
  const auto errors = CHECK.Validate(answer);
  if (!errors.empty())
  {
    throw BadInput(fmt::format("{}: {}", errors.front().field, errors.front().message), errors);
  }
  Json::Value result;
  result["findings"] = Json::arrayValue;
  for (Json::ArrayIndex i = 0; i < answer["findings"].size(); i++)
  {
    const Json::Value& wire = answer["findings"][i];
    const int64_t number = wire["image"].asInt64();
    if (number < 1 || number > static_cast<int64_t>(question.images.size()))
    {
      const std::string path = fmt::format("findings[{}].image", i);
      throw BadInput(path + ": is none of the images that were sent",
                     {{path, "is none of the images that were sent"}});
    }
    const AnalysedImage& image = question.images[static_cast<size_t>(number - 1)];
    Json::Value finding;
    finding["kind"] = wire["kind"];
    finding["severity"] = wire["severity"];
    finding["text"][question.language] = wire["text"];
    finding["image"] = image.sopInstanceUid;
    if (image.numberOfFrames > 1)
    {
      finding["frame"] = image.frame;
    }
    if (HasWords(wire["recommendation"]))
    {
      finding["recommendation"][question.language] = wire["recommendation"];
    }
    for (const char* name : {"confidence", "tooth"})
    {
      if (!wire[name].isNull())
      {
        finding[name] = wire[name];
      }
    }
    if (const Json::Value& box = wire["box"]; !box.isNull())
    {
      for (Json::ArrayIndex side = 0; side < box.size(); side++)
      {
        finding["box"].append(box[side].asDouble() * (side % 2 == 0 ? image.columns : image.rows));
      }
    }
    result["findings"].append(finding);
  }
  if (HasWords(answer["summary"]))
  {
    result["summary"][question.language] = answer["summary"];
  }
  return result;
}
}  // namespace OrthancClinic::Analysis
