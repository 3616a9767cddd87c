// SPDX-License-Identifier: GPL-3.0-or-later
//
// Checksums by OpenSSL, in one go or piece by piece, given in hexadecimal; random bytes; and bytes as text.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "Core/Api.h"

struct evp_md_ctx_st;

namespace OrthancClinic
{
class ORTHANC_CLINIC_API Digest
{
public:
  enum class Algorithm
  {
    Md5,
    Sha256,
    Sha1  // Orthanc's identifiers
  };

  explicit Digest(Algorithm algorithm);
  ~Digest();

  void Add(std::string_view bytes);
  std::string Bytes();  // ends it, as the next one
  std::string Hexadecimal();

private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

ORTHANC_CLINIC_API std::string Md5Of(std::string_view bytes);
ORTHANC_CLINIC_API std::string Sha256Of(std::string_view bytes);

// RFC 2104 with SHA-256; the key and the result are bytes.
ORTHANC_CLINIC_API std::string HmacSha256(std::string_view key, std::string_view text);

// Fit for keys. A secret is 256 bits in hexadecimal.
ORTHANC_CLINIC_API std::string RandomBytes(size_t size);
ORTHANC_CLINIC_API std::string RandomSecret();

// Compares in a time that tells nothing but the lengths.
ORTHANC_CLINIC_API bool AreEqual(std::string_view one, std::string_view other);

ORTHANC_CLINIC_API std::string ToHexadecimal(std::string_view bytes);
ORTHANC_CLINIC_API std::string ToBase64(std::string_view bytes);

// Nothing if it is no base64 with its padding.
ORTHANC_CLINIC_API std::optional<std::string> FromBase64(std::string_view text);
}  // namespace OrthancClinic
