// SPDX-License-Identifier: GPL-3.0-or-later
//
// GCC 12's thread sanitizer does not know pthread_mutex_clocklock, by which std::timed_mutex locks: it would
// take every such lock for none. Under the sanitizer, this one is called instead; it locks in a way that is
// known.

#if defined(__SANITIZE_THREAD__)

#include <pthread.h>
#include <time.h>

extern "C" __attribute__((visibility("default"))) int pthread_mutex_clocklock(pthread_mutex_t* mutex,
                                                                              clockid_t clock,
                                                                              const timespec* until)
{
  timespec now{};
  timespec deadline{};
  clock_gettime(clock, &now);
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += until->tv_sec - now.tv_sec;
  deadline.tv_nsec += until->tv_nsec - now.tv_nsec;
  while (deadline.tv_nsec < 0)
  {
    deadline.tv_nsec += 1'000'000'000;
    deadline.tv_sec--;
  }
  while (deadline.tv_nsec >= 1'000'000'000)
  {
    deadline.tv_nsec -= 1'000'000'000;
    deadline.tv_sec++;
  }
  return pthread_mutex_timedlock(mutex, &deadline);
}

#endif
