// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/AzureSignature.h"

#include <curl/curl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "Core/Digest.h"
#include "Core/Http/HttpClient.h"
#include "Core/LetterCase.h"

namespace OrthancClinic
{
namespace
{
// "%20" as it was meant.
std::string Decode(const std::string& text)
{
  int size = 0;
  const std::unique_ptr<char, decltype(&curl_free)> decoded(
      curl_easy_unescape(nullptr, text.c_str(), static_cast<int>(text.size()), &size), curl_free);
  return {decoded.get(), static_cast<size_t>(size)};
}

// "Sun, 11 Oct 2009 21:49:13 GMT" (RFC 9110 s. 5.6.7)
std::string HttpDate(Timestamp now)
{
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
}
}  // namespace

std::string StringToSign(const std::string& account, const std::string& method, const std::string& url,
                         const HttpHeaders& headers, size_t bodySize)
{
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : headers)
  {
    sorted[ToLower(name)] = value;
  }
  if (bodySize > 0)
  {
    sorted["content-length"] = std::to_string(bodySize);
  }
  std::string text = method + "\n";
  for (const char* name :
       {"content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
        "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"})
  {
    text += sorted[name] + "\n";
  }
  for (const auto& [name, value] : sorted)
  {
    if (name.starts_with("x-ms-"))
    {
      text += name + ":" + value + "\n";
    }
  }

  const UrlParts parts = SplitUrl(url).value_or(UrlParts());
  text += "/" + account + parts.path;
  std::map<std::string, std::set<std::string>> parameters;  // a name may come more than once
  const std::string& query = parts.query;
  for (size_t begin = 0; begin < query.size();)
  {
    const size_t end = std::min(query.find('&', begin), query.size());
    const size_t equals = std::min(query.find('=', begin), end);
    const size_t value = std::min(equals + 1, end);
    parameters[ToLower(Decode(query.substr(begin, equals - begin)))].insert(
        Decode(query.substr(value, end - value)));
    begin = end + 1;
  }
  for (const auto& [name, values] : parameters)
  {
    text += fmt::format("\n{}:{}", name, fmt::join(values, ","));
  }
  return text;
}

HttpHeaders Sign(const AzureSignature& signature, const std::string& method, const std::string& url,
                 HttpHeaders headers, size_t bodySize, Timestamp now)
{
  headers.emplace_back("x-ms-date", HttpDate(now));
  const std::string text = StringToSign(signature.account, method, url, headers, bodySize);
  headers.emplace_back("Authorization",
                       "SharedKey " + signature.account + ":" + ToBase64(HmacSha256(signature.key, text)));
  return headers;
}
}  // namespace OrthancClinic
