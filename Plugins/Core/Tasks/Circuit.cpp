// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Tasks/Circuit.h"

#include <algorithm>

#include "Core/Tasks/Jitter.h"

namespace OrthancClinic
{
namespace
{
constexpr int FAILURES = 3;
constexpr Milliseconds SHORTEST_PAUSE(5'000);
constexpr Milliseconds LONGEST_PAUSE(300'000);
}  // namespace

std::optional<Timestamp> Circuit::OpenUntil() const
{
  const std::lock_guard lock(mutex_);
  return until_ && Now() < *until_ ? until_ : std::nullopt;
}

void Circuit::Succeeded()
{
  const std::lock_guard lock(mutex_);
  failures_ = 0;
  until_.reset();
}

void Circuit::Failed(std::optional<std::chrono::seconds> retryAfter)
{
  const std::lock_guard lock(mutex_);
  failures_++;
  if (failures_ >= FAILURES)
  {
    const auto pause = std::min(SHORTEST_PAUSE * (1 << std::min(failures_ - FAILURES, 10)), LONGEST_PAUSE);
    until_ = Now() + WithJitter(pause);
  }
  if (retryAfter)
  {
    until_ = std::max(until_.value_or(Timestamp{}), Now() + *retryAfter);
  }
}
}  // namespace OrthancClinic
