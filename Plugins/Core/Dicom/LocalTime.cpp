// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/LocalTime.h"

#include <unicode/timezone.h>

#include <map>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "Core/Dicom/DicomDate.h"
#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
// Zones are few, and making one reads ICU's data.
const icu::TimeZone* FindZone(const std::string& name)
{
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<icu::TimeZone>> zones;
  const std::lock_guard lock(mutex);
  if (const auto known = zones.find(name); known != zones.end())
  {
    return known->second.get();
  }
  std::unique_ptr<icu::TimeZone> zone(icu::TimeZone::createTimeZone(icu::UnicodeString::fromUTF8(name)));
  if (name.empty() || *zone == icu::TimeZone::getUnknown())
  {
    return nullptr;
  }
  return zones.emplace(name, std::move(zone)).first->second.get();
}

const icu::TimeZone& GetZone(const std::string& name)
{
  const icu::TimeZone* zone = FindZone(name);
  if (zone == nullptr)
  {
    throw BadInput("This is no time zone of the IANA database");
  }
  return *zone;
}

Milliseconds Offset(const icu::TimeZone& zone, Milliseconds time, bool isLocal)
{
  int32_t raw = 0;
  int32_t daylight = 0;
  UErrorCode status = U_ZERO_ERROR;
  zone.getOffset(static_cast<UDate>(time.count()), isLocal, raw, daylight, status);
  if (U_FAILURE(status))
  {
    throw BadInput("This time cannot be told in the time zone");
  }
  return Milliseconds(raw + daylight);
}

std::chrono::sys_days ParseDay(const std::string& date)
{
  const auto parsed = DicomDate::Parse(date);
  if (!parsed || parsed->day == 0)
  {
    throw BadInput("This is no date");
  }
  return std::chrono::year(parsed->year) / parsed->month / parsed->day;
}

std::string FormatDay(std::chrono::sys_days day)
{
  const std::chrono::year_month_day civil(day);
  return fmt::format("{:04}{:02}{:02}", static_cast<int>(civil.year()), static_cast<unsigned>(civil.month()),
                     static_cast<unsigned>(civil.day()));
}
}  // namespace

bool IsTimeZone(const std::string& name)
{
  return FindZone(name) != nullptr;
}

LocalTime ToLocalTime(Timestamp time, const std::string& zone)
{
  const auto local = time + Offset(GetZone(zone), time.time_since_epoch(), false);
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(local - day));
  return {FormatDay(day), fmt::format("{:02}{:02}{:02}", clock.hours().count(), clock.minutes().count(),
                                      clock.seconds().count())};
}

Timestamp FromLocalTime(const LocalTime& local, const std::string& zone)
{
  // PS3.5 6.2: what is not given at the end is zero. The second 60 is a leap second.
  static constexpr int MOST[] = {23, 59, 60};
  static constexpr int SECONDS[] = {3600, 60, 1};
  const std::string_view digits = std::string_view(local.time).substr(0, local.time.find('.'));
  std::chrono::seconds clock(0);
  for (size_t i = 0; i < digits.size(); i += 2)
  {
    const std::string_view two = digits.substr(i, 2);
    const bool isNumber = two.size() == 2 && two[0] >= '0' && two[0] <= '9' && two[1] >= '0' && two[1] <= '9';
    const int number = isNumber ? (two[0] - '0') * 10 + two[1] - '0' : 0;
    if (!isNumber || i > 4 || number > MOST[i / 2])
    {
      throw BadInput("This is no time");
    }
    clock += std::chrono::seconds(number * SECONDS[i / 2]);
  }
  const Timestamp time = ParseDay(local.date) + clock;
  return time - Offset(GetZone(zone), time.time_since_epoch(), true);
}

Timestamp StartOfDay(const std::string& date, const std::string& zone)
{
  const Timestamp local = ParseDay(date);
  return local - Offset(GetZone(zone), local.time_since_epoch(), true);
}

std::string AddDays(const std::string& date, int days)
{
  return FormatDay(ParseDay(date) + std::chrono::days(days));
}
}  // namespace OrthancClinic
