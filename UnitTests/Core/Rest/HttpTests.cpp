// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Http.h"

#include <gtest/gtest.h>

namespace OrthancClinic
{
namespace
{
TEST(QueryText, IsDecodedOnce)
{
  EXPECT_EQ("Hélène Gagnon", DecodeQueryText("H%C3%A9l%c3%a8ne+Gagnon"));
  EXPECT_EQ("a+b&c=%41", DecodeQueryText("a%2Bb%26c%3D%2541"));
  EXPECT_EQ(std::string("\0\xFF", 2), DecodeQueryText("%00%FF"));
  EXPECT_EQ("", DecodeQueryText(""));
}

TEST(QueryText, KeepsAPercentSignThatEncodesNothing)
{
  EXPECT_EQ("100%", DecodeQueryText("100%"));
  EXPECT_EQ("%4", DecodeQueryText("%4"));
  EXPECT_EQ("%G1%-1% 1", DecodeQueryText("%G1%-1%+1"));
}
}  // namespace
}  // namespace OrthancClinic
