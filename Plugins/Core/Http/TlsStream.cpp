// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/TlsStream.h"

#include <curl/curl.h>
#include <poll.h>

#include <chrono>

#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
constexpr long SECONDS = 30;
}

TlsStream::TlsStream(const std::string& host, int port, const std::string& certificateAuthorities)
    : curl_(curl_easy_init(), curl_easy_cleanup)
{
  // libcurl does the connection and the handshake, and leaves the rest to us.
  CURL* const curl = curl_.get();
  const std::string url = "https://" + host + ":" + std::to_string(port) + "/";
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, SECONDS);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!certificateAuthorities.empty())
  {
    curl_easy_setopt(curl, CURLOPT_CAINFO, certificateAuthorities.c_str());
  }
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK)
  {
    throw Unavailable("No connection to " + host + ": " + curl_easy_strerror(code));
  }
}

TlsStream::~TlsStream() = default;

void TlsStream::Send(std::string_view bytes)
{
  CURL* const curl = curl_.get();
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &socket);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(SECONDS);
  while (!bytes.empty())
  {
    size_t sent = 0;
    const CURLcode code = curl_easy_send(curl, bytes.data(), bytes.size(), &sent);
    bytes.remove_prefix(sent);
    if (code == CURLE_AGAIN && std::chrono::steady_clock::now() < end)
    {
      pollfd waiting{socket, POLLOUT, 0};
      poll(&waiting, 1, 1000);
    }
    else if (code != CURLE_OK)
    {
      throw Unavailable(std::string("The connection broke: ") + curl_easy_strerror(code));
    }
  }
}
}  // namespace OrthancClinic
