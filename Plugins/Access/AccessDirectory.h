// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who may come in, in memory: each request is judged without touching the database. What changes in this
// process counts at once, what another process changes after half a second at most.

#pragma once

#include <json/value.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "AccessStore.h"
#include "Core/Rest/Http.h"
#include "Core/Rest/RateLimit.h"
#include "Core/Thread.h"

namespace OrthancClinic::Access
{
class AccessDirectory
{
public:
  static constexpr const char* COOKIE = "clinic_session";
  static constexpr const char* KEY_PREFIX = "ock_";  // so that a leaked API key is recognised

  // `registeredUsers` is Orthanc's option: name → password. They may do everything. After so many wrong
  // passwords in a minute, an address is not listened to for the rest of it.
  AccessDirectory(Database& database, const Json::Value& registeredUsers, int failuresPerMinute);

  void Start();
  void Stop();

  // Reads the database again. After each change that must count at once.
  void Reload();

  // By the Authorization header ("Basic" of a registered user or with an API key as the password, "Bearer"
  // with an access token or an API key), else by the cookie of the browser. Throws Forbidden for credentials
  // that are not good (any longer), and for a change that a page of another site wants to make with the
  // cookie.
  std::optional<Principal> Authenticate(const HttpRequest& request) const;

  std::string SigningKey() const;

private:
  struct Key
  {
    std::string name;
    std::shared_ptr<const Grants> grants;
    std::optional<Timestamp> expiresAt;
  };
  struct OpenSession
  {
    std::string userName;
    Timestamp expiresAt{};
  };
  struct Snapshot
  {
    int64_t version = 0;
    std::map<std::string, std::shared_ptr<const Grants>> users;  // those who are not disabled
    std::unordered_map<std::string, OpenSession> sessions;
    std::unordered_map<std::string, Key> keys;  // by the hash of the secret
  };

  std::shared_ptr<const Snapshot> Get() const;
  std::optional<Principal> FindKey(const std::string& secret) const;
  Principal FromToken(const std::string& token, const std::string& audience) const;

  Database& database_;
  const Json::Value registeredUsers_;
  mutable RateLimit failures_;  // of Basic, by address
  std::string signingKey_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
  PeriodicThread thread_;  // last: it uses the others
};
}  // namespace OrthancClinic::Access
