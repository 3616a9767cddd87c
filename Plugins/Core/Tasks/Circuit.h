// SPDX-License-Identifier: GPL-3.0-or-later
//
// A circuit breaker for somebody else's server: after some failures in a row it is left alone, from seconds
// to minutes, so that neither it nor our workers drown in tries.

#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "Core/Api.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API Circuit
{
public:
  // Until when the server is to be left alone; nothing if it may be called.
  std::optional<Timestamp> OpenUntil() const;

  void Succeeded();

  // `retryAfter`: how long the server asked for.
  void Failed(std::optional<std::chrono::seconds> retryAfter = {});

private:
  mutable std::mutex mutex_;
  int failures_ = 0;  // in a row; guarded by mutex_, as the next
  std::optional<Timestamp> until_;
};
}  // namespace OrthancClinic
