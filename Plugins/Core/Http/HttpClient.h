// SPDX-License-Identifier: GPL-3.0-or-later
//
// The outgoing HTTP client: connections are kept and reused, everything has a limit (time, size, number of
// connections), certificates are verified, redirections are not followed (they could lead anywhere). It does
// not retry: what must be retried is a task.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Errors.h"
#include "Core/Http/AwsSignature.h"

namespace OrthancClinic
{
struct HttpCall
{
  std::string method = "GET";
  std::string url = {};  // http:// or https://
  HttpHeaders headers = {};
  std::string_view body = {};                  // lives until Send returns
  std::optional<AwsSignature> signature = {};  // signs the call, see AwsSignature.h
  int64_t bytesPerSecond = 0;                  // at most so many are sent; 0: as fast as it goes
  std::function<bool()> isCancelled = {};      // asked about every second; if true, Send throws Unavailable
};

struct HttpReply
{
  int status = 0;
  std::map<std::string, std::string> headers = {};  // names in lower case
  std::string body = {};
};

// A successful reply that is larger than the caller takes: it would be so the next time, too.
class ORTHANC_CLINIC_API ReplyTooLarge : public Unavailable
{
public:
  using Unavailable::Unavailable;
};

struct UrlParts
{
  std::string scheme;
  std::string host;          // an IPv6 address in its brackets
  bool hasUser = false;      // or a password
  bool hasFragment = false;  // what follows a '#'
  std::string path;          // as it is sent, at least "/"
  std::string query;         // as it is sent, without its question mark
};

// As the client understands it; nothing if it is no URL.
ORTHANC_CLINIC_API std::optional<UrlParts> SplitUrl(const std::string& url);

// What the reply's Retry-After says (RFC 9110 s. 10.2.3), at most an hour; nothing without one.
ORTHANC_CLINIC_API std::optional<std::chrono::seconds> RetryAfter(const HttpReply& reply);

class ORTHANC_CLINIC_API HttpClient
{
public:
  struct Options
  {
    std::chrono::milliseconds connectTimeout{10'000};
    std::chrono::milliseconds timeout{60'000};  // of the whole call
    std::chrono::seconds stall{30};             // without a single byte in either direction
    size_t largestBody = 64 << 20;              // bytes of the reply
    unsigned connections = 8;                   // at once; a further caller waits
    std::string user = {};                      // Basic authentication, unless empty
    std::string password = {};
    std::string certificateAuthorities = {};  // a PEM file; empty: the system's

    // Connect to no address but those of the Internet (see PublicAddress.h), whatever the host's name
    // resolves to, and not by a proxy, which would resolve it itself: for URLs that somebody else chose.
    bool publicAddressesOnly = false;
  };

  explicit HttpClient(Options options);
  HttpClient();
  ~HttpClient();

  // Thread-safe. Any status is a reply; throws Unavailable if there was none (refused, TimedOut, too large,
  // bad certificate), with the reason and the host, but not the path or the query, which may name a patient.
  HttpReply Send(const HttpCall& call);

private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};
}  // namespace OrthancClinic
