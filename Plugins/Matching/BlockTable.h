// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which patients have a blocking key: a sorted array of 8 bytes per entry, and a small table of what came
// since it was sorted. Hashes are kept as 32 bits: the few that collide cost a comparison more, and nothing
// else.

#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace OrthancClinic::Matching
{
class BlockTable
{
public:
  void Add(uint64_t hash, uint32_t entry);

  // Calls `visit(entry)` for every entry that was added with the hash; with entries of removed patients,
  // which the caller knows.
  template <typename Visit>
  void ForEach(uint64_t hash, Visit&& visit) const
  {
    const auto key = static_cast<uint32_t>(hash);
    if (!starts_.empty())
    {
      const uint32_t bucket = key >> BUCKET_SHIFT;
      for (uint32_t i = starts_[bucket]; i < starts_[bucket + 1]; i++)
      {
        if (sorted_[i].key == key)
        {
          visit(sorted_[i].entry);
        }
      }
    }
    if (const auto recent = recent_.find(key); recent != recent_.end())
    {
      for (const uint32_t entry : recent->second)
      {
        visit(entry);
      }
    }
  }

  // How many entries ForEach would visit.
  size_t Count(uint64_t hash) const
  {
    size_t count = 0;
    ForEach(hash, [&](uint32_t) { count++; });
    return count;
  }

  bool WantsSorting() const { return recentSize_ > 20'000 && recentSize_ > sorted_.size() / 8; }

  // A sorted table with the same content, without the entries for which `drop` holds; `this` is not changed.
  template <typename Drop>
  BlockTable Sorted(Drop&& drop) const
  {
    BlockTable table;
    table.sorted_.reserve(sorted_.size() + recentSize_);
    for (const Item& item : sorted_)
    {
      if (!drop(item.entry))
      {
        table.sorted_.push_back(item);
      }
    }
    for (const auto& [key, entries] : recent_)
    {
      for (const uint32_t entry : entries)
      {
        if (!drop(entry))
        {
          table.sorted_.push_back({key, entry});
        }
      }
    }
    table.Sort();
    return table;
  }

private:
  struct Item
  {
    uint32_t key;
    uint32_t entry;
  };

  static constexpr int BUCKET_SHIFT = 11;  // 2^21 buckets: a handful of items each at a million patients

  void Sort();

  std::vector<Item> sorted_;
  std::vector<uint32_t> starts_;  // of each bucket in sorted_; empty before the first sorting
  std::unordered_map<uint32_t, std::vector<uint32_t>> recent_;
  size_t recentSize_ = 0;
};
}  // namespace OrthancClinic::Matching
