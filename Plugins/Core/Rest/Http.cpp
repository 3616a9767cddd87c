// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Http.h"

#include <algorithm>
#include <charconv>

#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/LetterCase.h"

namespace OrthancClinic
{
std::string_view ToString(HttpMethod method)
{
  switch (method)
  {
    case HttpMethod::Get:
      return "GET";
    case HttpMethod::Head:
      return "HEAD";
    case HttpMethod::Post:
      return "POST";
    case HttpMethod::Put:
      return "PUT";
    case HttpMethod::Patch:
      return "PATCH";
    case HttpMethod::Delete:
      return "DELETE";
    case HttpMethod::Options:
      return "OPTIONS";
  }
  return "";
}

std::string MediaType(std::string_view contentType)
{
  contentType = contentType.substr(0, contentType.find(';'));
  contentType.remove_prefix(std::min(contentType.find_first_not_of(" \t"), contentType.size()));
  return ToLower(contentType.substr(0, contentType.find_last_not_of(" \t") + 1));
}

std::string DecodePercent(std::string_view encoded)
{
  std::string text;
  while (!encoded.empty())
  {
    unsigned char byte = 0;
    const char* const digits = encoded.data() + 1;
    if (encoded.size() >= 3 && encoded[0] == '%' &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2)
    {
      text += static_cast<char>(byte);
      encoded.remove_prefix(3);
      continue;
    }
    text += encoded[0];
    encoded.remove_prefix(1);
  }
  return text;
}

std::string DecodeQueryText(std::string_view encoded)
{
  std::string spaced(encoded);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return DecodePercent(spaced);
}

std::string EncodeQueryText(std::string_view text)
{
  static constexpr std::string_view UNRESERVED =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  static constexpr const char* DIGITS = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text)
  {
    const auto byte = static_cast<unsigned char>(c);
    if (UNRESERVED.find(c) != std::string_view::npos)
    {
      encoded += c;
    }
    else
    {
      encoded += {'%', DIGITS[byte >> 4], DIGITS[byte & 15]};
    }
  }
  return encoded;
}

std::optional<std::pair<std::string, std::string>> FindBasicCredentials(const HttpRequest& request)
{
  static constexpr std::string_view BASIC = "Basic ";
  const auto header = request.headers.find("authorization");
  if (header == request.headers.end() || !header->second.starts_with(BASIC))
  {
    return std::nullopt;
  }
  const auto decoded = FromBase64(std::string_view(header->second).substr(BASIC.size()));
  const size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos)
  {
    throw Forbidden("The Authorization header cannot be read");
  }
  return std::pair(decoded->substr(0, colon), decoded->substr(colon + 1));
}

std::optional<std::string> FindCookie(const HttpRequest& request, std::string_view name)
{
  const auto header = request.headers.find("cookie");
  std::string_view rest = header == request.headers.end() ? std::string_view() : header->second;
  while (!rest.empty())
  {
    const size_t end = rest.find(';');
    std::string_view pair = rest.substr(0, end);
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
    {
      return std::string(pair.substr(name.size() + 1));
    }
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return std::nullopt;
}

std::string FindHeader(const HttpRequest& request, const std::string& name)
{
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

bool HasEntityTag(const HttpRequest& request, const std::string& tag)
{
  const std::string condition = FindHeader(request, "if-none-match");
  std::string_view rest = condition;
  while (!rest.empty())
  {
    const size_t comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
    item = item.substr(0, item.find_last_not_of(" \t") + 1);
    if (item.starts_with("W/"))
    {
      item.remove_prefix(2);
    }
    if (item == "*" || item == tag)
    {
      return true;
    }
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return false;
}

bool IsFromOwnPage(const HttpRequest& request)
{
  if (request.method == HttpMethod::Get || request.method == HttpMethod::Head)
  {
    return true;
  }
  if (const std::string site = FindHeader(request, "sec-fetch-site"); !site.empty())
  {
    return site == "same-origin";
  }
  const std::string origin = FindHeader(request, "origin");
  const size_t host = origin.find("://");
  return host != std::string::npos && origin.substr(host + 3) == FindHeader(request, "host");
}
}  // namespace OrthancClinic
