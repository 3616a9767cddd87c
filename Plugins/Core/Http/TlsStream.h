// SPDX-License-Identifier: GPL-3.0-or-later
//
// Bytes over TLS to a server that is not HTTP (syslog). The server's certificate is verified.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "Core/Api.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API TlsStream
{
public:
  // Connects; throws Unavailable. `certificateAuthorities` is a PEM file; empty: the system's.
  TlsStream(const std::string& host, int port, const std::string& certificateAuthorities);
  ~TlsStream();

  // All of it, within 30 seconds; throws Unavailable.
  void Send(std::string_view bytes);

private:
  std::unique_ptr<void, void (*)(void*)> curl_;
};
}  // namespace OrthancClinic
