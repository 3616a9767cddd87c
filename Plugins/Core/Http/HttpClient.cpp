// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/HttpClient.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "Core/Http/PublicAddress.h"
#include "Core/LetterCase.h"

namespace OrthancClinic
{
namespace
{
using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

struct Receiver
{
  HttpReply reply;
  size_t largestBody;
};

// libcurl is C: nothing may be thrown through it. A short count makes it give up.
size_t ReceiveBody(char* data, size_t size, size_t count, void* target) noexcept
{
  auto& receiver = *static_cast<Receiver*>(target);
  if (receiver.reply.body.size() + size * count > receiver.largestBody)
  {
    return 0;
  }
  try
  {
    receiver.reply.body.append(data, size * count);
    return size * count;
  }
  catch (const std::bad_alloc&)
  {
    return 0;
  }
}

size_t ReceiveHeader(char* data, size_t size, size_t count, void* target) noexcept
{
  try
  {
    std::string line(data, size * count);
    line.erase(line.find_last_not_of(" \t\r\n") + 1);
    if (const size_t colon = line.find(':'); colon != std::string::npos)
    {
      const size_t value = line.find_first_not_of(" \t", colon + 1);
      static_cast<Receiver*>(target)->reply.headers[ToLower(line.substr(0, colon))] =
          value == std::string::npos ? "" : line.substr(value);
    }
    return size * count;
  }
  catch (const std::bad_alloc&)
  {
    return 0;
  }
}

// Not zero: libcurl gives up.
int AskWhetherCancelled(void* call, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept
{
  return static_cast<const HttpCall*>(call)->isCancelled() ? 1 : 0;
}

// Called with each address that is about to be connected to, after the name was resolved.
curl_socket_t OpenPublicSocket(void* refused, curlsocktype, curl_sockaddr* address) noexcept
{
  if (!IsPublicAddress(address->addr))
  {
    *static_cast<bool*>(refused) = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::string HostOf(const std::string& url)
{
  const auto parts = SplitUrl(url);
  return parts ? parts->host : "a malformed URL";
}
}  // namespace

std::optional<UrlParts> SplitUrl(const std::string& url)
{
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
  {
    return std::nullopt;
  }
  const auto get = [&](CURLUPart part) -> std::optional<std::string>
  {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), part, &text, 0) != CURLUE_OK)
    {
      return std::nullopt;
    }
    const std::string copy = text;
    curl_free(text);
    return copy;
  };
  return UrlParts{.scheme = get(CURLUPART_SCHEME).value_or(""),
                  .host = get(CURLUPART_HOST).value_or(""),
                  .hasUser = get(CURLUPART_USER) || get(CURLUPART_PASSWORD),
                  .hasFragment = get(CURLUPART_FRAGMENT).has_value(),
                  .path = get(CURLUPART_PATH).value_or("/"),
                  .query = get(CURLUPART_QUERY).value_or("")};
}

std::optional<std::chrono::seconds> RetryAfter(const HttpReply& reply)
{
  const auto header = reply.headers.find("retry-after");
  if (header == reply.headers.end() || header->second.empty())
  {
    return std::nullopt;
  }
  constexpr std::chrono::seconds LONGEST(3600);
  const std::string& text = header->second;
  if (text.find_first_not_of("0123456789") == std::string::npos)
  {
    return text.size() > 6 ? LONGEST : std::min(LONGEST, std::chrono::seconds(std::stol(text)));
  }
  const time_t date = curl_getdate(text.c_str(), nullptr);
  if (date == -1)
  {
    return std::nullopt;
  }
  return std::clamp(std::chrono::seconds(date - time(nullptr)), std::chrono::seconds(0), LONGEST);
}

// Easy handles keep their connections alive between calls.
struct HttpClient::Pool
{
  explicit Pool(Options given) : options(std::move(given)), unmade(options.connections) {}

