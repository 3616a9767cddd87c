// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Tasks/Jitter.h"

#include <random>

namespace OrthancClinic
{
Milliseconds WithJitter(Milliseconds pause)
{
  thread_local std::minstd_rand random(std::random_device{}());
  return std::chrono::duration_cast<Milliseconds>(pause * std::uniform_real_distribution<>(0.5, 1.5)(random));
}
}  // namespace OrthancClinic
