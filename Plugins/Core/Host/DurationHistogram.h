// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long something took, counted in buckets without a lock: for the callbacks that every modality waits
// for.

#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace OrthancClinic
{
class DurationHistogram
{
public:
  void Add(std::chrono::nanoseconds duration) noexcept
  {
    size_t bucket = 0;
    while (bucket < BOUNDS.size() && duration > BOUNDS[bucket])
    {
      bucket++;
    }
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(static_cast<uint64_t>(duration.count()), std::memory_order_relaxed);
  }

  // A Prometheus histogram in seconds.
  std::string ToPrometheus(const std::string& name, const std::string& help) const
  {
    std::string text = fmt::format("# HELP {} {}\n# TYPE {} histogram\n", name, help, name);
    uint64_t count = 0;
    for (size_t i = 0; i < BOUNDS.size(); i++)
    {
      count += counts_[i].load(std::memory_order_relaxed);
      text += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name,
                          std::chrono::duration<double>(BOUNDS[i]).count(), count);
    }
    count += counts_.back().load(std::memory_order_relaxed);
    text += fmt::format("{}_bucket{{le=\"+Inf\"}} {}\n{}_sum {}\n{}_count {}\n", name, count, name,
                        static_cast<double>(sum_.load(std::memory_order_relaxed)) / 1e9, name, count);
    return text;
  }

private:
  static constexpr std::array<std::chrono::nanoseconds, 10> BOUNDS = {
      std::chrono::microseconds(1),   std::chrono::microseconds(5),  std::chrono::microseconds(10),
      std::chrono::microseconds(20),  std::chrono::microseconds(50), std::chrono::microseconds(100),
      std::chrono::microseconds(500), std::chrono::milliseconds(1),  std::chrono::milliseconds(10),
      std::chrono::milliseconds(100)};

  std::array<std::atomic<uint64_t>, BOUNDS.size() + 1> counts_{};
  std::atomic<uint64_t> sum_{0};
};
}  // namespace OrthancClinic
