// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Timestamp.h"

#include <fmt/format.h>

namespace OrthancClinic
{
namespace
{
// Reads exactly `digits` decimal digits at `position`.
std::optional<int> ReadNumber(std::string_view text, size_t position, size_t digits)
{
  if (position + digits > text.size())
  {
    return std::nullopt;
  }
  int value = 0;
  for (const char c : text.substr(position, digits))
  {
    if (c < '0' || c > '9')
    {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  return value;
}
}  // namespace

Timestamp Now()
{
  return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
}

std::string ToString(Timestamp time)
{
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::optional<Timestamp> ParseTimestamp(std::string_view text)
{
  const auto year = ReadNumber(text, 0, 4);
  const auto month = ReadNumber(text, 5, 2);
  const auto day = ReadNumber(text, 8, 2);
  const auto hour = ReadNumber(text, 11, 2);
  const auto minute = ReadNumber(text, 14, 2);
  const auto second = ReadNumber(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':' || *hour > 23 ||
      *minute > 59 || *second > 60)
  {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok())
  {
    return std::nullopt;
  }

  size_t position = 19;
  int milliseconds = 0;
  if (position < text.size() && text[position] == '.')
  {
    int scale = 100;
    const size_t first = ++position;
    for (; position < text.size() && text[position] >= '0' && text[position] <= '9'; position++)
    {
      milliseconds += (text[position] - '0') * scale;
      scale /= 10;
    }
    if (position == first)
    {
      return std::nullopt;
    }
  }

  std::chrono::minutes offset(0);
  if (position + 1 == text.size() && (text[position] == 'Z' || text[position] == 'z'))
  {
    // UTC
  }
  else if (position + 6 == text.size() && (text[position] == '+' || text[position] == '-') &&
           text[position + 3] == ':')
  {
    const auto hours = ReadNumber(text, position + 1, 2);
    const auto minutes = ReadNumber(text, position + 4, 2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59)
    {
      return std::nullopt;
    }
    offset = std::chrono::minutes(*hours * 60 + *minutes) * (text[position] == '-' ? -1 : 1);
  }
  else
  {
    return std::nullopt;
  }

  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + Milliseconds(milliseconds) - offset;
}

std::optional<Timestamp> ParseOrthancTime(const std::string& text)
{
  if (text.size() != 15)
  {
    return std::nullopt;
  }
  return ParseTimestamp(text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 2) + "T" +
                        text.substr(9, 2) + ":" + text.substr(11, 2) + ":" + text.substr(13, 2) + "Z");
}
}  // namespace OrthancClinic
