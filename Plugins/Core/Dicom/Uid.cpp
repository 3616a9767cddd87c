// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/Uid.h"

#include <openssl/bn.h>

#include <algorithm>
#include <memory>

#include "Core/Errors.h"
#include "Core/Uuid.h"

namespace OrthancClinic
{
std::string NewUid()
{
  std::string digits = NewUuid();
  std::erase(digits, '-');
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
}  // namespace OrthancClinic
