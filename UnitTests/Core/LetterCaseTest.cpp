// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/LetterCase.h"

#include <gtest/gtest.h>

namespace OrthancClinic
{
namespace
{
TEST(LetterCase, ChangesTheLettersOfAsciiAlone)
{
  EXPECT_EQ("content-type_09@[`{é É", ToLower("Content-TYPE_09@[`{é É"));
  EXPECT_EQ("CONTENT-TYPE_09@[`{é É", ToUpper("Content-TYPE_09@[`{é É"));
  EXPECT_EQ("", ToLower(""));
}
}  // namespace
}  // namespace OrthancClinic
