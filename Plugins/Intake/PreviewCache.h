// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rendered images in memory, up to so many bytes; the one that was not asked for longest goes first. In
// memory alone: pictures of patients lie nowhere but where Orthanc keeps its images.

#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace OrthancClinic::Intake
{
struct PreviewImage
{
  std::string bytes;
  std::string contentType;
  std::string etag;  // without quotes
};

// Thread-safe.
class PreviewCache
{
public:
  struct Statistics
  {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t evicted = 0;
    uint64_t images = 0;  // now
    uint64_t bytes = 0;   // now

    double HitRate() const  // 0 before the first question
    {
      return hits == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(hits + misses);
    }
  };

  explicit PreviewCache(size_t mostBytes) : mostBytes_(mostBytes) {}

  // Null if it is not there. Counts as a hit or a miss.
  std::shared_ptr<const PreviewImage> Find(const std::string& key);

  // One that is larger than an eighth of the whole is not kept.
  void Put(const std::string& key, std::shared_ptr<const PreviewImage> image);

  Statistics Count() const;

private:
  struct Entry
  {
    std::string key;
    std::shared_ptr<const PreviewImage> image;
  };

  const size_t mostBytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the last used first
  std::unordered_map<std::string, std::list<Entry>::iterator> byKey_;
  Statistics statistics_;
};
}  // namespace OrthancClinic::Intake
