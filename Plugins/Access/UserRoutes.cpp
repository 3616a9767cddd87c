// SPDX-License-Identifier: GPL-3.0-or-later

#include "UserRoutes.h"

#include "AccessStore.h"
#include "Core/Configuration/JsonSchema.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Uuid.h"
#include "Login.h"
#include "Password.h"

namespace OrthancClinic::Access
{
namespace
{
const Json::Value& AssignmentsSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "array", "maxItems": 200, "items": {
      "type": "object", "additionalProperties": false, "required": ["role", "practice_id"],
      "properties": {
        "role": {"type": "string", "minLength": 1, "maxLength": 64},
        "practice_id": {"type": "string", "minLength": 1, "maxLength": 128, "description": "\"*\": in every practice."}
      }}
  })");
  return SCHEMA;
}

Json::Value UserSchema()
{
  Json::Value schema = JsonLiteral(R"({
    "type": "object", "additionalProperties": false, "required": ["roles"],
    "properties": {
      "display_name": {"type": "string", "maxLength": 256},
      "language": {"enum": ["en", "fr", "es", "zh"]},
      "disabled": {"type": "boolean"},
      "password": {"type": "string", "minLength": 1, "maxLength": 1024,
                   "description": "A first one, to be changed at the login. Without it, a new user gets one that the answer tells once."}
    }
  })");
  schema["properties"]["roles"] = AssignmentsSchema();
  return schema;
}

Json::Value KeySchema()
{
  Json::Value schema = JsonLiteral(R"({
    "type": "object", "additionalProperties": false, "required": ["name", "roles"],
    "properties": {
      "name": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
      "expires_at": {"type": ["string", "null"], "format": "date-time"}
    }
  })");
  schema["properties"]["roles"] = AssignmentsSchema();
  return schema;
}

void CheckName(const std::string& name)
{
  const bool good = name.size() <= 128 && std::all_of(name.begin(), name.end(),
                                                      [](char c) {
                                                        return (c >= 'a' && c <= 'z') ||
                                                               (c >= '0' && c <= '9') || c == '.' ||
                                                               c == '_' || c == '-' || c == '@';
                                                      });
  if (!good)
  {
    throw BadInput("The name cannot be used",
                   {{"name", "expected small letters, digits, '.', '_', '-' and '@'"}});
  }
}

User Find(AccessStore& store, const std::string& name)
{
  auto user = store.FindUserForUpdate(name);
  if (!user)
  {
    throw NotFound("There is no such user");
  }
  return *std::move(user);
}

Response PutUser(Database& database, AccessDirectory& directory, const Request& request)
{
  const std::string& name = request.Path("name");
  const Json::Value& body = request.Body();
  CheckName(name);
  std::string password = body["password"].asString();
  if (!password.empty())
  {
    CheckNewPassword(password, name, "password");
  }
  const std::string generated = RandomSecret().substr(0, 20);
  // Hashing is costly, and no transaction is open meanwhile.
  bool isNew = false;
  {
    Transaction transaction(database, Transaction::Mode::ReadOnly);
    isNew = !AccessStore(transaction).FindUser(name);
    transaction.Commit();
  }
  const std::string hash =
      isNew || !password.empty() ? HashPassword(password.empty() ? generated : password) : "";

  Transaction transaction(database);
  AccessStore store(transaction);
  auto known = store.FindUserForUpdate(name);
  if (!known && hash.empty())
  {
    throw Conflict("The user was deleted meanwhile: ask again to make it anew");
  }
  User user = known.value_or(User());
  user.name = name;
  user.displayName = body.get("display_name", user.displayName).asString();
  user.language = body.get("language", user.language).asString();
  user.disabled = body.get("disabled", user.disabled).asBool();
  user.roles = AssignmentsFromJson(body["roles"]);
  user.updatedAt = Now();
  if (!known || !password.empty())
  {
    user.passwordHash = hash;
    user.mustChangePassword = true;
  }
  AuditEntry entry = request.Audit(known ? "user.update" : "user.create");
  entry.detail["user"] = name;
  entry.detail["roles"] = ToJson(user.roles);
  entry.detail["disabled"] = user.disabled;
  AuditTrail::Append(transaction, entry);
  if (known)
  {
    store.Update(user);
  }
  else
  {
    user.createdAt = user.updatedAt;
    store.Insert(user);
  }
  if (known && (user.disabled || !password.empty()))
  {
    store.DeleteSessionsOf(name);
  }
  transaction.Commit();
  directory.Reload();
  Json::Value answer = ToJson(user);
  if (!known && password.empty())
  {
    answer["password"] = generated;
  }
  return Response::Json(answer, known ? 200 : 201);
}

