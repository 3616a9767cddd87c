// SPDX-License-Identifier: GPL-3.0-or-later

#include "Password.h"

#include <argon2.h>

#include <stdexcept>

#include "Core/Digest.h"

namespace OrthancClinic::Access
{
namespace
{
constexpr uint32_t PASSES = 2;
constexpr uint32_t KIBIBYTES = 19 * 1024;
constexpr uint32_t LANES = 1;
constexpr size_t SALT = 16;
constexpr size_t HASH = 32;

}  // namespace

std::string HashPassword(const std::string& password)
{
  const std::string salt = RandomBytes(SALT);
  std::string encoded(argon2_encodedlen(PASSES, KIBIBYTES, LANES, SALT, HASH, Argon2_id), '\0');
  const int code = argon2id_hash_encoded(PASSES, KIBIBYTES, LANES, password.data(), password.size(),
                                         salt.data(), salt.size(), HASH, encoded.data(), encoded.size());
  if (code != ARGON2_OK)
  {
    throw std::runtime_error(std::string("Argon2: ") + argon2_error_message(code));
  }
  encoded.resize(encoded.find('\0'));
  return encoded;
}

bool VerifyPassword(const std::string& hash, const std::string& password)
{
  static const std::string OTHER = HashPassword("");
  const bool usable = hash.starts_with("$argon2id$");
  const bool same =
      argon2id_verify((usable ? hash : OTHER).c_str(), password.data(), password.size()) == ARGON2_OK;
  return usable && same;
}
}  // namespace OrthancClinic::Access
