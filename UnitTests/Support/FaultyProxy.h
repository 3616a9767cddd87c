// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stands between a client and a real HTTP server on loopback, and does what bad servers and networks do: one
// planned fault for each PUT or POST with a body, then none. Everything else passes as it is.

#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace OrthancClinic::Testing
{
enum class Fault
{
  None,
  InternalError,  // 500
  SlowDown,       // 503 as S3 says it
  Forbidden,      // 403
  Reset,          // the connection breaks in the middle of the body
  Hang,           // no answer, ever
  WrongChecksum,  // stored, but the answer has another checksum
  Swallow,        // answered as if it were stored, with the right checksum, but it is not
  Truncate        // half of the answer
};

class FaultyProxy
{
public:
  explicit FaultyProxy(uint16_t upstream);
  ~FaultyProxy();

  uint16_t Port() const { return port_; }
  void Plan(std::vector<Fault> faults);

  // Whether an upload waits now for the answer that never comes.
  bool IsHanging() const { return hanging_ > 0; }

  // How many bodies were passed on to the server.
  int Uploads() const { return uploads_; }

private:
  void Accept();
  void Serve(int client);
  Fault NextFault();

  const uint16_t upstream_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> hanging_{0};
  std::atomic<int> uploads_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::deque<Fault> faults_;
  std::vector<std::thread> clients_;
  std::thread thread_;
};
}  // namespace OrthancClinic::Testing
