// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/DicomDate.h"

#include <fmt/format.h>

#include <chrono>

namespace OrthancClinic
{
std::optional<DicomDate> DicomDate::Parse(std::string_view text)
{
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0'))
  {
    text.remove_suffix(1);
  }
  while (!text.empty() && text.front() == ' ')
  {
    text.remove_prefix(1);
  }
  std::string digits;
  for (size_t i = 0; i < text.size(); i++)
  {
    const char c = text[i];
    if (c >= '0' && c <= '9')
    {
      digits += c;
    }
    else if ((c != '-' && c != '.' && c != '/') || (digits.size() != 4 && digits.size() != 6) ||
             i + 1 == text.size() || text[i + 1] < '0' || text[i + 1] > '9')
    {
      return std::nullopt;
    }
  }
  if (digits.size() != 4 && digits.size() != 6 && digits.size() != 8)
  {
    return std::nullopt;
  }

  DicomDate date;
  date.year = std::stoi(digits.substr(0, 4));
  date.month = digits.size() >= 6 ? std::stoi(digits.substr(4, 2)) : 0;
  date.day = digits.size() == 8 ? std::stoi(digits.substr(6, 2)) : 0;
  if (date.month == 0)
  {
    date.day = 0;
  }
  const std::chrono::year_month_day calendar{
      std::chrono::year(date.year),
      std::chrono::month(static_cast<unsigned>(date.month == 0 ? 1 : date.month)),
      std::chrono::day(static_cast<unsigned>(date.day == 0 ? 1 : date.day))};
  if (date.year == 0 || !calendar.ok())
  {
    return std::nullopt;
  }
  return date;
}

std::string DicomDate::ToIso() const
{
  return day != 0     ? fmt::format("{:04}-{:02}-{:02}", year, month, day)
         : month != 0 ? fmt::format("{:04}-{:02}", year, month)
                      : fmt::format("{:04}", year);
}
}  // namespace OrthancClinic
