// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/Wait.h"

#include <thread>

namespace OrthancClinic::Testing
{
bool WaitUntil(const std::function<bool()>& predicate, std::chrono::milliseconds timeout)
{
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!predicate())
  {
    if (std::chrono::steady_clock::now() >= end)
    {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}
}  // namespace OrthancClinic::Testing
