// SPDX-License-Identifier: GPL-3.0-or-later

#include "Login.h"

#include <fmt/format.h>

#include <algorithm>

#include "AccessToken.h"
#include "Core/Configuration/JsonSchema.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/LetterCase.h"
#include "Core/Log.h"
#include "Core/Uuid.h"
#include "DefaultRoles.h"
#include "Password.h"

namespace OrthancClinic::Access
{
namespace
{
constexpr size_t SHORTEST_PASSWORD = 12;
constexpr size_t LONGEST_PASSWORD = 256;  // Argon2 takes time for each byte

constexpr const char* OIDC_COOKIE = "clinic_oidc";

// The same words for an unknown name, a wrong password and a locked account: they tell nothing.
Response Refuse(const Options& options)
{
  Response response;
  response.http = Problem(
      401,
      fmt::format("The name or the password is not right. After {} failures, an account is locked for {} "
                  "minutes.",
                  options.failuresUntilLocked, options.lockMinutes));
  return response;
}

Response NotSignedIn()
{
  Response response;
  response.http = Problem(401, "The session has ended: sign in again");
  return response;
}

AuditEntry Audit(const Request& request, const std::string& action, const std::string& user,
                 const std::string& outcome)
{
  AuditEntry entry = request.Audit(action);
  entry.principal.name = user;
  entry.principal.remoteAddress = request.Http().remoteAddress;
  entry.outcome = outcome;
  return entry;
}
}  // namespace

void CheckNewPassword(const std::string& password, const std::string& userName, const std::string& field)
{
  const auto length = CountCodePoints(password);
  if (!length || *length < SHORTEST_PASSWORD || password.size() > LONGEST_PASSWORD)
  {
    throw BadInput(
        "The password cannot be used",
        {{field, fmt::format("expected {} to {} characters", SHORTEST_PASSWORD, LONGEST_PASSWORD)}});
  }
  if (password.find(userName) != std::string::npos || password == std::string(password.size(), password[0]))
  {
    throw BadInput("The password cannot be used", {{field, "it is too easy to guess"}});
  }
}

Login::Login(Database& database, AccessDirectory& directory, const Options& options)
    : database_(database), directory_(directory), options_(options), attempts_(options.loginsPerMinute)
{
  if (!options.oidc.issuer.empty())
  {
    oidc_ = std::make_unique<OpenIdConnect>(options.oidc);
  }
}

void Login::MakeFirstUser()
{
  try
  {
    TryToMakeFirstUser();
  }
  catch (const Conflict&)
  {
    // Another Orthanc on the same database has just made it, and its log has the password.
  }
}

void Login::TryToMakeFirstUser()
{
  Transaction transaction(database_);
  AccessStore store(transaction);
  store.SigningKey();
  if (store.Roles().empty())
  {
    for (const Role& role : DefaultRoles())
    {
      store.Put(role);
    }
  }
  const bool isFirst = store.Users().empty();
  const std::string password = RandomSecret().substr(0, 20);
  if (isFirst)
  {
    User admin;
    admin.name = "admin";
    admin.displayName = "Administrator";
    admin.roles = {{"administrator", Grants::EVERYWHERE}};
    admin.passwordHash = HashPassword(password);
    admin.mustChangePassword = true;
    admin.createdAt = admin.updatedAt = Now();
    store.Insert(admin);
  }
  transaction.Commit();
  if (isFirst)
  {
    LogWarning("The first user is \"admin\" with the password " + password +
               " which must be changed at the first login and is not shown again");
  }
}

void Login::LimitAttempts(const std::string& address)
{
  if (const auto wait = attempts_.Take(address))
  {
    throw TooManyRequests("Too many attempts from this address: wait a minute", *wait);
  }
}

bool Login::Verify(const std::string& hash, const std::string& password)
{
  hashing_.acquire();
  // Given back also if there is no memory for the hash.
  const std::unique_ptr<std::counting_semaphore<>, void (*)(std::counting_semaphore<>*)> permit(
      &hashing_, [](std::counting_semaphore<>* hashing) { hashing->release(); });
  return VerifyPassword(hash, password);
}

std::string Login::Cookie(const std::string& value, std::chrono::seconds age) const
{
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", AccessDirectory::COOKIE, value,
                     age.count(), options_.secureCookies ? "; Secure" : "");
}

