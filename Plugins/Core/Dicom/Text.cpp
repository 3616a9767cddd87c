// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/Text.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

namespace OrthancClinic
{
std::string CleanText(std::string_view bytes, size_t maxBytes)
{
  std::string clean;
  const auto size = static_cast<int32_t>(std::min<size_t>(bytes.size(), 1 << 20));
  const auto* const data = reinterpret_cast<const uint8_t*>(bytes.data());
  for (int32_t i = 0; i < size;)
  {
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(data, i, size, c);
    if (u_charType(c) == U_CONTROL_CHAR)
    {
      c = ' ';
    }
    if (c == ' ' && clean.empty())
    {
      continue;
    }
    char encoded[U8_MAX_LENGTH];
    int32_t length = 0;
    U8_APPEND_UNSAFE(encoded, length, c);
    if (clean.size() + static_cast<size_t>(length) > maxBytes)
    {
      break;
    }
    clean.append(encoded, static_cast<size_t>(length));
  }
  while (!clean.empty() && clean.back() == ' ')
  {
    clean.pop_back();
  }
  return clean;
}

std::string DecodeUndeclared(std::string_view bytes)
{
  const auto size = static_cast<int32_t>(std::min<size_t>(bytes.size(), 1 << 20));
  const auto* const data = reinterpret_cast<const uint8_t*>(bytes.data());
  bool isUtf8 = true;
  for (int32_t i = 0; i < size && isUtf8;)
  {
    UChar32 c = 0;
    U8_NEXT(data, i, size, c);
    isUtf8 = c >= 0;
  }
  if (isUtf8)
  {
    return std::string(bytes);
  }
  std::string text;
  for (const char byte : bytes)
  {
    const auto c = static_cast<unsigned char>(byte);
    if (c < 0x80)
    {
      text += byte;
    }
    else
    {
      text += static_cast<char>(0xc0 | (c >> 6));
      text += static_cast<char>(0x80 | (c & 0x3f));
    }
  }
  return text;
}

std::string CutValue(const std::string& text, size_t most)
{
  std::string cut;
  size_t count = 0;
  for (size_t i = 0; i < text.size(); i++)
  {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (begins && count++ == most)
    {
      break;
    }
    cut += text[i] == '\\' ? '/' : text[i];
  }
  return cut;
}
}  // namespace OrthancClinic
