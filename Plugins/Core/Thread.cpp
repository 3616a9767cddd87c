// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Thread.h"

#include <pthread.h>

#include <csignal>
#include <exception>

#include "Core/Log.h"

namespace OrthancClinic
{
std::thread StartThread(const std::string& name, std::function<void()> body)
{
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  return thread;
}

PeriodicThread::~PeriodicThread()
{
  Stop();
}

void PeriodicThread::Start(const std::string& name, std::chrono::milliseconds period,
                           const std::string& complaint, std::function<void()> body)
{
  stopping_ = false;
  thread_ = StartThread(name,
                        [this, period, complaint, body = std::move(body)]
                        {
                          std::string previous;
                          std::unique_lock lock(mutex_);
                          while (!stopping_)
                          {
                            lock.unlock();
                            std::string why;
                            try
                            {
                              body();
                            }
                            catch (const std::exception& error)
                            {
                              why = error.what();
                            }
                            if (!why.empty() && why != previous)
                            {
                              LogWarning(complaint + ": " + why);
                            }
                            previous = why;
                            lock.lock();
                            stop_.wait_for(lock, period, [this] { return stopping_; });
                          }
                        });
}

void PeriodicThread::Stop()
{
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable())
  {
    thread_.join();
  }
}
}  // namespace OrthancClinic
