// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a person sees of an instance: rendered (rescale, window or VOI LUT, MONOCHROME1, palettes), made
// smaller, encoded, and kept for the next who asks. Where an image cannot be shown, it says why; it never
// shows another one in its place.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "Core/Dicom/Image.h"
#include "Core/Dicom/XrayType.h"
#include "Core/Orthanc.h"
#include "Core/Records/Study.h"
#include "PreviewCache.h"
#include "PreviewWindow.h"

namespace OrthancClinic::Intake
{
// How somebody wants to see an image.
struct PreviewWish
{
  enum class Format
  {
    Jpeg,  // progressive
    Png
  };

  unsigned longEdge = 1024;  // pixels at most on the longer edge; 0: as many as the image has
  Format format = Format::Jpeg;
  std::string preset = {};             // a WindowPreset's name
  std::optional<Window> window = {};   // instead of what the image says; neither this nor that: its own
  std::optional<unsigned> frame = {};  // from 1; nothing: the middle one
};

// Thread-safe.
class Preview
{
public:
  struct Statistics
  {
    PreviewCache::Statistics cache;
    uint64_t rendered = 0;
    uint64_t failed = 0;  // images that cannot be shown
    std::chrono::nanoseconds renderingTime{0};
  };

  Preview(IOrthanc& orthanc, IImageCodec& codec, size_t cacheBytes);

  // Throws NotFound if Orthanc does not have the instance; BadInput that names a field (422) if it cannot be
  // shown, or not so.
  std::shared_ptr<const PreviewImage> Make(const std::string& orthancInstanceId, const PreviewWish& wish);

  // The validator that Make would give: cheap, nothing is rendered. Throws NotFound.
  std::string ETag(const std::string& orthancInstanceId, const PreviewWish& wish);

  // The instance that stands for a study: the middle one of its largest series of images. Throws BadInput
  // that names a field (422) if the study has no image.
  std::string Representative(const Study& study);

  Statistics Count() const;

private:
  // What Orthanc stores of an instance now.
  struct Content
  {
    std::string key;  // changes with the bytes
    int64_t size = 0;
  };

  Content Look(const std::string& orthancInstanceId);
  PreviewImage Render(const std::string& orthancInstanceId, const Content& content, const PreviewWish& wish);
  std::string FindRepresentative(const std::string& orthancStudyId);

  IOrthanc& orthanc_;
  IImageCodec& codec_;
  const std::vector<XrayTypeRule> xrayTypes_;
  PreviewCache cache_;

  mutable std::mutex mutex_;
  std::condition_variable done_;
  std::set<std::string> rendering_;  // an image that two ask for at once is rendered once
  int64_t renderingBytes_ = 0;       // of the files that are being rendered: bounds the memory
  uint64_t rendered_ = 0;
  uint64_t failed_ = 0;
  std::chrono::nanoseconds renderingTime_{0};
  std::unordered_map<std::string, std::string> representatives_;  // by study and what it had; bounded
};
}  // namespace OrthancClinic::Intake
