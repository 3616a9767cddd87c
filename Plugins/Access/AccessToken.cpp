// SPDX-License-Identifier: GPL-3.0-or-later

#include "AccessToken.h"

#include <jwt.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace OrthancClinic::Access
{
namespace
{
constexpr const char* ISSUER = "orthanc-clinic";
constexpr size_t LONGEST = 4096;

using Jwt = std::unique_ptr<jwt_t, void (*)(jwt_t*)>;

void Check(int code, const char* what)
{
  if (code != 0)
  {
    throw std::runtime_error(std::string("libjwt cannot ") + what);
  }
}

const unsigned char* Bytes(const std::string& text)
{
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string Claim(jwt_t* jwt, const char* name)
{
  const char* const value = jwt_get_grant(jwt, name);
  return value == nullptr ? "" : value;
}
}  // namespace

std::string Sign(const AccessToken& token, const std::string& key)
{
  jwt_t* raw = nullptr;
  Check(jwt_new(&raw), "make a token");
  const Jwt jwt(raw, jwt_free);
  const auto expires = std::chrono::duration_cast<std::chrono::seconds>(token.expiresAt.time_since_epoch());
  Check(jwt_add_grant(raw, "iss", ISSUER), "add a claim");
  Check(jwt_add_grant(raw, "sub", token.userName.c_str()), "add a claim");
  Check(jwt_add_grant(raw, "sid", token.sessionId.c_str()), "add a claim");
  Check(jwt_add_grant(raw, "aud", token.audience.c_str()), "add a claim");
  Check(jwt_add_grant_int(raw, "exp", static_cast<long>(expires.count())), "add a claim");
  Check(jwt_set_alg(raw, JWT_ALG_HS256, Bytes(key), static_cast<int>(key.size())), "set the key");
  const std::unique_ptr<char, void (*)(void*)> text(jwt_encode_str(raw), std::free);
  if (!text)
  {
    throw std::runtime_error("libjwt cannot sign");
  }
  return text.get();
}

std::optional<AccessToken> Verify(const std::string& text, const std::string& key,
                                  const std::string& audience)
{
  jwt_t* raw = nullptr;
  if (text.size() > LONGEST || jwt_decode(&raw, text.c_str(), Bytes(key), static_cast<int>(key.size())) != 0)
  {
    return std::nullopt;
  }
  const Jwt jwt(raw, jwt_free);
  const AccessToken token{Claim(raw, "sub"), Claim(raw, "sid"), Claim(raw, "aud"),
                          Timestamp(std::chrono::seconds(jwt_get_grant_int(raw, "exp")))};
  if (jwt_get_alg(raw) != JWT_ALG_HS256 || Claim(raw, "iss") != ISSUER || token.audience != audience ||
      token.expiresAt <= Now())
  {
    return std::nullopt;
  }
  return token;
}
}  // namespace OrthancClinic::Access
