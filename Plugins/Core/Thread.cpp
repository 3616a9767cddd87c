// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Thread.h"

#include <pthread.h>

#include <csignal>

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
}  // namespace OrthancClinic
