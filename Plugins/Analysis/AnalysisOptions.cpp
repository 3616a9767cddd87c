// SPDX-License-Identifier: GPL-3.0-or-later

#include "AnalysisOptions.h"

#include <fmt/format.h>

#include <algorithm>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Errors.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr int ALL_IMAGES = 10'000;  // of a study; more are sampled

ProviderOptions ReadProvider(const Json::Value& json, const std::string& path)
{
  ProviderOptions provider;
  provider.name = json["Name"].asString();
  provider.type = json["Type"].asString();
  const auto need = [&](const char* key)
  {
    if (json[key].asString().empty())
    {
      throw BadInput(fmt::format("{}.{}: expected with the type {}", path, key, provider.type));
    }
  };
  const bool isDicom = provider.IsDicomNode();
  if (provider.type == "dicom")
  {
    need("Modality");
  }
  else if (provider.type != "quality")
  {
    need("Endpoint");
  }
  if (provider.type == "openai")
  {
    need("Model");
  }
  if (provider.type == "http")
  {
    need("Secret");
  }
  provider.endpoint = json["Endpoint"].asString();
  provider.model = json["Model"].asString();
  provider.apiKey = json["ApiKey"].asString();
  provider.apiKeyHeader = json.get("ApiKeyHeader", provider.apiKeyHeader).asString();
  provider.secret = json["Secret"].asString();
  provider.modality = json["Modality"].asString();
  provider.user = json["User"].asString();
  provider.password = json["Password"].asString();
  provider.resultMinutes = json.get("ResultMinutes", provider.resultMinutes).asInt();
  provider.certificateAuthorities = json["CertificateAuthorities"].asString();
  provider.jurisdiction = json["Jurisdiction"].asString();
  provider.assessment = json["PrivacyImpactAssessment"].asString();
  provider.outsideCanada = json["OutsideCanada"].asBool();
  provider.concurrency = json.get("Concurrency", provider.concurrency).asUInt();
  provider.timeoutSeconds = json.get("TimeoutSeconds", provider.timeoutSeconds).asInt();
  provider.requestsPerMinute = json["RequestsPerMinute"].asInt();
  provider.dailyTokens = json["DailyTokens"].asInt64();
  provider.dailyCost = json["DailyCost"].asDouble();
  provider.inputPrice = json["InputPrice"].asDouble();
  provider.outputPrice = json["OutputPrice"].asDouble();
  if (provider.dailyCost > 0 && provider.inputPrice + provider.outputPrice <= 0)
  {
    throw BadInput(path + ".DailyCost: expected with InputPrice and OutputPrice");
  }
  provider.maximumImages = json.get("MaximumImages", isDicom ? ALL_IMAGES : provider.maximumImages).asInt();
  provider.longEdge = json.get("LongEdge", provider.longEdge).asUInt();
  provider.asJpeg = json["ImageFormat"].asString() == "jpeg";
  provider.sendsDicom = json["Content"].asString() == "dicom";
  provider.overlay = json["Overlay"].asBool();
  provider.burnedIn = json["BurnedInAnnotation"].asBool();
  provider.prompts = json["Prompts"].asString();
  return provider;
}

Rule ReadRule(const Json::Value& json)
{
  Rule rule;
  rule.provider = json["Provider"].asString();
  rule.practices = Texts(json["Practices"]);
  rule.modalities = Texts(json["Modalities"]);
  rule.bodyParts = Texts(json["BodyParts"]);
  rule.xrayTypes = Texts(json["XrayTypes"]);
  rule.stations = Texts(json["Stations"]);
  rule.description = json["Description"].asString();
  if (json.isMember("MinimumAge"))
  {
    rule.minimumAge = json["MinimumAge"].asInt();
  }
  if (json.isMember("MaximumAge"))
  {
    rule.maximumAge = json["MaximumAge"].asInt();
  }
  return rule;
}
}  // namespace

