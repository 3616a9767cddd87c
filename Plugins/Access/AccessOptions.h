// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section "Access" of the configuration.

#pragma once

#include <json/value.h>

#include <map>
#include <string>
#include <vector>

#include "AccessStore.h"
#include "Core/Configuration/Configuration.h"

namespace OrthancClinic::Access
{
// Sign-in by an identity provider.
struct OidcOptions
{
  std::string issuer;  // empty: none
  std::string clientId;
  std::string clientSecret;
  std::string redirectUri;
  std::string scope;
  std::string nameClaim;
  std::string roleClaim;
  std::map<std::string, std::vector<Assignment>> roles;  // by a value of the role claim
  std::string certificateAuthorities;
};

struct Options
{
  bool enabled = false;
  int sessionMinutes = 0;
  int tokenMinutes = 0;
  int failuresUntilLocked = 0;
  int lockMinutes = 0;
  int loginsPerMinute = 0;
  bool secureCookies = false;
  int uploadsPerMinute = 0;  // of one principal from one address
  int64_t uploadMegabytes = 0;
  std::string modalities;      // any, learn or strict
  int auditRetentionDays = 0;  // 0: for ever
  struct
  {
    std::string host;  // empty: none
    int port = 0;
    std::string certificateAuthorities;
  } syslog;
  OidcOptions oidc;
};

const Json::Value& OptionsSchema();

// Throws BadInput for what cannot be.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Access
