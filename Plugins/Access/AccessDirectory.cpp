// SPDX-License-Identifier: GPL-3.0-or-later

#include "AccessDirectory.h"

#include "AccessToken.h"
#include "Core/Digest.h"
#include "Core/Errors.h"

namespace OrthancClinic::Access
{
namespace
{
constexpr auto PERIOD = Milliseconds(500);

std::shared_ptr<const Grants> MakeGrants(const std::vector<Assignment>& assignments,
                                         const std::map<std::string, std::vector<Permission>>& roles)
{
  auto grants = std::make_shared<Grants>();
  for (const Assignment& assignment : assignments)
  {
    const auto role = roles.find(assignment.role);
    if (role == roles.end())
    {
      continue;
    }
    for (const Permission permission : role->second)
    {
      grants->Add(assignment.practiceId, permission);
    }
  }
  return grants;
}
}  // namespace

AccessDirectory::AccessDirectory(Database& database, const Json::Value& registeredUsers,
                                 int failuresPerMinute)
    : database_(database), registeredUsers_(registeredUsers), failures_(failuresPerMinute)
{
}

void AccessDirectory::Start()
{
  Reload();
  // Where it fails, what was known stays valid; the database's own health shows the trouble.
  thread_.Start("access", PERIOD, "Users and sessions cannot be read",
                [this]
                {
                  Transaction transaction(database_, Transaction::Mode::ReadOnly);
                  const int64_t version = AccessStore(transaction).Version();
                  transaction.Commit();
                  if (version != Get()->version)
                  {
                    Reload();
                  }
                });
}

void AccessDirectory::Stop()
{
  thread_.Stop();
}

void AccessDirectory::Reload()
{
  auto snapshot = std::make_shared<Snapshot>();
  // Reads alone: a login must not wait for, or keep waiting, who writes.
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  AccessStore store(transaction);
  const std::string key = store.FindSigningKey();
  snapshot->version = store.Version();
  std::map<std::string, std::vector<Permission>> roles;
  for (const Role& role : store.Roles())
  {
    roles[role.id] = role.permissions;
  }
  for (const User& user : store.Users())
  {
    if (!user.disabled)
    {
      snapshot->users[user.name] = user.mustChangePassword ? Grants::None() : MakeGrants(user.roles, roles);
    }
  }
  for (const ApiKey& apiKey : store.ApiKeys())
  {
    snapshot->keys[apiKey.secretSha256] = {apiKey.name, MakeGrants(apiKey.roles, roles), apiKey.expiresAt};
  }
  for (const Session& session : store.LiveSessions())
  {
    snapshot->sessions[session.id] = {session.userName, session.expiresAt};
  }
  transaction.Commit();

  const std::lock_guard lock(mutex_);
  signingKey_ = key;
  // Two threads may have read at once: the older reading does not replace the newer one.
  if (!snapshot_ || snapshot_->version <= snapshot->version)
  {
    snapshot_ = std::move(snapshot);
  }
}

std::shared_ptr<const AccessDirectory::Snapshot> AccessDirectory::Get() const
{
  const std::lock_guard lock(mutex_);
  if (!snapshot_)
  {
    throw Unavailable("Orthanc is starting");
  }
  return snapshot_;
}

std::string AccessDirectory::SigningKey() const
{
  const std::lock_guard lock(mutex_);
  return signingKey_;
}

std::optional<Principal> AccessDirectory::FindKey(const std::string& secret) const
{
  if (!secret.starts_with(KEY_PREFIX))
  {
    return std::nullopt;
  }
  const auto snapshot = Get();
  const auto found = snapshot->keys.find(Sha256Of(secret));
  if (found == snapshot->keys.end() || (found->second.expiresAt && *found->second.expiresAt <= Now()))
  {
    return std::nullopt;
  }
  return Principal{.name = "key:" + found->second.name, .grants = found->second.grants};
}

Principal AccessDirectory::FromToken(const std::string& token, const std::string& audience) const
{
  const auto claims = Verify(token, SigningKey(), audience);
  if (!claims)
  {
    throw Forbidden("The token is not valid, or not any longer");
  }
  const auto snapshot = Get();
  const auto session = snapshot->sessions.find(claims->sessionId);
  const auto user = snapshot->users.find(claims->userName);
  if (session == snapshot->sessions.end() || session->second.userName != claims->userName ||
      session->second.expiresAt <= Now() || user == snapshot->users.end())
  {
    throw Forbidden("The session has ended");
  }
  return {.name = claims->userName, .grants = user->second, .session = claims->sessionId};
}

std::optional<Principal> AccessDirectory::Authenticate(const HttpRequest& request) const
{
  static constexpr std::string_view BEARER = "Bearer ";
  if (const auto basic = FindBasicCredentials(request))
  {
    const auto& [user, password] = *basic;
    if (auto key = FindKey(password))
    {
      return key;
    }
    if (failures_.IsSpent(request.remoteAddress))
    {
      throw Forbidden("Too many wrong passwords from this address: wait a minute");
    }
    const Json::Value& known = registeredUsers_[user];
    if (!known.isString() || !AreEqual(Sha256Of(known.asString()), Sha256Of(password)))
    {
      failures_.Take(request.remoteAddress);
      throw Forbidden("User and password do not fit; people sign in at /api/v1/auth/login");
    }
    return Principal{.name = user, .grants = Grants::All()};
  }
  const std::string authorization = FindHeader(request, "authorization");
  if (authorization.starts_with(BEARER))
  {
    const std::string token = authorization.substr(BEARER.size());
    if (token.starts_with(KEY_PREFIX))
    {
      auto key = FindKey(token);
      if (!key)
      {
        throw Forbidden("The API key is not valid, or not any longer");
      }
      return key;
    }
    return FromToken(token, AccessToken::API);
  }
  if (!authorization.empty())
  {
    throw Forbidden("The Authorization header is of a kind that is not known here");
  }
  const auto cookie = FindCookie(request, COOKIE);
  if (!cookie)
  {
    return std::nullopt;
  }
  Principal principal = FromToken(*cookie, AccessToken::BROWSER);
  if (!IsFromOwnPage(request))
  {
    throw Forbidden("A page of another site cannot do this in your name");
  }
  return principal;
}
}  // namespace OrthancClinic::Access
