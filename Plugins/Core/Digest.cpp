// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>

#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
using Bytes = std::array<unsigned char, EVP_MAX_MD_SIZE>;

void Check(bool done)
{
  if (!done)
  {
    throw Unavailable("A checksum cannot be computed");
  }
}

std::string_view View(const Bytes& bytes, unsigned size)
{
  return {reinterpret_cast<const char*>(bytes.data()), size};
}

const EVP_MD* AlgorithmOf(Digest::Algorithm algorithm)
{
  switch (algorithm)
  {
    case Digest::Algorithm::Md5:
      return EVP_md5();
    case Digest::Algorithm::Sha1:
      return EVP_sha1();
    default:
      return EVP_sha256();
  }
}

std::string HexadecimalOf(std::string_view bytes, const EVP_MD* algorithm)
{
  Bytes digest{};
  unsigned size = 0;
  Check(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, algorithm, nullptr) == 1);
  return ToHexadecimal(View(digest, size));
}
}  // namespace

std::string RandomBytes(size_t size)
{
  std::string bytes(size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1)
  {
    throw Unavailable("There are no random numbers");
  }
  return bytes;
}

std::string RandomSecret()
{
  return ToHexadecimal(RandomBytes(32));
}

bool AreEqual(std::string_view one, std::string_view other)
{
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

Digest::Digest(Algorithm algorithm) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free)
{
  Check(context_ != nullptr && EVP_DigestInit_ex(context_.get(), AlgorithmOf(algorithm), nullptr) == 1);
}

Digest::~Digest() = default;

void Digest::Add(std::string_view bytes)
{
  Check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Digest::Bytes()
{
  OrthancClinic::Bytes digest{};
  unsigned size = 0;
  Check(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
  return std::string(View(digest, size));
}

std::string Digest::Hexadecimal()
{
  return ToHexadecimal(Bytes());
}

std::optional<std::string> FromBase64(std::string_view text)
{
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0)
  {
    return std::nullopt;
  }
  bytes.resize(static_cast<size_t>(size));
  // What "=" stands for is decoded as zeros.
  for (; text.ends_with('=') && !bytes.empty(); text.remove_suffix(1))
  {
    bytes.pop_back();
  }
  return bytes;
}

std::string Md5Of(std::string_view bytes)
{
  return HexadecimalOf(bytes, EVP_md5());
}

std::string Sha256Of(std::string_view bytes)
{
  return HexadecimalOf(bytes, EVP_sha256());
}

std::string HmacSha256(std::string_view key, std::string_view text)
{
  Bytes digest{};
  unsigned size = 0;
  Check(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
             &size) != nullptr);
  return std::string(View(digest, size));
}

std::string ToBase64(std::string_view bytes)
{
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::string ToHexadecimal(std::string_view bytes)
{
  constexpr char DIGITS[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes)
  {
    text += DIGITS[static_cast<unsigned char>(c) >> 4];
    text += DIGITS[static_cast<unsigned char>(c) & 15];
  }
  return text;
}
}  // namespace OrthancClinic