Response PutRole(Database& database, AccessDirectory& directory, const Request& request)
{
  Role role;
  role.id = request.Path("id");
  CheckName(role.id);
  const Json::Value& names = request.Body()["permissions"];
  for (Json::ArrayIndex i = 0; i < names.size(); i++)
  {
    const auto permission = ParsePermission(names[i].asString());
    if (!permission || *permission == Permission::Public || *permission == Permission::SignedIn)
    {
      throw BadInput("The role is not valid",
                     {{"permissions[" + std::to_string(i) + "]", "there is no such permission"}});
    }
    role.permissions.push_back(*permission);
  }
  Transaction transaction(database);
  AuditEntry entry = request.Audit("role.update");
  entry.detail = ToJson(role);
  AuditTrail::Append(transaction, entry);
  const bool isNew = AccessStore(transaction).Put(role);
  transaction.Commit();
  directory.Reload();
  return Response::Json(ToJson(role), isNew ? 201 : 200);
}

Response CreateKey(Database& database, AccessDirectory& directory, const Request& request)
{
  const Json::Value& body = request.Body();
  const std::string secret = AccessDirectory::KEY_PREFIX + RandomSecret();
  ApiKey key;
  key.id = NewUuid();
  key.name = body["name"].asString();
  key.roles = AssignmentsFromJson(body["roles"]);
  key.expiresAt = ParseTimestamp(body["expires_at"].asString());
  key.secretSha256 = Sha256Of(secret);
  key.createdBy = request.Caller().name;
  key.createdAt = Now();
  Transaction transaction(database);
  AuditEntry entry = request.Audit("api_key.create");
  entry.detail["api_key"] = key.id;
  entry.detail["name"] = key.name;
  entry.detail["roles"] = ToJson(key.roles);
  AuditTrail::Append(transaction, entry);
  AccessStore(transaction).Insert(key);
  transaction.Commit();
  directory.Reload();
  Json::Value answer = ToJson(key);
  answer["secret"] = secret;  // this once
  return Response::Json(answer, 201);
}

// A change of one thing that the path names.
template <typename Change>
Handler Changes(Database& database, AccessDirectory& directory, const std::string& action,
                const std::string& parameter, Change change)
{
  return [&database, &directory, action, parameter, change](const Request& request)
  {
    Transaction transaction(database);
    AuditEntry entry = request.Audit(action);
    entry.detail[parameter] = request.Path(parameter);
    AuditTrail::Append(transaction, entry);
    AccessStore store(transaction);
    change(store, request.Path(parameter));
    transaction.Commit();
    directory.Reload();
    return Response::NoContent();
  };
}

template <typename Items>
Response ListAll(const Items& items)
{
  Json::Value list(Json::arrayValue);
  for (const auto& item : items)
  {
    list.append(ToJson(item));
  }
  const auto total = static_cast<int64_t>(items.size());
  return Response::List(std::move(list), total, {total, 0});
}
}  // namespace

