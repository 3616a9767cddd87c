// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Digest.h"

#include <gtest/gtest.h>

namespace OrthancClinic
{
namespace
{
TEST(Checksums, AreThoseOfTheStandards)
{
  EXPECT_EQ("900150983cd24fb0d6963f7d28e17f72", Md5Of("abc"));  // RFC 1321 A.5
  EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Sha256Of("abc"));  // FIPS 180
  Digest digest(Digest::Algorithm::Sha256);
  digest.Add("a");
  digest.Add("bc");
  EXPECT_EQ(Sha256Of("abc"), digest.Hexadecimal());
  EXPECT_EQ("Zm9vYg==", ToBase64("foob"));  // RFC 4648 s. 10
  EXPECT_EQ("", ToBase64(""));
  // RFC 4231 s. 4.3
  EXPECT_EQ("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ToHexadecimal(HmacSha256("Jefe", "what do ya want for nothing?")));
}
}  // namespace
}  // namespace OrthancClinic