Response Login::SignIn(const Request& request)
{
  LimitAttempts(request.Http().remoteAddress);
  const Json::Value& body = request.Body();
  const std::string name = ToLower(body["username"].asString());
  const std::string password = body["password"].asString();
  std::optional<User> user;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    user = AccessStore(transaction).FindUser(name);
    transaction.Commit();
  }
  const bool good = password.size() <= LONGEST_PASSWORD && Verify(user ? user->passwordHash : "", password) &&
                    !user->disabled;

  Transaction transaction(database_);
  AccessStore store(transaction);
  user = store.FindUserForUpdate(name);
  const Timestamp now = Now();
  const bool locked = user && user->lockedUntil && *user->lockedUntil > now;
  if (!good || !user || locked)
  {
    if (user && !locked && ++user->failures >= options_.failuresUntilLocked)
    {
      user->failures = 0;
      user->lockedUntil = now + std::chrono::minutes(options_.lockMinutes);
    }
    if (user)
    {
      store.SetFailures(*user);
    }
    // What an unknown person typed may be a password: it is not written down.
    AuditTrail::Append(transaction, Audit(request, "user.login", user ? name : "unknown", "denied"));
    transaction.Commit();
    return Refuse(options_);
  }

  const std::string secret = RandomSecret();
  const Session session = OpenSession(transaction, request, *user, secret);
  transaction.Commit();
  directory_.Reload();

  Json::Value answer;
  answer["user"] = ToJson(*user);
  answer["expires_at"] = ToString(session.expiresAt);
  if (body["cookie"].asBool())
  {
    return Response::Json(answer).Header("Set-Cookie", BrowserCookie(session));
  }
  AddTokens(answer, session, secret);
  return Response::Json(answer);
}

Session Login::OpenSession(Transaction& transaction, const Request& request, User& user,
                           const std::string& secret)
{
  Session session;
  session.id = NewUuid();
  session.userName = user.name;
  session.createdAt = Now();
  session.expiresAt = session.createdAt + std::chrono::minutes(options_.sessionMinutes);
  session.refreshSha256 = Sha256Of(secret);
  user.failures = 0;
  user.lockedUntil.reset();
  AccessStore store(transaction);
  store.SetFailures(user);
  store.DeleteExpired();
  store.Insert(session);
  AuditTrail::Append(transaction, Audit(request, "user.login", user.name, "success"));
  return session;
}

std::string Login::BrowserCookie(const Session& session) const
{
  return Cookie(
      Sign({session.userName, session.id, AccessToken::BROWSER, session.expiresAt}, directory_.SigningKey()),
      std::chrono::minutes(options_.sessionMinutes));
}

void Login::AddTokens(Json::Value& answer, const Session& session, const std::string& secret) const
{
  const auto life = std::chrono::minutes(options_.tokenMinutes);
  answer["access_token"] =
      Sign({session.userName, session.id, AccessToken::API, std::min(Now() + life, session.expiresAt)},
           directory_.SigningKey());
  answer["token_type"] = "Bearer";
  answer["expires_in"] = static_cast<Json::Int64>(std::chrono::seconds(life).count());
  answer["refresh_token"] = session.id + "." + secret;
}

// What the browser keeps while it is at the provider: nobody else can finish what it began. Lax, since it
// comes back from another site.
Response Login::StartOidc(const Request& request)
{
  LimitAttempts(request.Http().remoteAddress);
  const OpenIdConnect::Attempt attempt = OpenIdConnect::NewAttempt();
  const std::string content = attempt.state + "." + attempt.nonce + "." + attempt.verifier;
  const std::string seal = ToHexadecimal(HmacSha256(directory_.SigningKey(), "oidc " + content));
  return Response::Text("", "text/plain", 303)
      .Header("Location", oidc_->AuthorizationUrl(attempt))
      .Header("Set-Cookie",
              fmt::format("{}={}.{}; Path=/api/v1/auth/oidc; HttpOnly; SameSite=Lax; Max-Age=600{}",
                          OIDC_COOKIE, content, seal, options_.secureCookies ? "; Secure" : ""));
}

