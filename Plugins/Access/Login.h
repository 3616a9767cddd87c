// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a person signs in, stays so, and leaves.

#pragma once

#include <memory>
#include <semaphore>
#include <string>

#include "AccessDirectory.h"
#include "AccessOptions.h"
#include "AccessStore.h"
#include "Core/Rest/RateLimit.h"
#include "Core/Rest/Router.h"
#include "OpenIdConnect.h"

namespace OrthancClinic::Access
{
class Login
{
public:
  Login(Database& database, AccessDirectory& directory, const Options& options);

  // At the first start: the roles, and the user "admin" with a password that the log shows this once.
  void MakeFirstUser();

  void AddRoutes(Router& router);

private:
  void TryToMakeFirstUser();
  Response SignIn(const Request& request);
  Response StartOidc(const Request& request);
  Response FinishOidc(const Request& request);
  Session OpenSession(Transaction& transaction, const Request& request, User& user,
                      const std::string& secret);
  std::string BrowserCookie(const Session& session) const;
  void AddTokens(Json::Value& answer, const Session& session, const std::string& secret) const;
  Response Refresh(const Request& request);
  Response SignOut(const Request& request);
  Response ChangePassword(const Request& request);

  void LimitAttempts(const std::string& address);
  bool Verify(const std::string& hash, const std::string& password);
  std::string Cookie(const std::string& value, std::chrono::seconds age) const;

  Database& database_;
  AccessDirectory& directory_;
  const Options options_;
  std::unique_ptr<OpenIdConnect> oidc_;   // null without one
  RateLimit attempts_;                    // by address
  std::counting_semaphore<> hashing_{2};  // each takes a processor and 19 MiB
};

// Throws BadInput if the password must not be used.
void CheckNewPassword(const std::string& password, const std::string& userName, const std::string& field);
}  // namespace OrthancClinic::Access
