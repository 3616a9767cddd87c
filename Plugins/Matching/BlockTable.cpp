// SPDX-License-Identifier: GPL-3.0-or-later

#include "BlockTable.h"

#include <algorithm>

namespace OrthancClinic::Matching
{
void BlockTable::Add(uint64_t hash, uint32_t entry)
{
  recent_[static_cast<uint32_t>(hash)].push_back(entry);
  recentSize_++;
}

void BlockTable::Sort()
{
  std::sort(sorted_.begin(), sorted_.end(),
            [](const Item& a, const Item& b) { return a.key != b.key ? a.key < b.key : a.entry < b.entry; });
  constexpr size_t BUCKETS = size_t{1} << (32 - BUCKET_SHIFT);
  starts_.assign(BUCKETS + 1, static_cast<uint32_t>(sorted_.size()));
  size_t bucket = 0;
  for (size_t i = 0; i < sorted_.size(); i++)
  {
    for (; bucket <= sorted_[i].key >> BUCKET_SHIFT; bucket++)
    {
      starts_[bucket] = static_cast<uint32_t>(i);
    }
  }
}
}  // namespace OrthancClinic::Matching
