// SPDX-License-Identifier: GPL-3.0-or-later

#include "Preview.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <vector>

#include "Core/Dicom/ImageModality.h"
#include "Core/Dicom/Rendering.h"
#include "Core/Dicom/Tags.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "PreviewJpeg.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr int64_t MOST_RENDERING_BYTES = 256LL << 20;
constexpr int64_t LARGEST_FILE = 1LL << 30;
constexpr int64_t MOST_PIXELS = 400'000'000;
constexpr size_t MOST_REPRESENTATIVES = 200'000;
constexpr const char* VERSION = "1";  // of the rendering: another one makes other images of the same bytes

// The quality of a JPEG by what the image is. Intra-oral images are read for fine lines (caries, root canals,
// files), overviews less so; what is no dental X-ray gets what looks lossless to the eye at its size.
struct Quality
{
  const char* xrayType;
  int quality;
};
constexpr Quality QUALITIES[] = {{"periapical", 95},    {"bitewing", 95}, {"panoramic", 93},
                                 {"cephalometric", 93}, {"cbct", 92},     {"other", 90}};
constexpr int THUMBNAIL_QUALITY = 85;
constexpr unsigned THUMBNAIL_EDGE = 256;
constexpr size_t LARGEST_JPEG = 2'000'000;  // bytes: of a noisy image the quality is lowered until it fits
constexpr int QUALITY_STEP = 7;
constexpr int LOWEST_QUALITY = 60;

int QualityOf(const std::string& xrayType, unsigned longEdge)
{
  if (longEdge != 0 && longEdge <= THUMBNAIL_EDGE)
  {
    return THUMBNAIL_QUALITY;
  }
  for (const Quality& quality : QUALITIES)
  {
    if (xrayType == quality.xrayType)
    {
      return quality.quality;
    }
  }
  return QUALITIES[std::size(QUALITIES) - 1].quality;
}

[[noreturn]] void CannotBeShown(const std::string& why)
{
  throw BadInput("This image cannot be shown", {{"image", why}});
}

int64_t Number(const Json::Value& tags, const char* tag)
{
  const std::string text = Tag(tags, tag);
  return std::strtoll(text.c_str(), nullptr, 10);
}

std::string Signature(const PreviewWish& wish)
{
  std::string text = fmt::format("{}/{}/{}", VERSION, wish.longEdge,
                                 wish.format == PreviewWish::Format::Jpeg ? "jpeg" : "png");
  if (!wish.preset.empty())
  {
    text += "/" + wish.preset;
  }
  if (wish.window)
  {
    text += fmt::format("/{},{}", wish.window->center, wish.window->width);
  }
  if (wish.frame)
  {
    text += fmt::format("/frame {}", *wish.frame);
  }
  return text;
}

std::string ETagOf(const std::string& key)
{
  return Sha256Of(key).substr(0, 32);
}

std::optional<Window> WindowOf(const PreviewWish& wish, const Json::Value& tags)
{
  if (wish.preset.empty())
  {
    return wish.window;
  }
  const WindowPreset* const preset = FindWindowPreset(wish.preset);
  if (preset == nullptr)
  {
    throw BadInput("There is no such window", {{"preset", "unknown"}});
  }
  if (Tag(tags, "0008,0060") != "CT")
  {
    throw BadInput("The windows are for CT, whose values are Hounsfield units",
                   {{"preset", "this image is no CT: ask with center and width"}});
  }
  return preset->window;
}

unsigned FrameOf(const PreviewWish& wish, const Json::Value& tags)
{
  const int64_t frames = std::max<int64_t>(1, Number(tags, "0028,0008"));
  if (!wish.frame)
  {
    return static_cast<unsigned>(frames / 2);
  }
  if (*wish.frame < 1 || *wish.frame > frames)
  {
    throw BadInput("There is no such frame", {{"frame", fmt::format("expected 1 to {}", frames)}});
  }
  return *wish.frame - 1;
}
}  // namespace

Preview::Preview(IOrthanc& orthanc, IImageCodec& codec, size_t cacheBytes)
    : orthanc_(orthanc), codec_(codec), xrayTypes_(ReadXrayTypes(DefaultXrayTypes())), cache_(cacheBytes)
{
}

Preview::Content Preview::Look(const std::string& orthancInstanceId)
{
  // Orthanc gives each file that it stores a new UUID: an instance that is sent again has another one.
  const Json::Value info = orthanc_.Get("/instances/" + orthancInstanceId + "/attachments/dicom/info");
  return {info["Uuid"].asString(), info["UncompressedSize"].asInt64()};
}

std::string Preview::ETag(const std::string& orthancInstanceId, const PreviewWish& wish)
{
  return ETagOf(Look(orthancInstanceId).key + "/" + Signature(wish));
}

std::shared_ptr<const PreviewImage> Preview::Make(const std::string& orthancInstanceId,
                                                  const PreviewWish& wish)
{
  const Content content = Look(orthancInstanceId);
  const std::string key = content.key + "/" + Signature(wish);
  if (auto image = cache_.Find(key))
  {
    return image;
  }
  {
    std::unique_lock lock(mutex_);
    bool waited = false;
    while (rendering_.contains(key) ||
           (!rendering_.empty() && renderingBytes_ + content.size > MOST_RENDERING_BYTES))
    {
      waited = true;
      done_.wait(lock);
    }
    if (waited)
    {
      if (auto image = cache_.Find(key))
      {
        return image;
      }
    }
    rendering_.insert(key);
    renderingBytes_ += content.size;
  }

  const auto begin = std::chrono::steady_clock::now();
  const auto finish = [&](bool rendered)
  {
    const std::lock_guard lock(mutex_);
    rendering_.erase(key);
    renderingBytes_ -= content.size;
    (rendered ? rendered_ : failed_)++;
    renderingTime_ += std::chrono::steady_clock::now() - begin;
    done_.notify_all();
  };
  try
  {
    auto image = std::make_shared<PreviewImage>(Render(orthancInstanceId, content, wish));
    image->etag = ETagOf(key);
    cache_.Put(key, image);
    finish(true);
    return image;
  }
  catch (...)
  {
    finish(false);
    throw;
  }
}

