// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/Uid.h"

#include <openssl/bn.h>

#include <algorithm>
#include <memory>

#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Uuid.h"

namespace OrthancClinic
{
namespace
{
// Of the 32 hexadecimal digits of a UUID.
std::string FromDigits(const std::string& digits)
{
  BIGNUM* parsed = nullptr;
  BN_hex2bn(&parsed, digits.c_str());
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(parsed, BN_free);
  char* const decimal = number ? BN_bn2dec(number.get()) : nullptr;
  if (decimal == nullptr)
  {
    throw Unavailable("There is no memory for an identifier");
  }
  const std::string uid = std::string("2.25.") + decimal;
  OPENSSL_free(decimal);
  return uid;
}
}  // namespace

std::string NewUid()
{
  std::string digits = NewUuid();
  std::erase(digits, '-');
  return FromDigits(digits);
}

std::string UidOf(const std::string& name)
{
  std::string digits = Sha256Of(name).substr(0, 32);
  digits[12] = '8';                                                 // the version
  digits[16] = "89ab"[static_cast<unsigned char>(digits[16]) % 4];  // the variant
  return FromDigits(digits);
}
}  // namespace OrthancClinic
