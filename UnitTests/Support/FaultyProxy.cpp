// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/FaultyProxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "Core/Digest.h"
#include "Core/LetterCase.h"

namespace OrthancClinic::Testing
{
namespace
{
sockaddr_in Loopback(uint16_t port)
{
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool SendAll(int socket, const std::string& bytes)
{
  size_t sent = 0;
  while (sent < bytes.size())
  {
    const ssize_t count = send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0)
    {
      return false;
    }
    sent += static_cast<size_t>(count);
  }
  return true;
}

// Adds what comes next; false at the end of the stream.
bool Receive(int socket, std::string& into)
{
  char buffer[65536];
  const ssize_t count = recv(socket, buffer, sizeof(buffer), 0);
  if (count <= 0)
  {
    return false;
  }
  into.append(buffer, static_cast<size_t>(count));
  return true;
}

// The value of a header of a message's head; empty if it has none.
std::string HeaderOf(const std::string& head, const std::string& name)
{
  const size_t at = ToLower(head).find("\r\n" + name + ":");
  if (at == std::string::npos)
  {
    return "";
  }
  const size_t begin = head.find_first_not_of(' ', at + name.size() + 3);
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

// As S3 gives the checksum of what it took, and as Azure does.
std::string Checksums(const std::string& bytes)
{
  Digest digest(Digest::Algorithm::Md5);
  digest.Add(bytes);
  const std::string md5 = digest.Bytes();
  return "ETag: \"" + ToHexadecimal(md5) + "\"\r\nContent-MD5: " + ToBase64(md5) + "\r\n";
}

void Reset(int socket)
{
  const linger now{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

std::string Answer(const std::string& status, const std::string& headers, const std::string& body)
{
  return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

std::string StoreError(const std::string& code)
{
  return "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code></Error>";
}
}  // namespace

FaultyProxy::FaultyProxy(uint16_t upstream) : upstream_(upstream)
{
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
  {
    throw std::runtime_error("The proxy cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Accept(); });
}

FaultyProxy::~FaultyProxy()
{
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  close(listener_);
  for (std::thread& client : clients_)
  {
    client.join();
  }
}

void FaultyProxy::Plan(std::vector<Fault> faults)
{
  const std::lock_guard lock(mutex_);
  faults_.assign(faults.begin(), faults.end());
}

Fault FaultyProxy::NextFault()
{
  const std::lock_guard lock(mutex_);
  if (faults_.empty())
  {
    return Fault::None;
  }
  const Fault fault = faults_.front();
  faults_.pop_front();
  return fault;
}

void FaultyProxy::Accept()
{
  while (!stopping_)
  {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0)
    {
      clients_.emplace_back(
          [this, client]
          {
            Serve(client);
            close(client);
          });
    }
  }
}

// One request for each connection.
void FaultyProxy::Serve(int client)
{
  std::string request;
  size_t end = std::string::npos;
  while ((end = request.find("\r\n\r\n")) == std::string::npos)
  {
    if (!Receive(client, request))
    {
      return;
    }
  }
  const std::string head = request.substr(0, end + 2);
  const std::string length = HeaderOf(head, "content-length");
  const size_t bodySize = length.empty() ? 0 : std::stoul(length);
  const bool isUpload = bodySize > 0 && (head.starts_with("PUT") || head.starts_with("POST"));
  const Fault fault = isUpload ? NextFault() : Fault::None;
  if (!HeaderOf(head, "expect").empty())
  {
    SendAll(client, "HTTP/1.1 100 Continue\r\n\r\n");
  }
  const size_t wanted = end + 4 + (fault == Fault::Reset ? bodySize / 2 : bodySize);
  while (request.size() < wanted)
  {
    if (!Receive(client, request))
    {
      return;
    }
  }
  const std::string body = request.substr(end + 4);
  switch (fault)
  {
    case Fault::InternalError:
      SendAll(client, Answer("500 Internal Server Error", "", StoreError("InternalError")));
      return;
    case Fault::SlowDown:
      SendAll(client, Answer("503 Slow Down", "Retry-After: 1\r\n", StoreError("SlowDown")));
      return;
    case Fault::Forbidden:
      SendAll(client, Answer("403 Forbidden", "", StoreError("AccessDenied")));
      return;
    case Fault::Swallow:
      SendAll(client, Answer("200 OK", Checksums(body), ""));
      return;
    case Fault::Reset:
      Reset(client);
      return;
    case Fault::Hang:
      hanging_++;
      for (bool waits = true; waits && !stopping_;)
      {
        pollfd waiting{client, POLLIN, 0};
        waits = poll(&waiting, 1, 100) <= 0;  // until the client gives up
      }
      hanging_--;
      return;
    default:
      break;
  }
  if (isUpload)
  {
    uploads_++;
  }

  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(upstream_);
  std::string answer;
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      SendAll(server, head + "Connection: close\r\n\r\n" + body))
  {
    while (Receive(server, answer))
    {
    }
  }
  close(server);
  if (fault == Fault::WrongChecksum)
  {
    for (const char* name : {"etag", "content-md5"})
    {
      if (const std::string value = HeaderOf(answer, name); !value.empty())
      {
        char& letter = answer[answer.find(value) + 1];  // of S3, behind a quote
        letter = letter == '0' ? '1' : '0';
      }
    }
  }
  if (fault == Fault::Truncate)
  {
    answer.resize(answer.size() / 2);
  }
  SendAll(client, answer);
}
}  // namespace OrthancClinic::Testing
