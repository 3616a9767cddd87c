// SPDX-License-Identifier: GPL-3.0-or-later

#include "CharacterSet.h"

#include "Core/Errors.h"
#include "Core/Log.h"
#include "Core/Thread.h"

namespace OrthancClinic::Worklist
{
namespace
{
constexpr std::chrono::seconds PERIOD(1);
}  // namespace

void CharacterSet::Start()
{
  stopping_ = false;
  thread_ = StartThread("worklist", [this] { Follow(); });
}

void CharacterSet::Stop()
{
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakeUp_.notify_all();
  if (thread_.joinable())
  {
    thread_.join();
  }
  claim_.reset();
}

void CharacterSet::Follow()
{
  std::string previous;
  std::unique_lock lock(mutex_);
  while (!stopping_)
  {
    lock.unlock();
    std::string error;
    try
    {
      const bool needed = schedule_.NeedsUtf8();
      if (switches_ && needed != (claim_ != nullptr))
      {
        claim_ = needed ? encoding_.ClaimUtf8() : nullptr;
      }
    }
    catch (const Error& failure)
    {
      error = failure.what();
    }
    if (!error.empty() && error != previous)
    {
      LogWarning("The worklist is not brought up to date: " + error);
    }
    previous = error;
    lock.lock();
    wakeUp_.wait_for(lock, PERIOD, [this] { return stopping_; });
  }
}
}  // namespace OrthancClinic::Worklist
