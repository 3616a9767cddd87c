// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Multipart.h"

#include <algorithm>
#include <cctype>

#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t MOST_PARTS = 10'000;
constexpr size_t LONGEST_BOUNDARY = 70;  // RFC 2046
constexpr size_t LONGEST_HEAD = 16 << 10;

std::string ToLower(std::string text)
{
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string Trim(std::string_view text)
{
  const size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  const size_t end = text.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos || end < begin ? "" : std::string(text.substr(begin, end - begin + 1));
}

std::map<std::string, std::string> ParseHead(std::string_view head)
{
  std::map<std::string, std::string> headers;
  while (!head.empty())
  {
    const size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos)
    {
      throw BadInput("A part of the multipart body has a header that cannot be read");
    }
    headers[ToLower(Trim(line.substr(0, colon)))] = Trim(line.substr(colon + 1));
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  return headers;
}
}  // namespace

std::string HeaderParameter(const std::string& value, const std::string& name)
{
  size_t at = value.find(';');
  while (at != std::string::npos)
  {
    const size_t equals = value.find('=', at);
    if (equals == std::string::npos)
    {
      return "";
    }
    const std::string found = ToLower(Trim(std::string_view(value).substr(at + 1, equals - at - 1)));
    size_t begin = value.find_first_not_of(" \t", equals + 1);
    if (begin == std::string::npos)
    {
      return "";
    }
    std::string text;
    if (value[begin] == '"')
    {
      for (begin++; begin < value.size() && value[begin] != '"'; begin++)
      {
        begin += value[begin] == '\\' && begin + 1 < value.size() ? 1 : 0;
        text += value[begin];
      }
      at = value.find(';', begin);
    }
    else
    {
      at = value.find(';', begin);
      text = Trim(std::string_view(value).substr(begin, at == std::string::npos ? at : at - begin));
    }
    if (found == name)
    {
      return text;
    }
  }
  return "";
}

std::vector<MultipartPart> ParseMultipart(const std::string& contentType, std::string_view body)
{
  const std::string boundary = HeaderParameter(contentType, "boundary");
  if (!ToLower(contentType).starts_with("multipart/") || boundary.empty() ||
      boundary.size() > LONGEST_BOUNDARY)
  {
    throw BadInput("The body must be multipart, with a boundary");
  }
  const std::string delimiter = "--" + boundary;
  std::vector<MultipartPart> parts;
  size_t at = body.starts_with(delimiter) ? 0 : body.find("\r\n" + delimiter);
  at += at == 0 || at == std::string_view::npos ? 0 : 2;
  while (at != std::string_view::npos)
  {
    std::string_view rest = body.substr(at + delimiter.size());
    if (rest.starts_with("--"))
    {
      return parts;
    }
    const size_t line = rest.find("\r\n");
    if (line == std::string_view::npos)
    {
      break;
    }
    rest.remove_prefix(line + 2);
    MultipartPart part;
    if (rest.starts_with("\r\n"))
    {
      rest.remove_prefix(2);
    }
    else
    {
      const size_t head = rest.find("\r\n\r\n");
      if (head == std::string_view::npos || head > LONGEST_HEAD)
      {
        throw BadInput("A part of the multipart body has no end of its headers");
      }
      part.headers = ParseHead(rest.substr(0, head));
      rest.remove_prefix(head + 4);
    }
    const size_t end = rest.starts_with(delimiter) ? 0 : rest.find("\r\n" + delimiter);
    if (end == std::string_view::npos)
    {
      break;
    }
    part.body = rest.substr(0, end);
    parts.push_back(std::move(part));
    if (parts.size() > MOST_PARTS)
    {
      throw BadInput("The multipart body has too many parts");
    }
    at = static_cast<size_t>(rest.data() - body.data()) + end + (rest.starts_with(delimiter) ? 0 : 2);
  }
  throw BadInput("The multipart body is cut off");
}
}  // namespace OrthancClinic
