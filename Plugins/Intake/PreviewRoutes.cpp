// SPDX-License-Identifier: GPL-3.0-or-later

#include "PreviewRoutes.h"

#include <fmt/format.h>

#include <chrono>
#include <limits>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr unsigned THUMBNAIL = 200;  // pixels
constexpr double UNSET = std::numeric_limits<double>::quiet_NaN();

std::vector<QueryParameter> WishParameters()
{
  Json::Value presets = JsonLiteral(R"({"type": "string"})");
  for (const WindowPreset& preset : WindowPresets())
  {
    presets["enum"].append(preset.name);
  }
  const Json::Value level = JsonLiteral(R"({"type": "string", "pattern": "^-?[0-9]{1,6}([.][0-9]{1,6})?$"})");
  return {{"size", "Pixels at most on the longer edge",
           JsonLiteral(R"({"type": "integer", "enum": [200, 1024, 2048], "default": 1024})")},
          {"format", "The JPEG is progressive",
           JsonLiteral(R"({"type": "string", "enum": ["jpeg", "png"], "default": "jpeg"})")},
          {"preset", "A window for CT, instead of the image's own", presets},
          {"center", "Window center in what the values measure; with width", level},
          {"width", "Window width; with center", level},
          {"frame", "Of a multi-frame image, from 1; else the middle one",
           JsonLiteral(R"({"type": "integer", "minimum": 1, "maximum": 1000000})")}};
}

PreviewWish ReadWish(const Request& request)
{
  const auto number = [&](const char* name)
  { return request.HasQuery(name) ? std::strtod(request.QueryText(name).c_str(), nullptr) : UNSET; };
  PreviewWish wish;
  wish.longEdge = static_cast<unsigned>(request.QueryInteger("size", 0));
  wish.format = request.QueryText("format") == "png" ? PreviewWish::Format::Png : PreviewWish::Format::Jpeg;
  wish.preset = request.QueryText("preset");
  if (request.HasQuery("center") != request.HasQuery("width"))
  {
    throw BadInput("center and width are given together");
  }
  if (request.HasQuery("center"))
  {
    if (!wish.preset.empty())
    {
      throw BadInput("Either a preset or center and width are given");
    }
    wish.window = Window{number("center"), number("width")};
    if (wish.window->width < 1)
    {
      throw BadInput("width: expected at least 1");
    }
  }
  if (request.HasQuery("frame"))
  {
    wish.frame = static_cast<unsigned>(request.QueryInteger("frame", 1));
  }
  return wish;
}

Response Show(const StudyParts& parts, const Request& request, const Study& study,
              const std::string& orthancInstanceId, const PreviewWish& wish)
{
  // A page of studies shows a hundred pictures, again and again: one look at each study.
  parts.looks.Write(StudyAudit(request, "image.view", study));
  const std::string etag = parts.preview.ETag(orthancInstanceId, wish);
  if (request.Has(etag))
  {
    return Response::Text("", "").ETag(etag);
  }
  const auto image = parts.preview.Make(orthancInstanceId, wish);
  return Response::Text(image->bytes, image->contentType).ETag(image->etag);
}

Response ShowStudy(const StudyParts& parts, const Request& request, const std::string& uid,
                   const PreviewWish& wish)
{
  const Study study = FindStudy(parts, request, uid);
  return Show(parts, request, study, parts.preview.Representative(study), wish);
}
}  // namespace

void AddPreviewRoutes(Router& router, const StudyParts& parts)
{
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/studies/{uid}/preview",
              .permission = Permission::ReadImages,
              .summary = "A picture of the study: the middle image of its largest series",
              .query = WishParameters(),
              .handler = [parts](const Request& request)
              { return ShowStudy(parts, request, request.Path("uid"), ReadWish(request)); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/instances/{id}/preview",
              .permission = Permission::ReadImages,
              .summary = "A picture of one instance, by SOPInstanceUID or Orthanc's id",
              .query = WishParameters(),
              .handler = [parts](const Request& request)
              {
                const PreviewWish wish = ReadWish(request);
                request.Scope();
                const std::string id = FindInstance(parts.orthanc, request.Path("id"));
                return Show(parts, request, FindStudyOfInstance(parts, request, id), id, wish);
              }});

  for (const char* const path :
       {"/api/v1/dicom/studies/{study_uid}/thumbnail", "/api/v1/dicom/thumbnail/{study_uid}"})
  {
    router.Add({.method = HttpMethod::Get,
                .path = path,
                .permission = Permission::ReadImages,
                .summary = "A PNG of at most 200 pixels",
                .handler = [parts](const Request& request)
                {
                  return ShowStudy(parts, request, request.Path("study_uid"),
                                   {.longEdge = THUMBNAIL, .format = PreviewWish::Format::Png});
                }});
  }
}

std::string PreviewMetrics(const Preview& preview)
{
  const Preview::Statistics statistics = preview.Count();
  std::string text;
  const auto add = [&](const char* name, const char* type, const char* help, auto value)
  {
    text += fmt::format(
        "# HELP orthanc_clinic_preview_{0} {2}\n# TYPE orthanc_clinic_preview_{0} {1}\n"
        "orthanc_clinic_preview_{0} {3}\n",
        name, type, help, value);
  };
  add("cache_hits_total", "counter", "Pictures that were there already.", statistics.cache.hits);
  add("cache_misses_total", "counter", "Pictures that were not.", statistics.cache.misses);
  add("cache_evicted_total", "counter", "Pictures that made room for others.", statistics.cache.evicted);
  add("cache_images", "gauge", "Pictures that are kept.", statistics.cache.images);
  add("cache_bytes", "gauge", "Bytes of the pictures that are kept.", statistics.cache.bytes);
  add("rendered_total", "counter", "Pictures that were made.", statistics.rendered);
  add("failed_total", "counter", "Pictures that could not be made.", statistics.failed);
  add("rendering_seconds_total", "counter", "Time that making them took.",
      std::chrono::duration<double>(statistics.renderingTime).count());
  return text;
}
}  // namespace OrthancClinic::Intake