Response Login::FinishOidc(const Request& request)
{
  LimitAttempts(request.Http().remoteAddress);
  const auto fail = [&](const std::string& why)
  {
    AuditEntry entry = Audit(request, "user.login", "unknown", "denied");
    entry.detail["reason"] = why;
    Transaction transaction(database_);
    AuditTrail::Append(transaction, entry);
    transaction.Commit();
    LogWarning("A sign-in by the identity provider was refused: " + why);
    return Response::Text("", "text/plain", 303).Header("Location", "/clinic#sign-in-failed");
  };
  const std::string cookie = FindCookie(request.Http(), OIDC_COOKIE).value_or("");
  const size_t dot = cookie.rfind('.');
  const std::string content = cookie.substr(0, dot);
  if (dot == std::string::npos ||
      !AreEqual(ToHexadecimal(HmacSha256(directory_.SigningKey(), "oidc " + content)),
                cookie.substr(dot + 1)))
  {
    return fail("this browser has not begun it");
  }
  const size_t first = content.find('.');
  const size_t second = content.find('.', first + 1);
  const OpenIdConnect::Attempt attempt{
      content.substr(0, first), content.substr(first + 1, second - first - 1), content.substr(second + 1)};
  if (request.QueryText("code").empty() || !AreEqual(attempt.state, request.QueryText("state")))
  {
    return fail("the provider did not give a code for what this browser began");
  }
  OpenIdConnect::Identity identity;
  try
  {
    identity = oidc_->Finish(attempt, request.QueryText("code"));
  }
  catch (const Error& error)
  {
    return fail(error.what());
  }

  Transaction transaction(database_);
  AccessStore store(transaction);
  auto user = store.FindUserForUpdate(identity.name);
  if (user && (!user->passwordHash.empty() || user->disabled))
  {
    transaction.Commit();
    return fail("there is a user of this name with a password here, or one that is disabled");
  }
  const bool isNew = !user;
  if (isNew)
  {
    user.emplace();
    user->name = identity.name;
    user->createdAt = Now();
  }
  user->displayName = identity.displayName;
  user->roles = identity.roles;
  user->updatedAt = Now();
  isNew ? store.Insert(*user) : store.Update(*user);
  const Session session = OpenSession(transaction, request, *user, RandomSecret());
  transaction.Commit();
  directory_.Reload();
  return Response::Text("", "text/plain", 303)
      .Header("Location", "/clinic")
      .Header("Set-Cookie", BrowserCookie(session));
}

Response Login::Refresh(const Request& request)
{
  LimitAttempts(request.Http().remoteAddress + " refresh");
  const std::string token = request.Body()["refresh_token"].asString();
  const size_t dot = token.find('.');
  Transaction transaction(database_);
  AccessStore store(transaction);
  auto session = store.FindSessionForUpdate(token.substr(0, dot));
  if (!session || dot == std::string::npos || session->expiresAt <= Now())
  {
    return NotSignedIn();
  }
  if (!AreEqual(session->refreshSha256, Sha256Of(token.substr(dot + 1))))
  {
    // Each token is good once: two people have this one, and nobody knows who is who.
    store.DeleteSession(session->id);
    AuditTrail::Append(transaction, Audit(request, "session.refresh", session->userName, "denied"));
    transaction.Commit();
    directory_.Reload();
    return NotSignedIn();
  }
  const std::string secret = RandomSecret();
  session->refreshSha256 = Sha256Of(secret);
  store.SetRefresh(*session);
  transaction.Commit();
  Json::Value answer;
  AddTokens(answer, *session, secret);
  return Response::Json(answer);
}

Response Login::SignOut(const Request& request)
{
  const Principal& caller = request.Caller();
  if (caller.session.empty())
  {
    throw BadInput("These credentials come with each request: there is no session to end");
  }
  Transaction transaction(database_);
  AccessStore(transaction).DeleteSession(caller.session);
  AuditTrail::Append(transaction, request.Audit("user.logout"));
  transaction.Commit();
  directory_.Reload();
  return Response::NoContent().Header("Set-Cookie", Cookie("", std::chrono::seconds(0)));
}

