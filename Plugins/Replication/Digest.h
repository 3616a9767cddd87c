// SPDX-License-Identifier: GPL-3.0-or-later
//
// Checksums by OpenSSL, in one go or piece by piece.

#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace OrthancClinic::Replication
{
class Digest
{
public:
  explicit Digest(const EVP_MD* algorithm);

  void Add(std::string_view bytes);
  std::string Hexadecimal();  // ends it

private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

// Hexadecimal.
std::string Md5Of(std::string_view bytes);
std::string Sha256Of(std::string_view bytes);
}  // namespace OrthancClinic::Replication
