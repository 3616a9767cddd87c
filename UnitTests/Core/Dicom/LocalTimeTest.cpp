// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/LocalTime.h"

#include <gtest/gtest.h>

#include <set>

#include "Core/Dicom/Uid.h"
#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
TEST(LocalTime, FollowsTheZoneThroughTheYear)
{
  struct Case
  {
    const char* utc;
    const char* zone;
    const char* date;
    const char* time;
  };
  for (const Case& item : {Case{"2026-02-08T10:30:00Z", "America/Toronto", "20260208", "053000"},
                           Case{"2026-07-08T10:30:00Z", "America/Toronto", "20260708", "063000"},
                           Case{"2026-02-08T03:00:00Z", "America/Toronto", "20260207", "220000"},
                           Case{"2026-03-08T06:59:59Z", "America/Toronto", "20260308", "015959"},
                           Case{"2026-03-08T07:00:00Z", "America/Toronto", "20260308", "030000"},
                           Case{"2026-02-08T10:30:00Z", "America/St_Johns", "20260208", "070000"},
                           Case{"2026-02-08T23:30:00Z", "Asia/Shanghai", "20260209", "073000"},
                           Case{"2026-02-08T10:30:00Z", "Etc/UTC", "20260208", "103000"}})
  {
    const LocalTime local = ToLocalTime(ParseTimestamp(item.utc).value(), item.zone);
    EXPECT_EQ(item.date, local.date) << item.utc << " " << item.zone;
    EXPECT_EQ(item.time, local.time) << item.utc << " " << item.zone;
  }
}

TEST(LocalTime, KnowsWhenADayBegins)
{
  EXPECT_EQ("2026-02-08T05:00:00.000Z", ToString(StartOfDay("20260208", "America/Toronto")));
  EXPECT_EQ("2026-07-08T04:00:00.000Z", ToString(StartOfDay("20260708", "America/Toronto")));
  EXPECT_EQ("20260301", AddDays("20260228", 1));
  EXPECT_EQ("20240229", AddDays("20240301", -1));
}

TEST(LocalTime, IsReadInTheZone)
{
  const auto read = [](const std::string& date, const std::string& time)
  { return ToString(FromLocalTime({date, time}, "America/Toronto")); };
  EXPECT_EQ("2026-02-08T15:30:00.000Z", read("20260208", "103000"));
  EXPECT_EQ("2026-07-08T14:30:15.000Z", read("20260708", "103015.250"));
  EXPECT_EQ("2026-02-08T15:30:00.000Z", read("20260208", "1030"));
  EXPECT_EQ("2026-02-08T05:00:00.000Z", read("20260208", ""));
  for (const char* time : {"1", "24", "1060", "10306", "abcdef", "10300000"})
  {
    EXPECT_THROW(read("20260208", time), BadInput) << time;
  }
  EXPECT_THROW(read("20260230", ""), BadInput);
}

TEST(LocalTime, RefusesWhatDoesNotExist)
{
  EXPECT_TRUE(IsTimeZone("America/Toronto"));
  EXPECT_FALSE(IsTimeZone("America/Gotham"));
  EXPECT_FALSE(IsTimeZone(""));
  EXPECT_THROW(ToLocalTime(Now(), "Mars"), BadInput);
  EXPECT_THROW(StartOfDay("20260230", "America/Toronto"), BadInput);
}

TEST(Uid, IsNewAndValid)
{
  std::set<std::string> uids;
  for (int i = 0; i < 1000; i++)
  {
    const std::string uid = NewUid();
    EXPECT_LE(uid.size(), 64U);
    EXPECT_EQ(0U, uid.find("2.25."));
    EXPECT_NE('0', uid[5]);
    uids.insert(uid);
  }
  EXPECT_EQ(1000U, uids.size());
}
}  // namespace
}  // namespace OrthancClinic
