// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tokens of sessions: JWT (RFC 7519), signed with HMAC-SHA-256 and nothing else.

#pragma once

#include <optional>
#include <string>

#include "Core/Timestamp.h"

namespace OrthancClinic::Access
{
struct AccessToken
{
  std::string userName;
  std::string sessionId;
  std::string audience;  // API or BROWSER: one is of no use in the place of the other
  Timestamp expiresAt{};

  static constexpr const char* API = "orthanc-clinic";              // in the Authorization header
  static constexpr const char* BROWSER = "orthanc-clinic-browser";  // in the cookie
};

std::string Sign(const AccessToken& token, const std::string& key);

// Nothing if it was not signed with the key (by whatever algorithm it claims), has another audience, or has
// expired.
std::optional<AccessToken> Verify(const std::string& text, const std::string& key,
                                  const std::string& audience);
}  // namespace OrthancClinic::Access
