// SPDX-License-Identifier: GPL-3.0-or-later
//
// Starts the bundle's background threads: each has a name that `top -H` shows.

#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "Core/Api.h"

namespace OrthancClinic
{
// `name` is at most 15 characters. `body` must not throw. Signals are blocked in the thread: they belong to
// Orthanc.
ORTHANC_CLINIC_API std::thread StartThread(const std::string& name, std::function<void()> body);

// Does something again and again, and goes on when it fails. Start and Stop from one thread.
class ORTHANC_CLINIC_API PeriodicThread
{
public:
  ~PeriodicThread();  // stops

  // `body` runs at once, then after each period; what it uses outlives the thread. When it throws, the log
  // gets `complaint` and why, but not again as long as it fails for the same reason.
  void Start(const std::string& name, std::chrono::milliseconds period, const std::string& complaint,
             std::function<void()> body);

  // Wakes the thread at once and waits until it has ended.
  void Stop();

private:
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};
}  // namespace OrthancClinic
