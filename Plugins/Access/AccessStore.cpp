// SPDX-License-Identifier: GPL-3.0-or-later

#include "AccessStore.h"

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Records/Practice.h"

namespace OrthancClinic::Access
{
namespace
{
std::string Text(const std::optional<Timestamp>& time)
{
  return time ? ToString(*time) : "";
}

std::string Text(bool value)
{
  return value ? "1" : "0";
}

bool Exists(Transaction& transaction, const std::string& query, const std::string& value)
{
  std::string found;
  bool exists = false;
  Query(
      transaction, query, {value}, [&] { exists = true; }, found);
  return exists;
}
}  // namespace

Json::Value ToJson(const Role& role)
{
  Json::Value json;
  json["id"] = role.id;
  json["permissions"] = Json::arrayValue;
  for (const Permission permission : role.permissions)
  {
    json["permissions"].append(ToString(permission));
  }
  return json;
}

Json::Value ToJson(const std::vector<Assignment>& roles)
{
  Json::Value json(Json::arrayValue);
  for (const Assignment& assignment : roles)
  {
    Json::Value item;
    item["role"] = assignment.role;
    item["practice_id"] = assignment.practiceId;
    json.append(item);
  }
  return json;
}

std::vector<Assignment> AssignmentsFromJson(const Json::Value& json)
{
  std::vector<Assignment> roles;
  for (const Json::Value& item : json)
  {
    roles.push_back({item["role"].asString(), item["practice_id"].asString()});
  }
  return roles;
}

Json::Value ToJson(const User& user)
{
  Json::Value json;
  json["name"] = user.name;
  json["display_name"] = user.displayName;
  json["language"] = user.language;
  json["roles"] = ToJson(user.roles);
  json["must_change_password"] = user.mustChangePassword;
  json["disabled"] = user.disabled;
  json["locked_until"] = user.lockedUntil && *user.lockedUntil > Now()
                             ? Json::Value(ToString(*user.lockedUntil))
                             : Json::Value();
  json["created_at"] = ToString(user.createdAt);
  json["updated_at"] = ToString(user.updatedAt);
  return json;
}

Json::Value ToJson(const ApiKey& key)
{
  Json::Value json;
  json["id"] = key.id;
  json["name"] = key.name;
  json["roles"] = ToJson(key.roles);
  json["expires_at"] = key.expiresAt ? Json::Value(ToString(*key.expiresAt)) : Json::Value();
  json["created_by"] = key.createdBy;
  json["created_at"] = ToString(key.createdAt);
  return json;
}

void AccessStore::Changed()
{
  Execute(transaction_, "UPDATE access_state SET version = version + 1", {});
}

std::string AccessStore::FindSigningKey()
{
  std::string key;
  Query(
      transaction_, "SELECT signing_key FROM access_state", {}, [] {}, key);
  return key;
}

std::string AccessStore::SigningKey()
{
  if (FindSigningKey().empty())
  {
    // The first of several processes wins.
    Execute(transaction_,
            "INSERT INTO access_state (id, signing_key, version) VALUES (1, :key, 1) ON CONFLICT DO NOTHING",
            {RandomSecret()});
  }
  return FindSigningKey();
}

int64_t AccessStore::Version()
{
  long long version = 0;
  Query(
      transaction_, "SELECT version FROM access_state", {}, [] {}, version);
  return version;
}

std::vector<Role> AccessStore::Roles()
{
  std::vector<Role> roles;
  Role role;
  std::string permissions;
  Query(
      transaction_, "SELECT id, permissions FROM access_roles ORDER BY id", {},
      [&]
      {
        role.permissions.clear();
        for (const Json::Value& name : ParseJson(permissions))
        {
          // One that this version does not know gives nothing.
          if (const auto permission = ParsePermission(name.asString()))
          {
            role.permissions.push_back(*permission);
          }
        }
        roles.push_back(role);
      },
      role.id, permissions);
  return roles;
}

std::optional<Role> AccessStore::FindRole(const std::string& id)
{
  std::vector<Role> roles = Roles();
  const auto found =
      std::find_if(roles.begin(), roles.end(), [&](const Role& role) { return role.id == id; });
  return found == roles.end() ? std::nullopt : std::optional(*found);
}

bool AccessStore::Put(const Role& role)
{
  const bool isNew = !FindRole(role.id);
  Execute(transaction_,
          "INSERT INTO access_roles (id, permissions) VALUES (:id, :permissions) ON CONFLICT (id) DO UPDATE "
          "SET permissions = excluded.permissions",
          {role.id, WriteJson(ToJson(role)["permissions"])});
  Changed();
  return isNew;
}

void AccessStore::DeleteRole(const std::string& id)
{
  if (!FindRole(id))
  {
    throw NotFound("There is no such role");
  }
  const auto has = [&](const std::vector<Assignment>& roles)
  {
    return std::any_of(roles.begin(), roles.end(),
                       [&](const Assignment& assignment) { return assignment.role == id; });
  };
  const std::vector<User> users = Users();
  const std::vector<ApiKey> keys = ApiKeys();
  if (std::any_of(users.begin(), users.end(), [&](const User& user) { return has(user.roles); }) ||
      std::any_of(keys.begin(), keys.end(), [&](const ApiKey& key) { return has(key.roles); }))
  {
    throw Conflict("A user or an API key has this role");
  }
  Execute(transaction_, "DELETE FROM access_roles WHERE id = :id", {id});
  Changed();
}

void AccessStore::CheckRoles(const std::vector<Assignment>& roles)
{
  PracticeStore practices(transaction_);
  for (size_t i = 0; i < roles.size(); i++)
  {
    const std::string path = "roles[" + std::to_string(i) + "]";
    if (!FindRole(roles[i].role))
    {
      throw BadInput("The roles are not valid", {{path + ".role", "there is no such role"}});
    }
    if (roles[i].practiceId != Grants::EVERYWHERE && !practices.Find(roles[i].practiceId))
    {
      throw BadInput("The roles are not valid",
                     {{path + ".practice_id", "there is no such practice; \"*\" stands for all"}});
    }
  }
}

std::vector<User> AccessStore::FetchUsers(const std::string& tail, const std::vector<std::string>& values)
{
  std::vector<User> users;
  User user;
  std::string roles;
  long long mustChange = 0;
  long long disabled = 0;
  long long failures = 0;
  std::string lockedUntil;
  std::string createdAt;
  std::string updatedAt;
  Query(
      transaction_,
      "SELECT name, display_name, language, roles, password_hash, must_change_password, disabled, failures, "
      "locked_until, created_at, updated_at FROM access_users " +
          tail,
      values,
      [&]
      {
        user.roles = AssignmentsFromJson(ParseJson(roles));
        user.mustChangePassword = mustChange != 0;
        user.disabled = disabled != 0;
        user.failures = static_cast<int>(failures);
        user.lockedUntil = ParseTimestamp(lockedUntil);
        user.createdAt = ParseTimestamp(createdAt).value();
        user.updatedAt = ParseTimestamp(updatedAt).value();
        users.push_back(user);
      },
      user.name, user.displayName, user.language, roles, user.passwordHash, mustChange, disabled, failures,
      lockedUntil, createdAt, updatedAt);
  return users;
}

std::vector<User> AccessStore::Users()
{
  return FetchUsers("ORDER BY name", {});
}

std::optional<User> AccessStore::FindUser(const std::string& name)
{
  auto users = FetchUsers("WHERE name = :name", {name});
  return users.empty() ? std::nullopt : std::optional(std::move(users.front()));
}

std::optional<User> AccessStore::FindUserForUpdate(const std::string& name)
{
  // A write transaction of SQLite is alone anyway.
  auto users = FetchUsers(
      transaction_.IsPostgreSql() ? "WHERE name = :name FOR UPDATE" : "WHERE name = :name", {name});
  return users.empty() ? std::nullopt : std::optional(std::move(users.front()));
}

void AccessStore::Insert(const User& user)
{
  CheckRoles(user.roles);
  if (FindUser(user.name))
  {
    throw Conflict("A user of this name exists already");
  }
  Execute(transaction_,
          "INSERT INTO access_users (name, display_name, language, roles, password_hash, "
          "must_change_password, disabled, failures, locked_until, created_at, updated_at) VALUES (:name, "
          ":display, :language, :roles, :hash, CAST(:must AS BIGINT), CAST(:disabled AS BIGINT), 0, '', "
          ":created, :updated)",
          {user.name, user.displayName, user.language, WriteJson(ToJson(user.roles)), user.passwordHash,
           Text(user.mustChangePassword), Text(user.disabled), ToString(user.createdAt),
           ToString(user.updatedAt)});
  Changed();
}

void AccessStore::Update(const User& user)
{
  CheckRoles(user.roles);
  Execute(transaction_,
          "UPDATE access_users SET display_name = :display, language = :language, roles = :roles, "
          "password_hash = :hash, must_change_password = CAST(:must AS BIGINT), disabled = CAST(:disabled AS "
          "BIGINT), failures = CAST(:failures AS BIGINT), locked_until = :locked, updated_at = :updated "
          "WHERE name = :name",
          {user.displayName, user.language, WriteJson(ToJson(user.roles)), user.passwordHash,
           Text(user.mustChangePassword), Text(user.disabled), std::to_string(user.failures),
           Text(user.lockedUntil), ToString(user.updatedAt), user.name});
  Changed();
}

void AccessStore::SetFailures(const User& user)
{
  Execute(transaction_,
          "UPDATE access_users SET failures = CAST(:failures AS BIGINT), locked_until = :locked WHERE name = "
          ":name",
          {std::to_string(user.failures), Text(user.lockedUntil), user.name});
}

void AccessStore::DeleteUser(const std::string& name)
{
  if (!FindUser(name))
  {
    throw NotFound("There is no such user");
  }
  DeleteSessionsOf(name);
  Execute(transaction_, "DELETE FROM access_users WHERE name = :name", {name});
  Changed();
}

std::vector<ApiKey> AccessStore::ApiKeys()
{
  std::vector<ApiKey> keys;
  ApiKey key;
  std::string roles;
  std::string expiresAt;
  std::string createdAt;
  Query(
      transaction_,
      "SELECT id, name, roles, secret_sha256, expires_at, created_by, created_at FROM access_keys ORDER BY "
      "created_at, id",
      {},
      [&]
      {
        key.roles = AssignmentsFromJson(ParseJson(roles));
        key.expiresAt = ParseTimestamp(expiresAt);
        key.createdAt = ParseTimestamp(createdAt).value();
        keys.push_back(key);
      },
      key.id, key.name, roles, key.secretSha256, expiresAt, key.createdBy, createdAt);
  return keys;
}

void AccessStore::Insert(const ApiKey& key)
{
  CheckRoles(key.roles);
  Execute(transaction_,
          "INSERT INTO access_keys (id, name, roles, secret_sha256, expires_at, created_by, created_at) "
          "VALUES (:id, :name, :roles, :secret, :expires, :by, :at)",
          {key.id, key.name, WriteJson(ToJson(key.roles)), key.secretSha256, Text(key.expiresAt),
           key.createdBy, ToString(key.createdAt)});
  Changed();
}

void AccessStore::DeleteApiKey(const std::string& id)
{
  if (!Exists(transaction_, "SELECT id FROM access_keys WHERE id = :id", id))
  {
    throw NotFound("There is no such API key");
  }
  Execute(transaction_, "DELETE FROM access_keys WHERE id = :id", {id});
  Changed();
}

std::vector<Session> AccessStore::FetchSessions(const std::string& tail,
                                                const std::vector<std::string>& values)
{
  std::vector<Session> sessions;
  Session session;
  std::string createdAt;
  std::string expiresAt;
  Query(
      transaction_,
      "SELECT id, user_name, created_at, expires_at, refresh_sha256 FROM "
      "access_sessions " +
          tail,
      values,
      [&]
      {
        session.createdAt = ParseTimestamp(createdAt).value();
        session.expiresAt = ParseTimestamp(expiresAt).value();
        sessions.push_back(session);
      },
      session.id, session.userName, createdAt, expiresAt, session.refreshSha256);
  return sessions;
}

std::vector<Session> AccessStore::LiveSessions()
{
  return FetchSessions("WHERE expires_at > :now", {ToString(Now())});
}

std::optional<Session> AccessStore::FindSessionForUpdate(const std::string& id)
{
  auto sessions =
      FetchSessions(transaction_.IsPostgreSql() ? "WHERE id = :id FOR UPDATE" : "WHERE id = :id", {id});
  return sessions.empty() ? std::nullopt : std::optional(std::move(sessions.front()));
}

void AccessStore::Insert(const Session& session)
{
  Execute(transaction_,
          "INSERT INTO access_sessions (id, user_name, created_at, expires_at, refresh_sha256) "
          "VALUES (:id, :user, :created, :expires, :refresh)",
          {session.id, session.userName, ToString(session.createdAt), ToString(session.expiresAt),
           session.refreshSha256});
  Changed();
}

void AccessStore::SetRefresh(const Session& session)
{
  Execute(transaction_, "UPDATE access_sessions SET refresh_sha256 = :refresh WHERE id = :id",
          {session.refreshSha256, session.id});
}

void AccessStore::DeleteSession(const std::string& id)
{
  Execute(transaction_, "DELETE FROM access_sessions WHERE id = :id", {id});
  Changed();
}

void AccessStore::DeleteSessionsOf(const std::string& userName, const std::string& butNot)
{
  Execute(transaction_, "DELETE FROM access_sessions WHERE user_name = :name AND id <> :kept",
          {userName, butNot});
  Changed();
}

void AccessStore::DeleteExpired()
{
  Execute(transaction_, "DELETE FROM access_sessions WHERE expires_at <= :now", {ToString(Now())});
}
}  // namespace OrthancClinic::Access
