// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Http.h"

#include <charconv>

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

std::string DecodeQueryText(std::string_view encoded)
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
    text += encoded[0] == '+' ? ' ' : encoded[0];
    encoded.remove_prefix(1);
  }
  return text;
}
}  // namespace OrthancClinic
