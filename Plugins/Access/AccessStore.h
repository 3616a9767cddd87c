// SPDX-License-Identifier: GPL-3.0-or-later
//
// Users, roles, API keys and sessions as they are kept. Secrets are kept as hashes alone.

#pragma once

#include <json/value.h>

#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Identity/Principal.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Access
{
// A named set of permissions.
struct Role
{
  std::string id;  // "radiologist"
  std::vector<Permission> permissions;
};

// That somebody has a role in a practice, or in all (Grants::EVERYWHERE).
struct Assignment
{
  std::string role;
  std::string practiceId;
};

struct User
{
  std::string name;  // in lower case; what they sign in with
  std::string displayName;
  std::string language;
  std::vector<Assignment> roles;
  std::string passwordHash;         // Argon2id, in its own notation; empty: signs in elsewhere
  bool mustChangePassword = false;  // may do nothing else before that
  bool disabled = false;
  int failures = 0;  // of the login, in a row
  std::optional<Timestamp> lockedUntil;
  Timestamp createdAt{};
  Timestamp updatedAt{};
};

// The credentials of a system.
struct ApiKey
{
  std::string id;
  std::string name;
  std::vector<Assignment> roles;
  std::string secretSha256;
  std::optional<Timestamp> expiresAt;
  std::string createdBy;
  Timestamp createdAt{};
};

struct Session
{
  std::string id;
  std::string userName;
  Timestamp createdAt{};
  Timestamp expiresAt{};
  std::string refreshSha256;  // of the one refresh token that is good
};

Json::Value ToJson(const Role& role);
Json::Value ToJson(const User& user);  // without the hash
Json::Value ToJson(const ApiKey& key);
Json::Value ToJson(const std::vector<Assignment>& roles);
std::vector<Assignment> AssignmentsFromJson(const Json::Value& json);

class AccessStore
{
public:
  explicit AccessStore(Transaction& transaction) : transaction_(transaction) {}

  // The key that signs tokens, made at first. Every change that decides who may do what counts `Version` up.
  std::string SigningKey();
  std::string FindSigningKey();  // empty if it was not made yet
  int64_t Version();

  std::vector<Role> Roles();
  std::optional<Role> FindRole(const std::string& id);
  bool Put(const Role& role);              // true if it is new
  void DeleteRole(const std::string& id);  // NotFound; Conflict while a user or a key has it

  std::vector<User> Users();
  std::optional<User> FindUser(const std::string& name);
  std::optional<User> FindUserForUpdate(const std::string& name);
  void Insert(const User& user);  // Conflict if the name is taken
  void Update(const User& user);
  void SetFailures(const User& user);        // and until when it is locked
  void DeleteUser(const std::string& name);  // and their sessions; NotFound

  std::vector<ApiKey> ApiKeys();
  void Insert(const ApiKey& key);
  void DeleteApiKey(const std::string& id);  // NotFound

  std::vector<Session> LiveSessions();
  std::optional<Session> FindSessionForUpdate(const std::string& id);
  void Insert(const Session& session);
  void SetRefresh(const Session& session);
  void DeleteSession(const std::string& id);
  void DeleteSessionsOf(const std::string& userName, const std::string& butNot = "");
  void DeleteExpired();

private:
  void Changed();
  void CheckRoles(const std::vector<Assignment>& roles);
  std::vector<User> FetchUsers(const std::string& tail, const std::vector<std::string>& values);
  std::vector<Session> FetchSessions(const std::string& tail, const std::vector<std::string>& values);

  Transaction& transaction_;
};
}  // namespace OrthancClinic::Access
