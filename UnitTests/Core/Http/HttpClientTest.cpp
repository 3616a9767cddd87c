// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/HttpClient.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "Support/Files.h"

namespace OrthancClinic::Testing
{
namespace
{
// A server that answers each request of a connection with the same bytes, and counts the connections.
class Server
{
public:
  explicit Server(std::string answer) : answer_(std::move(answer)), port_(FreePort())
  {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(listener_, 8) != 0)
    {
      throw std::runtime_error("The test's server cannot listen");
    }
    thread_ = std::thread([this] { Serve(); });
  }

  ~Server()
  {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  std::string Url(const std::string& path = "/") const
  {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  int Connections() const { return connections_; }

private:
  void Serve()
  {
    while (!stopping_)
    {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0)
      {
        return;
      }
      connections_++;
      timeval limit{30, 0};  // the client closes the connection much earlier
      setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
      char buffer[4096];
      while (recv(connection, buffer, sizeof(buffer), 0) > 0 && !answer_.empty())
      {
        if (send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL) < 0)
        {
          break;
        }
      }
      close(connection);
    }
  }

  const std::string answer_;
  const uint16_t port_;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

TEST(HttpClient, ReusesItsConnection)
{
  const Server server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Kind: Test\r\n\r\nok");
  HttpClient client;
  for (int i = 0; i < 5; i++)
  {
    const HttpReply reply = client.Send({.url = server.Url()});
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "ok");
    EXPECT_EQ(reply.headers.at("x-kind"), "Test");
  }
  EXPECT_EQ(server.Connections(), 1);
}

TEST(HttpClient, DoesNotFollowWhereItIsSent)
{
  const Server server("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:1/\r\n\r\n");
  EXPECT_EQ(HttpClient().Send({.url = server.Url()}).status, 302);
}

TEST(HttpClient, RefusesATooLargeReply)
{
  const Server server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x'));
  HttpClient client({.largestBody = 10});
  EXPECT_THROW(client.Send({.url = server.Url()}), Unavailable);
}

TEST(HttpClient, ConnectsToNoPrivateAddressIfItMustNot)
{
  const Server server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  setenv("http_proxy", server.Url().c_str(), 1);  // would resolve the names itself
  HttpClient client({.publicAddressesOnly = true});
  const std::string port = server.Url().substr(server.Url().rfind(':'));
  for (const char* host : {"127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433",
                           "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "169.254.169.254"})
  {
    try
    {
      client.Send({.url = "http://" + std::string(host) + port});
      ADD_FAILURE() << host;
    }
    catch (const Unavailable& error)
    {
      EXPECT_NE(std::string(error.what()).find("not one of the Internet"), std::string::npos) << error.what();
    }
  }
  unsetenv("http_proxy");
  EXPECT_EQ(server.Connections(), 0);
}

TEST(HttpClient, SplitsUrls)
{
  const auto parts = SplitUrl("https://crm.example.org:8443/hook?x=1");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->scheme, "https");
  EXPECT_EQ(parts->host, "crm.example.org");
  EXPECT_FALSE(parts->hasUser);
  EXPECT_FALSE(parts->hasFragment);
  EXPECT_TRUE(SplitUrl("https://u:p@crm.example.org/")->hasUser);
  EXPECT_TRUE(SplitUrl("https://crm.example.org/#x")->hasFragment);
  for (const char* bad : {"", "crm.example.org", "https://", "https://a b/", "://x"})
  {
    EXPECT_FALSE(SplitUrl(bad)) << bad;
  }
}

TEST(HttpClient, GivesUpInTime)
{
  const Server server("");
  HttpClient client({.timeout = std::chrono::milliseconds(100)});
  EXPECT_THROW(client.Send({.url = server.Url()}), Unavailable);
}

TEST(HttpClient, GivesUpWhenItIsTold)
{
  const Server server("");
  HttpClient client({.timeout = std::chrono::seconds(30)});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THROW(client.Send({.url = server.Url(), .isCancelled = [] { return true; }}), Unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(HttpClient, KnowsHowLongToWait)
{
  const auto after = [](const std::string& text) { return RetryAfter({.headers = {{"retry-after", text}}}); };
  EXPECT_EQ(std::chrono::seconds(7), after("7"));
  EXPECT_EQ(std::chrono::hours(1), after("100000"));
  EXPECT_EQ(std::chrono::hours(1), after("99999999999999999999"));
  EXPECT_EQ(std::chrono::seconds(0), after("Fri, 31 Dec 1999 23:59:59 GMT"));
  EXPECT_EQ(std::chrono::hours(1), after("Fri, 31 Dec 2100 23:59:59 GMT"));
  EXPECT_FALSE(after("soon"));
  EXPECT_FALSE(RetryAfter({}));
}

TEST(HttpClient, SaysWhatFailedWithoutTheAddressOfThePatient)
{
  HttpClient client;
  for (const char* url :
       {"http://127.0.0.1:1/patients/TREMBLAY?q=TREMBLAY", "file:///etc/TREMBLAY", "TREMBLAY"})
  {
    try
    {
      client.Send({.url = url});
      FAIL() << url;
    }
    catch (const Unavailable& error)
    {
      EXPECT_EQ(std::string(error.what()).find("TREMBLAY?"), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find("patients"), std::string::npos) << error.what();
    }
  }
}
}  // namespace
}  // namespace OrthancClinic::Testing