  const Options options;
  std::mutex mutex;
  std::condition_variable returned;
  std::vector<Easy> idle;
  unsigned unmade;  // handles that may still be made

  Easy Borrow()
  {
    std::unique_lock lock(mutex);
    if (!returned.wait_for(lock, options.timeout, [this] { return !idle.empty() || unmade > 0; }))
    {
      throw Unavailable("All HTTP connections are busy");
    }
    if (!idle.empty())
    {
      Easy easy = std::move(idle.back());
      idle.pop_back();
      return easy;
    }
    unmade--;
    return {curl_easy_init(), curl_easy_cleanup};
  }

  void GiveBack(Easy easy)
  {
    {
      const std::lock_guard lock(mutex);
      idle.push_back(std::move(easy));
    }
    returned.notify_one();
  }
};

HttpClient::HttpClient() : HttpClient(Options{}) {}

HttpClient::HttpClient(Options options)
{
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_ALL);
  if (initialised != CURLE_OK)
  {
    throw Unavailable("libcurl cannot be initialised");
  }
  pool_ = std::make_unique<Pool>(std::move(options));
}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::Send(const HttpCall& call)
{
  const Options& options = pool_->options;
  Easy easy = pool_->Borrow();
  CURL* const curl = easy.get();
  curl_easy_reset(curl);  // forgets the options, keeps the connections

  // Without "Expect: 100-continue", which some servers never answer.
  curl_slist* lines = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] :
       call.signature ? Sign(*call.signature, call.method, call.url, call.headers, Now()) : call.headers)
  {
    lines = curl_slist_append(lines, (name + ": " + value).c_str());
  }
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> guard(lines, curl_slist_free_all);

  Receiver receiver{{}, options.largestBody};
  curl_easy_setopt(curl, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1,169.254.169.254");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connectTimeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall.count()));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &ReceiveBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &ReceiveHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &receiver);
  if (!options.certificateAuthorities.empty())
  {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options.certificateAuthorities.c_str());
  }
  bool refused = false;
  if (options.publicAddressesOnly)
  {
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, &OpenPublicSocket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &refused);
  }
  if (!options.user.empty())
  {
    curl_easy_setopt(curl, CURLOPT_USERNAME, options.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, options.password.c_str());
  }
  if (call.bytesPerSecond > 0)
  {
    curl_easy_setopt(curl, CURLOPT_MAX_SEND_SPEED_LARGE, static_cast<curl_off_t>(call.bytesPerSecond));
  }
  if (call.isCancelled)
  {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &AskWhetherCancelled);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &call);
  }
  if (call.method == "HEAD")
  {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  }
  else if (call.method != "GET" || !call.body.empty())
  {
    if (!call.body.empty() || call.method == "POST" || call.method == "PUT" || call.method == "PATCH")
    {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.data());
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  }

  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  pool_->GiveBack(std::move(easy));
  if (code == CURLE_ABORTED_BY_CALLBACK)
  {
    throw Unavailable("The call to " + HostOf(call.url) + " was given up");
  }
  if (code == CURLE_WRITE_ERROR)
  {
    const std::string message = "The reply of " + HostOf(call.url) + " is too large";
    if (status / 100 == 2)
    {
      throw ReplyTooLarge(message);
    }
    throw Unavailable(message);
  }
  if (code == CURLE_OPERATION_TIMEDOUT)
  {
    throw TimedOut(HostOf(call.url) + " did not answer in time");
  }
  if (code != CURLE_OK && refused)
  {
    throw Unavailable("The address of " + HostOf(call.url) +
                      " is not one of the Internet: nothing is sent to private networks or this machine");
  }
  if (code != CURLE_OK)
  {
    throw Unavailable("No reply from " + HostOf(call.url) + ": " + curl_easy_strerror(code));
  }
  receiver.reply.status = static_cast<int>(status);
  return std::move(receiver.reply);
}
}  // namespace OrthancClinic
