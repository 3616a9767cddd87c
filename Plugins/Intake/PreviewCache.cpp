// SPDX-License-Identifier: GPL-3.0-or-later

#include "PreviewCache.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr size_t LARGEST_SHARE = 8;
constexpr size_t OVERHEAD = 512;  // of an entry, besides its texts

size_t SizeOf(const std::string& key, const PreviewImage& image)
{
  return image.bytes.size() + image.contentType.size() + image.etag.size() + 2 * key.size() + OVERHEAD;
}
}  // namespace

std::shared_ptr<const PreviewImage> PreviewCache::Find(const std::string& key)
{
  const std::lock_guard lock(mutex_);
  const auto found = byKey_.find(key);
  if (found == byKey_.end())
  {
    statistics_.misses++;
    return nullptr;
  }
  statistics_.hits++;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->image;
}

void PreviewCache::Put(const std::string& key, std::shared_ptr<const PreviewImage> image)
{
  const size_t size = SizeOf(key, *image);
  const std::lock_guard lock(mutex_);
  if (size > mostBytes_ / LARGEST_SHARE || byKey_.contains(key))
  {
    return;
  }
  entries_.push_front({key, std::move(image)});
  byKey_[key] = entries_.begin();
  statistics_.images++;
  statistics_.bytes += size;
  while (statistics_.bytes > mostBytes_)
  {
    const Entry& last = entries_.back();
    statistics_.bytes -= SizeOf(last.key, *last.image);
    statistics_.images--;
    statistics_.evicted++;
    byKey_.erase(last.key);
    entries_.pop_back();
  }
}

PreviewCache::Statistics PreviewCache::Count() const
{
  const std::lock_guard lock(mutex_);
  return statistics_;
}
}  // namespace OrthancClinic::Intake
