// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Multipart.h"

#include <algorithm>
#include <cctype>

#include "Core/Errors.h"
#include "Core/LetterCase.h"
#include "Core/Rest/Http.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t MOST_PARTS = 10'000;
constexpr size_t LONGEST_BOUNDARY = 70;  // RFC 2046
constexpr size_t LONGEST_HEAD = 16 << 10;

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
        // Only before these two: browsers send the folders of Windows as they are.
        const bool escapes = value[begin] == '\\' && begin + 1 < value.size() &&
                             (value[begin + 1] == '"' || value[begin + 1] == '\\');
        begin += escapes ? 1 : 0;
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

MultipartReader::MultipartReader(const std::string& contentType, Handlers handlers)
    : handlers_(std::move(handlers))
{
  const std::string boundary = HeaderParameter(contentType, "boundary");
  if (!ToLower(contentType).starts_with("multipart/") || boundary.empty() ||
      boundary.size() > LONGEST_BOUNDARY)
  {
    throw BadInput("The body must be multipart, with a boundary");
  }
  delimiter_ = "\r\n--" + boundary;
  held_ = "\r\n";  // the first delimiter may begin the body
}

void MultipartReader::Add(std::string_view bytes)
{
  held_ += bytes;
  std::string_view rest = held_;
  while (!rest.empty() && Step(rest))
  {
  }
  held_.erase(0, held_.size() - rest.size());
}

bool MultipartReader::Step(std::string_view& bytes)
{
  switch (state_)
  {
    case State::Preamble:
    case State::Body:
    {
      const size_t at = bytes.find(delimiter_);
      // Without one, all but what its beginning may be.
      const size_t size =
          at != std::string_view::npos ? at : bytes.size() - std::min(bytes.size(), delimiter_.size() - 1);
      if (state_ == State::Body && size != 0)
      {
        handlers_.data(bytes.substr(0, size));
      }
      bytes.remove_prefix(size);
      if (at == std::string_view::npos)
      {
        return false;
      }
      if (state_ == State::Body)
      {
        handlers_.end();
      }
      bytes.remove_prefix(delimiter_.size());
      state_ = State::Delimiter;
      return true;
    }
    case State::Delimiter:
    {
      if (bytes.size() < 2)
      {
        return false;
      }
      if (bytes.starts_with("--"))
      {
        state_ = State::Epilogue;
        return true;
      }
      const size_t line = bytes.find("\r\n");
      if (line == std::string_view::npos)
      {
        if (bytes.size() > LONGEST_HEAD)
        {
          throw BadInput("A part of the multipart body has no end of its headers");
        }
        return false;
      }
      if (++parts_ > MOST_PARTS)
      {
        throw BadInput("The multipart body has too many parts");
      }
      bytes.remove_prefix(line);
      state_ = State::Head;
      return true;
    }
    case State::Head:
    {
      // It begins with the end of the delimiter's line, and ends with an empty one.
      const size_t end = bytes.find("\r\n\r\n");
      if (end > LONGEST_HEAD && bytes.size() > LONGEST_HEAD)
      {
        throw BadInput("A part of the multipart body has no end of its headers");
      }
      if (end == std::string_view::npos)
      {
        return false;
      }
      handlers_.begin(ParseHead(end == 0 ? "" : bytes.substr(2, end - 2)));
      bytes.remove_prefix(end + 4);
      state_ = State::Body;
      return true;
    }
    case State::Epilogue:
      bytes = {};
      return false;
  }
  return false;
}

void MultipartReader::Finish() const
{
  if (state_ != State::Epilogue)
  {
    throw BadInput("The multipart body is cut off");
  }
}

std::vector<MultipartPart> ParseMultipart(const std::string& contentType, std::string_view body)
{
  std::vector<MultipartPart> parts;
  MultipartReader reader(contentType, {.begin =
                                           [&](const std::map<std::string, std::string>& headers) {
                                             parts.push_back({headers, {}});
                                           },
                                       .data = [&](std::string_view bytes) { parts.back().body += bytes; },
                                       .end = [] {}});
  reader.Add(body);
  reader.Finish();
  return parts;
}
}  // namespace OrthancClinic
