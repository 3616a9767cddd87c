// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/AzureSignature.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "Core/Digest.h"
#include "Core/LetterCase.h"

namespace OrthancClinic
{
namespace
{
// "%20" as it was meant.
std::string Decode(const std::string& text)
{
  std::string decoded;
  for (size_t i = 0; i < text.size(); i++)
  {
    if (text[i] == '%' && i + 2 < text.size())
    {
      decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
    else
    {
      decoded += text[i];
    }
  }
  return decoded;
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

  const size_t pathAt = std::min(url.find_first_of("/?", url.find("://") + 3), url.size());
  const size_t queryAt = std::min(url.find('?', pathAt), url.size());
  const std::string path = url.substr(pathAt, queryAt - pathAt);
  text += "/" + account + (path.empty() ? "/" : path);
  std::map<std::string, std::set<std::string>> parameters;  // a name may come more than once
  for (size_t begin = queryAt + 1; begin < url.size();)
  {
    const size_t end = std::min(url.find('&', begin), url.size());
    const size_t equals = std::min(url.find('=', begin), end);
    parameters[ToLower(Decode(url.substr(begin, equals - begin)))].insert(
        Decode(url.substr(std::min(equals + 1, end), end - std::min(equals + 1, end))));
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
