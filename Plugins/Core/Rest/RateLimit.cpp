// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/RateLimit.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t MOST_REMEMBERED = 10'000;
constexpr auto PERIOD = std::chrono::minutes(1);
}  // namespace

std::optional<std::chrono::seconds> RateLimit::Take(const std::string& who)
{
  const std::lock_guard lock(mutex_);
  const Timestamp now = Now();
  if (counts_.size() > MOST_REMEMBERED)
  {
    std::erase_if(counts_, [&](const auto& one) { return now - one.second.first > PERIOD; });
  }
  auto& [since, count] = counts_[who];
  if (now - since > PERIOD)
  {
    since = now;
    count = 0;
  }
  if (++count <= perMinute_)
  {
    return std::nullopt;
  }
  return std::chrono::duration_cast<std::chrono::seconds>(PERIOD - (now - since)) + std::chrono::seconds(1);
}

bool RateLimit::IsSpent(const std::string& who)
{
  const std::lock_guard lock(mutex_);
  const auto known = counts_.find(who);
  return known != counts_.end() && Now() - known->second.first <= PERIOD &&
         known->second.second >= perMinute_;
}
}  // namespace OrthancClinic
