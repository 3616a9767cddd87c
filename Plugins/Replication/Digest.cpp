// SPDX-License-Identifier: GPL-3.0-or-later

#include "Digest.h"

#include <array>

#include "Core/Errors.h"

namespace OrthancClinic::Replication
{
namespace
{
void Check(int result)
{
  if (result != 1)
  {
    throw Unavailable("A checksum cannot be computed");
  }
}

std::string HexadecimalOf(std::string_view bytes, const EVP_MD* algorithm)
{
  Digest digest(algorithm);
  digest.Add(bytes);
  return digest.Hexadecimal();
}
}  // namespace

Digest::Digest(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free)
{
  Check(context_ == nullptr ? 0 : EVP_DigestInit_ex(context_.get(), algorithm, nullptr));
}

void Digest::Add(std::string_view bytes)
{
  Check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

std::string Digest::Hexadecimal()
{
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  Check(EVP_DigestFinal_ex(context_.get(), bytes.data(), &size));
  constexpr char DIGITS[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; i++)
  {
    text += DIGITS[bytes[i] >> 4];
    text += DIGITS[bytes[i] & 15];
  }
  return text;
}

std::string Md5Of(std::string_view bytes)
{
  return HexadecimalOf(bytes, EVP_md5());
}

std::string Sha256Of(std::string_view bytes)
{
  return HexadecimalOf(bytes, EVP_sha256());
}
}  // namespace OrthancClinic::Replication
