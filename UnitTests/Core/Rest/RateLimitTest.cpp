// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/RateLimit.h"

#include <gtest/gtest.h>

namespace OrthancClinic
{
TEST(RateLimit, CountsEachByItself)
{
  RateLimit limit(2);
  EXPECT_FALSE(limit.Take("a"));
  EXPECT_FALSE(limit.Take("a"));
  const auto wait = limit.Take("a");
  ASSERT_TRUE(wait);
  EXPECT_LE(wait->count(), 61);
  EXPECT_GT(wait->count(), 55);
  EXPECT_FALSE(limit.Take("b"));
  EXPECT_TRUE(limit.IsSpent("a"));
  EXPECT_FALSE(limit.IsSpent("b"));
  EXPECT_FALSE(limit.IsSpent("c"));
}
}  // namespace OrthancClinic
