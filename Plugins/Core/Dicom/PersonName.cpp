// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/PersonName.h"

#include <algorithm>
#include <array>

#include "Core/Dicom/Text.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t LONGEST_COMPONENT = 256;  // bytes; PS3.5 allows 64 characters for a whole group

// The first `Count` parts between separators.
template <size_t Count>
std::array<std::string_view, Count> Split(std::string_view text, char separator)
{
  std::array<std::string_view, Count> parts{};
  for (size_t i = 0; i < Count; i++)
  {
    const size_t end = text.find(separator);
    parts[i] = text.substr(0, end);
    if (end == std::string_view::npos)
    {
      break;
    }
    text.remove_prefix(end + 1);
  }
  return parts;
}

PersonName::Group ParseGroup(std::string_view text)
{
  const auto parts = Split<5>(text, '^');
  const auto clean = [&](size_t i) { return CleanText(parts[i], LONGEST_COMPONENT); };
  return {clean(0), clean(1), clean(2), clean(3), clean(4)};
}

std::string Join(std::initializer_list<std::string> parts, char separator)
{
  std::string text;
  for (const std::string& part : parts)
  {
    text += part + separator;
  }
  text.erase(text.find_last_not_of(separator) + 1);
  return text;
}
}  // namespace

bool PersonName::Group::IsEmpty() const
{
  return *this == Group{};
}

std::string PersonName::Group::ToString() const
{
  return Join({family, given, middle, prefix, suffix}, '^');
}

PersonName PersonName::Parse(std::string_view text)
{
  const auto groups = Split<3>(text.substr(0, text.find('\\')), '=');
  return {ParseGroup(groups[0]), ParseGroup(groups[1]), ParseGroup(groups[2])};
}

PersonName::Group PersonName::ParseFreeText(const std::string& text)
{
  Group group;
  if (const size_t comma = text.find(','); comma != std::string::npos)
  {
    group.family = text.substr(0, comma);
    group.given = text.substr(std::min(text.find_first_not_of(' ', comma + 1), text.size()));
  }
  else if (const size_t space = text.rfind(' '); space != std::string::npos)
  {
    group.given = text.substr(0, space);
    group.family = text.substr(space + 1);
  }
  else
  {
    group.family = text;
  }
  return group;
}

std::string PersonName::ToString() const
{
  return Join({alphabetic.ToString(), ideographic.ToString(), phonetic.ToString()}, '=');
}
}  // namespace OrthancClinic