void AddUserRoutes(Router& router, Database& database, AccessDirectory& directory)
{
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/users",
              .permission = Permission::ReadUsers,
              .summary = "All users",
              .handler = [&database](const Request&)
              {
                Transaction transaction(database, Transaction::Mode::ReadOnly);
                const auto users = AccessStore(transaction).Users();
                transaction.Commit();
                return ListAll(users);
              }});
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/users/{name}",
              .permission = Permission::ReadUsers,
              .summary = "One user",
              .handler = [&database](const Request& request)
              {
                Transaction transaction(database, Transaction::Mode::ReadOnly);
                const auto user = AccessStore(transaction).FindUser(request.Path("name"));
                transaction.Commit();
                if (!user)
                {
                  throw NotFound("There is no such user");
                }
                return Response::Json(ToJson(*user));
              }});
  router.Add({.method = HttpMethod::Put,
              .path = "/api/v1/users/{name}",
              .permission = Permission::WriteUsers,
              .summary = "Creates or changes a user; one who is disabled is signed out",
              .body = UserSchema(),
              .handler = [&database, &directory](const Request& request)
              { return PutUser(database, directory, request); }});
  router.Add(
      {.method = HttpMethod::Delete,
       .path = "/api/v1/users/{name}",
       .permission = Permission::WriteUsers,
       .summary = "Removes a user; what they did stays in the audit trail",
       .handler = Changes(database, directory, "user.delete", "name",
                          [](AccessStore& store, const std::string& name) { store.DeleteUser(name); })});
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/users/{name}/unlock",
              .permission = Permission::WriteUsers,
              .summary = "Lets a user in again whom wrong passwords locked out",
              .handler = Changes(database, directory, "user.unlock", "name",
                                 [](AccessStore& store, const std::string& name)
                                 {
                                   User user = Find(store, name);
                                   user.failures = 0;
                                   user.lockedUntil.reset();
                                   store.SetFailures(user);
                                 })});
  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/users/{name}/sessions",
              .permission = Permission::WriteUsers,
              .summary = "Signs a user out everywhere",
              .handler = Changes(database, directory, "user.sign_out", "name",
                                 [](AccessStore& store, const std::string& name)
                                 { store.DeleteSessionsOf(Find(store, name).name); })});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/roles",
              .permission = Permission::ReadUsers,
              .summary = "The roles, each with its permissions",
              .handler = [&database](const Request&)
              {
                Transaction transaction(database, Transaction::Mode::ReadOnly);
                const auto roles = AccessStore(transaction).Roles();
                transaction.Commit();
                return ListAll(roles);
              }});
  router.Add({.method = HttpMethod::Put,
              .path = "/api/v1/roles/{id}",
              .permission = Permission::WriteUsers,
              .summary = "Creates or replaces a role",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["permissions"],
                "properties": {
                  "permissions": {"type": "array", "maxItems": 100, "uniqueItems": true, "items": {"type": "string", "maxLength": 64}}
                }
              })"),
              .handler = [&database, &directory](const Request& request)
              { return PutRole(database, directory, request); }});
  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/roles/{id}",
              .permission = Permission::WriteUsers,
              .summary = "Removes a role that nobody has",
              .handler = Changes(database, directory, "role.delete", "id",
                                 [](AccessStore& store, const std::string& id) { store.DeleteRole(id); })});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/api-keys",
              .permission = Permission::ReadUsers,
              .summary = "The API keys, without their secrets",
              .handler = [&database](const Request&)
              {
                Transaction transaction(database, Transaction::Mode::ReadOnly);
                const auto keys = AccessStore(transaction).ApiKeys();
                transaction.Commit();
                return ListAll(keys);
              }});
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/api-keys",
              .permission = Permission::WriteUsers,
              .summary = "Makes the key of a system; its `secret` is told this once",
              .body = KeySchema(),
              .handler = [&database, &directory](const Request& request)
              { return CreateKey(database, directory, request); }});
  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/api-keys/{id}",
              .permission = Permission::WriteUsers,
              .summary = "Revokes a key",
              .handler = Changes(database, directory, "api_key.delete", "id",
                                 [](AccessStore& store, const std::string& id) { store.DeleteApiKey(id); })});
}
}  // namespace OrthancClinic::Access