PreviewImage Preview::Render(const std::string& orthancInstanceId, const Content& content,
                             const PreviewWish& wish)
{
  const Json::Value tags = orthanc_.Get("/instances/" + orthancInstanceId + "/tags?short");
  const int64_t columns = Number(tags, "0028,0011");
  const int64_t rows = Number(tags, "0028,0010");
  if (columns <= 0 || rows <= 0)
  {
    CannotBeShown("this instance has no pixels");
  }
  if (columns * rows > MOST_PIXELS || content.size > LARGEST_FILE)
  {
    CannotBeShown("it is too large");
  }
  const unsigned frame = FrameOf(wish, tags);
  const auto window = WindowOf(wish, tags);

  Image stored;
  try
  {
    stored = codec_.DecodeFrame(orthanc_.GetBytes("/instances/" + orthancInstanceId + "/file"), frame);
  }
  catch (const BadInput& error)
  {
    std::string syntax;
    try
    {
      syntax = orthanc_.GetBytes("/instances/" + orthancInstanceId + "/metadata/TransferSyntax");
    }
    catch (const NotFound&)
    {
      syntax = "unknown";
    }
    CannotBeShown(fmt::format("{} (transfer syntax {})", error.what(), syntax));
  }

  Presentation presentation = ReadPresentation(orthanc_, orthancInstanceId, tags);
  if (window)
  {
    presentation.voiLut.reset();
    presentation.center = window->center;
    presentation.width = window->width;
    presentation.function = Presentation::Function::Linear;
  }
  const Image shown = OrthancClinic::Render(stored, presentation, wish.longEdge);
  stored.pixels = std::string();
  if (wish.format == PreviewWish::Format::Png)
  {
    return {codec_.EncodePng(shown), "image/png", ""};
  }
  int quality = QualityOf(XrayTypeOf(xrayTypes_, tags), wish.longEdge);
  std::string bytes = EncodeProgressiveJpeg(shown, quality);
  while (wish.longEdge != 0 && bytes.size() > LARGEST_JPEG && quality > LOWEST_QUALITY)
  {
    quality -= QUALITY_STEP;
    bytes = EncodeProgressiveJpeg(shown, quality);
  }
  return {std::move(bytes), "image/jpeg", ""};
}

std::string Preview::Representative(const Study& study)
{
  const std::string key =
      fmt::format("{}/{}/{}", study.orthancStudyId, study.numberOfInstances, ToString(study.lastInstanceAt));
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = representatives_.find(key); known != representatives_.end())
    {
      return known->second;
    }
  }
  std::string instance = FindRepresentative(study.orthancStudyId);
  const std::lock_guard lock(mutex_);
  if (representatives_.size() >= MOST_REPRESENTATIVES)
  {
    representatives_.clear();
  }
  representatives_[key] = instance;
  return instance;
}

std::string Preview::FindRepresentative(const std::string& orthancStudyId)
{
  const auto text = [](const Json::Value& value) { return value.isString() ? value.asString() : ""; };
  const auto number = [&](const Json::Value& value) { return std::atoi(text(value).c_str()); };

  std::vector<std::tuple<int, int, std::string>> series;  // the largest first, then by number
  for (const Json::Value& one : orthanc_.Get("/studies/" + orthancStudyId + "/series"))
  {
    if (IsImageModality(text(one["MainDicomTags"]["Modality"])))
    {
      series.emplace_back(-static_cast<int>(one["Instances"].size()),
                          number(one["MainDicomTags"]["SeriesNumber"]), one["ID"].asString());
    }
  }
  std::sort(series.begin(), series.end());
  for (const auto& [count, seriesNumber, id] : series)
  {
    std::vector<std::pair<int, std::string>> instances;
    for (const Json::Value& one : orthanc_.Get("/series/" + id + "/instances"))
    {
      instances.emplace_back(number(one["MainDicomTags"]["InstanceNumber"]), one["ID"].asString());
    }
    if (instances.empty())
    {
      continue;
    }
    std::sort(instances.begin(), instances.end());
    std::string middle = instances[instances.size() / 2].second;
    // An encapsulated PDF, a waveform or a raw data set may bear any modality.
    const Json::Value tags = orthanc_.Get("/instances/" + middle + "/tags?short");
    if (Number(tags, "0028,0010") > 0 && Number(tags, "0028,0011") > 0)
    {
      return middle;
    }
  }
  throw BadInput("This study cannot be shown", {{"study", "it has no image"}});
}

Preview::Statistics Preview::Count() const
{
  Statistics statistics;
  statistics.cache = cache_.Count();
  const std::lock_guard lock(mutex_);
  statistics.rendered = rendered_;
  statistics.failed = failed_;
  statistics.renderingTime = renderingTime_;
  return statistics;
}
}  // namespace OrthancClinic::Intake
