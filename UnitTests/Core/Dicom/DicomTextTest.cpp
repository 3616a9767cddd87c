// SPDX-License-Identifier: GPL-3.0-or-later

#include <gtest/gtest.h>

#include <random>

#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/Folding.h"
#include "Core/Dicom/PersonName.h"
#include "Core/Dicom/Text.h"

namespace OrthancClinic
{
namespace
{
TEST(CleanText, MakesAnyBytesFitToBeKept)
{
  struct Case
  {
    std::string bytes;
    size_t most;
    std::string expected;
  };
  const Case cases[] = {{"", 10, ""},
                        {"  Tremblay ", 64, "Tremblay"},
                        {std::string("A\0B", 3), 64, "A B"},
                        {"a\tb\r\nc", 64, "a b  c"},
                        {"C\xf4t\xe9", 64, "C\xef\xbf\xbdt\xef\xbf\xbd"},  // Latin-1 said to be UTF-8
                        {"Côté", 5, "Côt"},                                // never half a character
                        {"\xed\xa0\x80", 64, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // a lone surrogate
                        {"王小东", 6, "王小"}};
  for (const Case& item : cases)
  {
    EXPECT_EQ(CleanText(item.bytes, item.most), item.expected);
  }
}

TEST(CleanText, OfRandomBytesIsCleanAndStaysTheSame)
{
  std::minstd_rand random(7);
  for (int i = 0; i < 2000; i++)
  {
    std::string bytes(random() % 200, '\0');
    for (char& c : bytes)
    {
      c = static_cast<char>(random());
    }
    const std::string clean = CleanText(bytes, 100);
    EXPECT_LE(clean.size(), 100U);
    EXPECT_EQ(CleanText(clean, 100), clean);
  }
}

TEST(FoldedWords, ForgetCaseAccentsAndPunctuation)
{
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"", {}},
      {"TREMBLAY", {"tremblay"}},
      {"Jean-François", {"jean", "francois"}},
      {"Œuvrard", {"oeuvrard"}},
      {"D'Amours", {"d", "amours"}},
      {"Straße", {"strasse"}},
      {"Łukasz Đặng", {"lukasz", "dang"}},
      {"ＦＵＬＬ　ｗｉｄｔｈ", {"full", "width"}},
      {"Cote\xcc\x81", {"cote"}},  // a combining accent
      {"王小东", {"王小东"}}};
  for (const auto& [text, words] : cases)
  {
    EXPECT_EQ(FoldedWords(text), words) << text;
  }
}

TEST(PersonName, IsReadWithItsGroupsAndComponents)
{
  const PersonName name = PersonName::Parse("Wang^XiaoDong=王^小东=");
  EXPECT_EQ(name.alphabetic.family, "Wang");
  EXPECT_EQ(name.alphabetic.given, "XiaoDong");
  EXPECT_EQ(name.ideographic.family, "王");
  EXPECT_EQ(name.ideographic.given, "小东");
  EXPECT_TRUE(name.phonetic.IsEmpty());
  EXPECT_EQ(name.ToString(), "Wang^XiaoDong=王^小东");
}

TEST(PersonName, ToleratesWhatModalitiesSend)
{
  EXPECT_EQ(PersonName::Parse(" Tremblay ^ Jean ").ToString(), "Tremblay^Jean");
  EXPECT_EQ(PersonName::Parse("A^B^C^D^E^F^G").ToString(), "A^B^C^D^E");
  EXPECT_EQ(PersonName::Parse("A=B=C=D").ToString(), "A=B=C");
  EXPECT_EQ(PersonName::Parse("A^B\\C^D").ToString(), "A^B");
  EXPECT_EQ(PersonName::Parse("^^^^").ToString(), "");
  EXPECT_EQ(PersonName::Parse("").ToString(), "");
  EXPECT_LE(PersonName::Parse(std::string(1 << 16, 'x')).ToString().size(), 300U);
}

TEST(DicomDate, IsReadInItsFormsAndNotOtherwise)
{
  const std::pair<std::string, std::string> good[] = {
      {"19850228", "1985-02-28"}, {"1985-02-28", "1985-02-28"}, {"1985.02.28", "1985-02-28"},
      {"198502", "1985-02"},      {"1985-02", "1985-02"},       {"1985", "1985"},
      {"19850200", "1985-02"},    {"19850000", "1985"},         {" 19850228 ", "1985-02-28"},
      {"20000229", "2000-02-29"}};
  for (const auto& [text, iso] : good)
  {
    const auto date = DicomDate::Parse(text);
    ASSERT_TRUE(date) << text;
    EXPECT_EQ(date->ToIso(), iso) << text;
  }
  for (const char* text : {"", "garbage", "19851301", "19850230", "00000000", "1985-2-28", "850228",
                           "198502281", "-", "1985/02-", "Feb 1985"})
  {
    EXPECT_FALSE(DicomDate::Parse(text)) << text;
  }
}
}  // namespace
}  // namespace OrthancClinic
