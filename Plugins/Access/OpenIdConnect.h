// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sign-in by an identity provider: OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636). The
// provider's addresses come from its discovery document, its keys from its JWKS.

#pragma once

#include <json/value.h>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "AccessOptions.h"
#include "Core/Http/HttpClient.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Access
{
// Thread-safe.
class OpenIdConnect
{
public:
  // What one browser takes along; all random.
  struct Attempt
  {
    std::string state;
    std::string nonce;
    std::string verifier;
  };

  struct Identity
  {
    std::string name;
    std::string displayName;
    std::vector<Assignment> roles;
  };

  explicit OpenIdConnect(const OidcOptions& options);

  static Attempt NewAttempt();

  // Where the browser goes. Throws Unavailable if the provider cannot be asked.
  std::string AuthorizationUrl(const Attempt& attempt);

  // Who it is, for the code that the browser came back with. Throws Forbidden if the ID token is not good in
  // every respect (signature by RS256 or ES256, issuer, audience, time, nonce) or gives no role; Unavailable.
  Identity Finish(const Attempt& attempt, const std::string& code);

private:
  Json::Value Discover();
  std::string FindKey(const std::string& keyId, const std::string& algorithm);
  Json::Value Claims(const std::string& idToken);
  Json::Value FetchJson(const HttpCall& call);

  const OidcOptions options_;
  HttpClient http_;
  std::mutex mutex_;
  Json::Value discovered_;
  Timestamp discoveredAt_{};
  Json::Value keys_;
};
}  // namespace OrthancClinic::Access
