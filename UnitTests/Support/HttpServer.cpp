// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/HttpServer.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <sstream>
#include <stdexcept>

#include "Core/LetterCase.h"

namespace OrthancClinic::Testing
{
namespace http = boost::beast::http;

namespace
{
constexpr uint64_t LARGEST_BODY = uint64_t{1} << 30;
}  // namespace

HttpServer::HttpServer(Handler handler, uint16_t port) : handler_(std::move(handler))
{
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
  {
    throw std::runtime_error("The test's server cannot listen");
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { Accept(); });
}

HttpServer::~HttpServer()
{
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  close(listener_);
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    for (const int connection : connections_)
    {
      shutdown(connection, SHUT_RDWR);
    }
    threads.swap(threads_);
  }
  for (std::thread& thread : threads)
  {
    thread.join();
  }
}

std::string HttpServer::Url(const std::string& path) const
{
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

std::vector<ServedRequest> HttpServer::Requests() const
{
  const std::lock_guard lock(mutex_);
  return requests_;
}

void HttpServer::Accept()
{
  while (!stopping_)
  {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0)
    {
      const std::lock_guard lock(mutex_);
      connections_.push_back(connection);
      threads_.emplace_back([this, connection] { Serve(connection); });
    }
  }
}

void HttpServer::Serve(int connection)
{
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket stream(context);
  stream.assign(boost::asio::ip::tcp::v4(), connection);
  boost::beast::flat_buffer buffer;
  boost::beast::error_code error;
  while (!stopping_)
  {
    http::request_parser<http::string_body> parser;
    parser.body_limit(LARGEST_BODY);
    http::read(stream, buffer, parser, error);
    if (error)
    {
      break;
    }
    const auto& message = parser.get();
    ServedRequest request{
        std::string(message.method_string()), std::string(message.target()), {}, message.body()};
    for (const auto& field : message)
    {
      request.headers[ToLower(std::string(field.name_string()))] = std::string(field.value());
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const ServedReply reply = handler_(request);
    http::response<http::string_body> response(static_cast<http::status>(reply.status), 11, reply.body);
    response.set(http::field::content_type, reply.contentType);
    for (const auto& [name, value] : reply.headers)
    {
      response.set(name, value);
    }
    response.keep_alive(message.keep_alive());
    response.prepare_payload();
    if (reply.perByte.count() > 0)
    {
      std::ostringstream text;
      text << response;
      const std::string whole = text.str();
      const size_t body = whole.size() - reply.body.size();
      boost::asio::write(stream, boost::asio::buffer(whole.data(), body), error);
      for (size_t i = body; i < whole.size() && !error && !stopping_; i++)
      {
        boost::asio::write(stream, boost::asio::buffer(whole.data() + i, 1), error);
        std::this_thread::sleep_for(reply.perByte);
      }
    }
    else
    {
      http::write(stream, response, error);
    }
    if (error || !message.keep_alive())
    {
      break;
    }
  }
  const std::lock_guard lock(mutex_);
  std::erase(connections_, connection);
  stream.close(error);
}
}  // namespace OrthancClinic::Testing
