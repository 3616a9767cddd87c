// SPDX-License-Identifier: GPL-3.0-or-later
//
// An HTTP server on loopback that does what the test says: it stands for systems that are not ours (a cloud's
// metadata service, a provider of analyses, a CRM). What is no HTTP/1.1 is refused.

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace OrthancClinic::Testing
{
struct ServedRequest
{
  std::string method;
  std::string target;                          // path and query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct ServedReply
{
  int status = 200;
  std::string body = {};
  std::string contentType = "application/json";
  std::map<std::string, std::string> headers = {};
  std::chrono::milliseconds perByte{0};  // of the body: a server that drips
};

class HttpServer
{
public:
  using Handler = std::function<ServedReply(const ServedRequest&)>;

  // `handler` is called from several threads. `port` 0: a free one.
  explicit HttpServer(Handler handler, uint16_t port = 0);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t Port() const { return port_; }
  std::string Url(const std::string& path = "") const;

  // What came so far.
  std::vector<ServedRequest> Requests() const;

private:
  void Accept();
  void Serve(int connection);

  const Handler handler_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<ServedRequest> requests_;  // guarded by mutex_, as what follows
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};
}  // namespace OrthancClinic::Testing
