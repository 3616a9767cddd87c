// SPDX-License-Identifier: GPL-3.0-or-later
//
// So much a minute, by whom it comes from.

#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "Core/Api.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
// Thread-safe.
class ORTHANC_CLINIC_API RateLimit
{
public:
  explicit RateLimit(int perMinute) : perMinute_(perMinute) {}

  // Takes one; if there is none left, how long to wait.
  std::optional<std::chrono::seconds> Take(const std::string& who);

  // Whether there is none left; takes nothing.
  bool IsSpent(const std::string& who);

private:
  const int perMinute_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::pair<Timestamp, int>> counts_;  // since when, and how many
};
}  // namespace OrthancClinic