const Json::Value& OptionsSchema()
{
  static const Json::Value SCHEMA = []
  {
    Json::Value schema = JsonLiteral(R"({
      "type": "object",
      "properties": {
        "Providers": {
          "type": "array", "default": [{"Name": "quality", "Type": "quality"}],
          "description": "Who analyses.",
          "items": {
            "type": "object", "additionalProperties": false, "required": ["Name", "Type"],
            "properties": {
              "Name": {"type": "string", "pattern": "^[a-z0-9-]{1,32}$", "description": "Names the provider in the REST API and in tasks: never change it."},
              "Type": {"type": "string", "enum": ["quality", "openai", "http", "dicom", "dicomweb"], "description": "Built in and without a network; a chat endpoint that speaks OpenAI's protocol; a service that speaks ours; a node that takes C-STORE; one that takes STOW-RS."},
              "Endpoint": {"type": "string", "pattern": "^https?://[^ #]+$", "description": "openai: the base URL (`https://api.openai.com/v1`), or the whole one of Azure; http: the URL; dicomweb: the base URL, whose `/studies` takes STOW-RS. `https` unless it is this machine."},
              "Model": {"type": "string", "maxLength": 128, "description": "openai: the model."},
              "ApiKey": {"type": "string", "description": "openai: best as `${VARIABLE}` of the environment."},
              "ApiKeyHeader": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$", "description": "openai: the header of the key (default `Authorization`, as a Bearer token; Azure: `api-key`)."},
              "Secret": {"type": "string", "description": "http: signs the requests."},
              "Modality": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "description": "dicom: its name in Orthanc's `DicomModalities`."},
              "User": {"type": "string", "description": "dicomweb: of Basic authentication."},
              "Password": {"type": "string", "description": "dicomweb: best as `${VARIABLE}` of the environment."},
              "ResultMinutes": {"type": "integer", "minimum": 1, "maximum": 10080, "description": "dicom, dicomweb: until when the result must have come (default 60)."},
              "CertificateAuthorities": {"type": "string", "description": "A PEM file instead of the system's authorities."},
              "Jurisdiction": {"type": "string", "enum": ["QC", "CA"], "description": "Where the host is, if it is none of the known ones."},
              "PrivacyImpactAssessment": {"type": "string", "maxLength": 256, "description": "The reference of the assessment that Law 25 (s. 17) asks for outside Québec."},
              "OutsideCanada": {"type": "boolean", "description": "Permits a host outside Canada, with an assessment; only images without identity are sent anyway."},
              "Concurrency": {"type": "integer", "minimum": 1, "maximum": 32, "description": "Analyses at once (default 2)."},
              "TimeoutSeconds": {"type": "integer", "minimum": 1, "maximum": 3600, "description": "Of a request (default 120)."},
              "RequestsPerMinute": {"type": "integer", "minimum": 1, "maximum": 100000, "description": "At most so many (default: no limit)."},
              "DailyTokens": {"type": "integer", "minimum": 1, "description": "openai: tokens of a day (UTC), after which analyses wait for the next (default: no limit)."},
              "DailyCost": {"type": "number", "minimum": 0, "description": "openai: money of a day, by the prices (default: no limit)."},
              "InputPrice": {"type": "number", "minimum": 0, "description": "openai: of a million tokens that are sent."},
              "OutputPrice": {"type": "number", "minimum": 0, "description": "openai: of a million tokens that are answered."},
              "MaximumImages": {"type": "integer", "minimum": 1, "maximum": 10000, "description": "Images of a study, evenly chosen from what it has (default 4; dicom, dicomweb: 10000)."},
              "LongEdge": {"type": "integer", "minimum": 64, "maximum": 8192, "description": "Pixels of the longer edge of what is sent, at most (default 2048)."},
              "ImageFormat": {"type": "string", "enum": ["png", "jpeg"], "description": "Of what is sent (default png)."},
              "BurnedInAnnotation": {"type": "boolean", "description": "Sends also images whose pixels may carry text or a face: BurnedInAnnotation or RecognizableVisualFeatures YES, ultrasound, secondary captures (default false)."},
              "Content": {"type": "string", "enum": ["images", "dicom"], "description": "http: what is sent, rendered images or de-identified DICOM (default images)."},
              "Overlay": {"type": "boolean", "description": "Stores the images with the findings drawn into them, besides the report (default false)."},
              "Prompts": {"type": "string", "description": "openai: a folder whose files `<X-ray type>.<language>.txt` replace ours."}
            }
          }
        },
        "OverlayFont": {
          "type": "string", "default": "/usr/share/fonts/opentype/unifont/unifont.otf",
          "description": "The font of what is drawn into images (Debian: fonts-unifont): scalable, and with the letters of ASCII. Where it lacks those of a practice's language, the label is English."
        },
        "Rules": {
          "type": "array", "default": [],
          "description": "Which studies are analysed without being asked for, once they are complete. What is not given does not restrict.",
          "items": {
            "type": "object", "additionalProperties": false, "required": ["Provider"],
            "properties": {
              "Provider": {"type": "string", "description": "The name of a provider."},
              "Practices": {"type": "array", "items": {"type": "string"}, "description": "Their ids."},
              "Modalities": {"type": "array", "items": {"type": "string"}, "description": "One of them is in the study."},
              "BodyParts": {"type": "array", "items": {"type": "string"}, "description": "BodyPartExamined."},
              "XrayTypes": {"type": "array", "items": {"type": "string", "enum": ["panoramic", "bitewing", "periapical", "cephalometric", "cbct", "other"]}, "description": "See XrayTypes."},
              "Stations": {"type": "array", "items": {"type": "string"}, "description": "AE titles of the modalities."},
              "Description": {"type": "string", "description": "Part of the StudyDescription, whatever its case and accents."},
              "MinimumAge": {"type": "integer", "minimum": 0, "maximum": 150, "description": "Years of the patient at the study."},
              "MaximumAge": {"type": "integer", "minimum": 0, "maximum": 150, "description": "Years of the patient at the study."}
            }
          }
        },
        "XrayTypes": {
          "type": "array",
          "description": "How the kind of a dental X-ray is recognised: the first line that fits decides. The default is in XrayType.cpp.",
          "items": {
            "type": "object", "additionalProperties": false, "required": ["Type"],
            "properties": {
              "Type": {"type": "string", "enum": ["panoramic", "bitewing", "periapical", "cephalometric", "cbct", "other"], "description": "What the image is."},
              "Modalities": {"type": "array", "items": {"type": "string"}, "description": "Modality."},
              "SopClasses": {"type": "array", "items": {"type": "string"}, "description": "SOPClassUID."},
              "Words": {"type": "array", "items": {"type": "string"}, "description": "One is part of the view, the region, the descriptions or the device's model, whatever its case and accents."},
              "MinimumAspect": {"type": "number", "minimum": 0, "description": "Columns by rows."},
              "MaximumAspect": {"type": "number", "minimum": 0, "description": "Columns by rows."}
            }
          }
        },
        "XrayWaitSeconds": {
          "type": "integer", "minimum": 1, "maximum": 300, "default": 60,
          "description": "How long `POST /api/dental/xrays/{id}/analyze` waits for the result before it answers 202."
        },
        "HomeJurisdiction": {
          "type": "string", "enum": ["QC", "CA"], "default": "QC",
          "description": "QC: images may be sent within Québec, and elsewhere in Canada with the reference of a privacy impact assessment. CA: anywhere in Canada (for clinics of other provinces)."
        }
      }
    })");
    return schema;
  }();
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value section = configuration.Section("Analysis", OptionsSchema());
  Options options;
  options.residency.home = section["HomeJurisdiction"].asString();
  options.overlayFont = section["OverlayFont"].asString();
  options.xrayWaitSeconds = section["XrayWaitSeconds"].asInt();
  const auto has = [&](const std::string& name)
  {
    return std::any_of(options.providers.begin(), options.providers.end(),
                       [&](const ProviderOptions& provider) { return provider.name == name; });
  };
  for (Json::ArrayIndex i = 0; i < section["Providers"].size(); i++)
  {
    const std::string path = fmt::format("Clinic.Analysis.Providers[{}]", i);
    ProviderOptions provider = ReadProvider(section["Providers"][i], path);
    if (has(provider.name))
    {
      throw BadInput(path + ".Name: expected a name that no other provider has");
    }
    options.providers.push_back(std::move(provider));
  }
  for (Json::ArrayIndex i = 0; i < section["Rules"].size(); i++)
  {
    options.rules.push_back(ReadRule(section["Rules"][i]));
    if (!has(options.rules.back().provider))
    {
      throw BadInput(fmt::format("Clinic.Analysis.Rules[{}].Provider: expected the name of a provider", i));
    }
  }
  options.xrayTypes =
      ReadXrayTypes(section.isMember("XrayTypes") ? section["XrayTypes"] : DefaultXrayTypes());
  return options;
}
}  // namespace OrthancClinic::Analysis
