// SPDX-License-Identifier: GPL-3.0-or-later
//
// A PostgreSQL of the tests' own: Debian's binaries, a temporary cluster, a free port on loopback, no
// password. It runs as the user "postgres" when the tests run as root (PostgreSQL refuses root). fsync is
// off: it survives being killed, not a power cut.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "Support/Files.h"
#include "Support/Process.h"

namespace OrthancClinic::Testing
{
class PostgresServer
{
public:
  // Makes the cluster and starts it; ready for connections when this returns. Throws std::runtime_error with
  // the server's log if it does not start.
  PostgresServer();
  ~PostgresServer();

  // False where Debian's package "postgresql" is not installed: a test then skips itself.
  static bool IsInstalled();

  // A server for the whole test program, started at the first call.
  static PostgresServer& Shared();

  // A new empty database and its name.
  std::string NewDatabase();

  std::string Url(const std::string& database) const;
  uint16_t Port() const { return port_; }
  std::string Log() const;

  void Start();
  void Stop();   // "fast": open connections are cut
  void Kill9();  // the whole process group, as the kernel's out-of-memory killer would
  void Restart();

private:
  TemporaryDirectory directory_;
  uint16_t port_ = 0;
  int databases_ = 0;
  std::unique_ptr<Process> process_;
};
}  // namespace OrthancClinic::Testing