Response Login::ChangePassword(const Request& request)
{
  LimitAttempts(request.Http().remoteAddress);
  const Principal& caller = request.Caller();
  if (caller.session.empty())
  {
    throw Forbidden("Only a person who signed in has a password here");
  }
  const std::string current = request.Body()["current_password"].asString();
  const std::string wanted = request.Body()["new_password"].asString();
  CheckNewPassword(wanted, caller.name, "new_password");
  std::optional<User> user;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    user = AccessStore(transaction).FindUser(caller.name);
    transaction.Commit();
  }
  if (!user || !Verify(user->passwordHash, current))
  {
    throw BadInput("The password was not changed", {{"current_password", "it is not right"}});
  }
  if (current == wanted)
  {
    throw BadInput("The password was not changed", {{"new_password", "it is the old one"}});
  }
  const std::string hash = HashPassword(wanted);
  Transaction transaction(database_);
  AccessStore store(transaction);
  user = store.FindUserForUpdate(caller.name);
  user->passwordHash = hash;
  user->mustChangePassword = false;
  user->updatedAt = Now();
  store.Update(*user);
  store.DeleteSessionsOf(user->name, caller.session);
  AuditTrail::Append(transaction, request.Audit("user.password"));
  transaction.Commit();
  directory_.Reload();
  return Response::NoContent();
}

void Login::AddRoutes(Router& router)
{
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/auth/login",
              .permission = Permission::Public,
              .summary = "Signs a person in: an access and a refresh token, or a cookie for the browser",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["username", "password"],
                "properties": {
                  "username": {"type": "string", "minLength": 1, "maxLength": 128},
                  "password": {"type": "string", "minLength": 1, "maxLength": 1024},
                  "cookie": {"type": "boolean", "description": "Whether the session is to be a cookie, which no script can read."}
                }
              })"),
              .maxBody = 16 << 10,
              .handler = [this](const Request& request) { return SignIn(request); }});
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/auth/methods",
              .permission = Permission::Public,
              .summary = "How one can sign in",
              .handler = [this](const Request&)
              {
                Json::Value json;
                json["password"] = true;
                json["openid_connect"] = oidc_ != nullptr;
                return Response::Json(json);
              }});
  if (oidc_)
  {
    const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 4096})");
    router.Add({.method = HttpMethod::Get,
                .path = "/api/v1/auth/oidc",
                .permission = Permission::Public,
                .summary = "Sends the browser to the identity provider",
                .handler = [this](const Request& request) { return StartOidc(request); }});
    router.Add({.method = HttpMethod::Get,
                .path = "/api/v1/auth/oidc/callback",
                .permission = Permission::Public,
                .summary = "Where the identity provider sends it back",
                .query = {{"code", "Of the provider", text}, {"state", "Ours", text}},
                .anyQuery = true,
                .handler = [this](const Request& request) { return FinishOidc(request); }});
  }
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/auth/refresh",
              .permission = Permission::Public,
              .summary = "A new access token, and a new refresh token: each is good once",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["refresh_token"],
                "properties": {"refresh_token": {"type": "string", "minLength": 1, "maxLength": 256}}
              })"),
              .maxBody = 16 << 10,
              .handler = [this](const Request& request) { return Refresh(request); }});
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/auth/logout",
              .permission = Permission::SignedIn,
              .summary = "Ends the session",
              .handler = [this](const Request& request) { return SignOut(request); }});
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/auth/password",
              .permission = Permission::SignedIn,
              .summary = "Changes one's own password; one's other sessions end",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["current_password", "new_password"],
                "properties": {
                  "current_password": {"type": "string", "minLength": 1, "maxLength": 256},
                  "new_password": {"type": "string", "minLength": 1, "maxLength": 1024}
                }
              })"),
              .handler = [this](const Request& request) { return ChangePassword(request); }});
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/auth/me",
              .permission = Permission::SignedIn,
              .summary = "Who calls, and what they may do where (\"*\": in every practice)",
              .handler = [](const Request& request)
              {
                Json::Value json;
                json["name"] = request.Caller().name;
                json["permissions"] = request.Caller().grants->ToJson();
                return Response::Json(json);
              }});
}
}  // namespace OrthancClinic::Access
