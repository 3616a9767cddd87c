// SPDX-License-Identifier: GPL-3.0-or-later

#include "RemoteAssociation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>

namespace OrthancClinic::Intake
{
namespace
{
using Clock = std::chrono::steady_clock;

// PS3.8 9.3: the types of PDU.
constexpr unsigned char ASSOCIATE_RQ = 0x01;
constexpr unsigned char ASSOCIATE_AC = 0x02;
constexpr unsigned char ASSOCIATE_RJ = 0x03;
constexpr unsigned char ABORT = 0x07;

class Socket
{
public:
  explicit Socket(int handle) : handle_(handle) {}
  ~Socket()
  {
    if (handle_ >= 0)
    {
      close(handle_);
    }
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int Handle() const { return handle_; }

private:
  const int handle_;
};

bool Await(int handle, short events, Clock::time_point until)
{
  for (;;)
  {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd waited{handle, events, 0};
    const int ready = poll(&waited, 1, static_cast<int>(std::max<decltype(left)>(left, 0)));
    if (ready >= 0 || errno != EINTR)
    {
      return ready > 0;
    }
  }
}

std::string BigEndian(unsigned value, int bytes)
{
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
  {
    text += static_cast<char>((value >> shift) & 0xFF);
  }
  return text;
}

std::string Item(unsigned char type, const std::string& content)
{
  return std::string(1, static_cast<char>(type)) + '\0' +
         BigEndian(static_cast<unsigned>(content.size()), 2) + content;
}

std::string Padded(std::string title)
{
  title.resize(16, ' ');
  return title;
}

// Table 9-11, with Verification as the only presentation context.
std::string ProposedAssociation(const AssociationRequest& request)
{
  const std::string context =
      std::string("\1\0\0\0", 4) + Item(0x30, "1.2.840.10008.1.1") + Item(0x40, "1.2.840.10008.1.2");
  const std::string user = Item(0x51, BigEndian(16'384, 4)) + Item(0x52, "2.25.1");
  const std::string body = BigEndian(1, 2) + std::string(2, '\0') + Padded(request.calledAe) +
                           Padded(request.callingAe) + std::string(32, '\0') +
                           Item(0x10, "1.2.840.10008.3.1.1.1") + Item(0x20, context) + Item(0x50, user);
  return std::string(1, static_cast<char>(ASSOCIATE_RQ)) + '\0' +
         BigEndian(static_cast<unsigned>(body.size()), 4) + body;
}

// Table 9-21: the source and the reason of a rejection.
std::string Rejection(const AssociationRequest& request, unsigned char source, unsigned char reason)
{
  if (source == 1 && reason == 3)
  {
    return fmt::format("The server does not know the calling AE title {}: it must be told of this Orthanc",
                       request.callingAe);
  }
  if (source == 1 && reason == 7)
  {
    return fmt::format("The server does not answer to the called AE title {}", request.calledAe);
  }
  if (source == 3)
  {
    return "The server is too busy for another association";
  }
  return fmt::format("The server rejects the association (source {}, reason {} of PS3.8 table 9-21)", source,
                     reason);
}

std::string Talk(const Socket& socket, const AssociationRequest& request, Clock::time_point until)
{
  const std::string silence = fmt::format("Something listens at {}:{}, but it did not answer within {} s",
                                          request.host, request.port, request.timeout.count());
  const std::string proposal = ProposedAssociation(request);
  if (!Await(socket.Handle(), POLLOUT, until) || send(socket.Handle(), proposal.data(), proposal.size(),
                                                      MSG_NOSIGNAL) != static_cast<ssize_t>(proposal.size()))
  {
    return silence;
  }
  // The first ten bytes are all of a rejection, and enough of an acceptance.
  std::array<unsigned char, 10> answer{};
  for (size_t read = 0; read < answer.size();)
  {
    if (!Await(socket.Handle(), POLLIN, until))
    {
      return silence;
    }
    const ssize_t got = recv(socket.Handle(), answer.data() + read, answer.size() - read, 0);
    if (got <= 0)
    {
      return "The server closes the connection: it may not speak DICOM there, or not without TLS";
    }
    read += static_cast<size_t>(got);
  }
  switch (answer[0])
  {
    case ASSOCIATE_AC:
    {
      const std::string abort = std::string("\7\0\0\0\0\4\0\0\0\0", 10);
      (void)send(socket.Handle(), abort.data(), abort.size(), MSG_NOSIGNAL);
      return "";
    }
    case ASSOCIATE_RJ:
      return Rejection(request, answer[8], answer[9]);
    case ABORT:
      return "The server aborts the association";
    default:
      return fmt::format("What listens at {}:{} does not speak DICOM", request.host, request.port);
  }
}
}  // namespace

std::string WhyNoAssociation(const AssociationRequest& request)
{
  const auto until = Clock::now() + request.timeout;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(request.host.c_str(), std::to_string(request.port).c_str(), &hints, &found) != 0)
  {
    return "The name " + request.host + " leads to no address";
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  std::string why;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next)
  {
    const Socket socket(::socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                 address->ai_protocol));
    int error = 0;
    if (connect(socket.Handle(), address->ai_addr, address->ai_addrlen) != 0)
    {
      error = errno;
    }
    if (error == EINPROGRESS)
    {
      socklen_t size = sizeof(error);
      error = ETIMEDOUT;
      if (Await(socket.Handle(), POLLOUT, until))
      {
        getsockopt(socket.Handle(), SOL_SOCKET, SO_ERROR, &error, &size);
      }
    }
    if (error == 0)
    {
      return Talk(socket, request, until);
    }
    why = error == ECONNREFUSED ? fmt::format("Nothing listens at {}:{}", request.host, request.port)
                                : fmt::format("{}:{} cannot be reached: {}", request.host, request.port,
                                              std::generic_category().message(error));
  }
  return why;
}
}  // namespace OrthancClinic::Intake
