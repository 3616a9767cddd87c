// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/LetterCase.h"

namespace OrthancClinic
{
std::string ToLower(std::string_view text)
{
  std::string lower(text);
  for (char& c : lower)
  {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return lower;
}

std::string ToUpper(std::string_view text)
{
  std::string upper(text);
  for (char& c : upper)
  {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return upper;
}
}  // namespace OrthancClinic
