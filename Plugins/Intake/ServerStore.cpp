// SPDX-License-Identifier: GPL-3.0-or-later

#include "ServerStore.h"

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
const char* ToString(ServerKind kind)
{
  switch (kind)
  {
    case ServerKind::DicomWeb:
      return "dicomweb";
    case ServerKind::Orthanc:
      return "orthanc";
    default:
      return "dicom";
  }
}

ServerKind ParseKind(const std::string& text)
{
  return text == "dicomweb"  ? ServerKind::DicomWeb
         : text == "orthanc" ? ServerKind::Orthanc
                             : ServerKind::Dicom;
}
}  // namespace

const std::vector<std::string>& Operations()
{
  static const std::vector<std::string> OPERATIONS = {"echo",          "store", "find",
                                                      "find_worklist", "move",  "get"};
  return OPERATIONS;
}

Json::Value ToJson(const RemoteServer& server)
{
  Json::Value json;
  json["id"] = server.id;
  json["practice_id"] = server.practiceId;
  json["name"] = server.name;
  json["kind"] = ToString(server.kind);
  json["timeout_seconds"] = static_cast<Json::Int64>(server.timeout.count());
  if (server.kind == ServerKind::Dicom)
  {
    json["ae_title"] = server.aeTitle;
    json["host"] = server.host;
    json["port"] = server.port;
    json["manufacturer"] = server.manufacturer;
    json["local_ae_title"] = OrNull(server.localAeTitle);
    json["tls"] = server.tls;
    json["allow"] = Json::arrayValue;
    for (const std::string& operation : server.allow)
    {
      json["allow"].append(operation);
    }
    json["retrieve_by"] = server.getInsteadOfMove ? "get" : "move";
    json["utf8"] = server.utf8;
  }
  else
  {
    json["url"] = server.url;
    json["user"] = OrNull(server.user);
    json["has_password"] = !server.password.empty();
    json["has_token"] = !server.token.empty();
  }
  json["updated_at"] = OrthancClinic::ToString(server.updatedAt);
  return json;
}

RemoteServer ServerFromJson(const Json::Value& json)
{
  const auto text = [&](const char* name, const std::string& otherwise = "")
  { return json[name].isString() ? json[name].asString() : otherwise; };
  RemoteServer server;
  server.id = text("id");
  server.practiceId = text("practice_id");
  server.name = text("name");
  server.kind = ParseKind(text("kind"));
  server.aeTitle = text("ae_title");
  server.host = text("host");
  server.port = json.get("port", server.port).asInt();
  server.manufacturer = text("manufacturer", server.manufacturer);
  server.localAeTitle = text("local_ae_title");
  server.tls = json.get("tls", server.tls).asBool();
  if (json["allow"].isArray())
  {
    server.allow = Texts(json["allow"]);
  }
  server.getInsteadOfMove = text("retrieve_by") == "get";
  server.utf8 = json.get("utf8", server.utf8).asBool();
  server.url = text("url");
  while (server.url.ends_with('/'))
  {
    server.url.pop_back();
  }
  server.user = text("user");
  server.password = text("password");
  server.token = text("token");
  server.timeout = std::chrono::seconds(
      json.get("timeout_seconds", static_cast<Json::Int64>(server.timeout.count())).asInt64());
  server.updatedAt = ParseTimestamp(text("updated_at")).value_or(Timestamp());
  return server;
}

std::vector<RemoteServer> ServerStore::Fetch(const std::string& tail, const std::vector<std::string>& values)
{
  std::vector<RemoteServer> servers;
  std::string document;
  std::string password;
  std::string token;
  Query(
      transaction_, "SELECT document, password, token FROM remote_servers" + tail, values,
      [&]
      {
        servers.push_back(ServerFromJson(ParseJson(document)));
        servers.back().password = password;
        servers.back().token = token;
      },
      document, password, token);
  return servers;
}

std::optional<RemoteServer> ServerStore::Find(const std::string& id)
{
  auto servers = Fetch(" WHERE id = :id", {id});
  return servers.empty() ? std::nullopt : std::optional(std::move(servers.front()));
}

RemoteServer ServerStore::Get(const std::string& id)
{
  auto server = Find(id);
  if (!server)
  {
    throw NotFound("There is no such server");
  }
  return *std::move(server);
}

std::vector<RemoteServer> ServerStore::List(const PracticeScope& practices)
{
  Conditions conditions;
  practices.AddTo(conditions);
  return Fetch(conditions.Where() + " ORDER BY id", conditions.Values());
}

bool ServerStore::Put(const RemoteServer& server)
{
  const bool isNew = !Find(server.id);
  Execute(transaction_,
          "INSERT INTO remote_servers (id, practice_id, document, password, token, updated_at) VALUES (:id, "
          ":practice, :document, :password, :token, :at) ON CONFLICT (id) DO UPDATE SET practice_id = "
          "excluded.practice_id, document = excluded.document, password = excluded.password, token = "
          "excluded.token, updated_at = excluded.updated_at",
          {server.id, server.practiceId, WriteJson(ToJson(server)), server.password, server.token,
           OrthancClinic::ToString(server.updatedAt)});
  return isNew;
}

void ServerStore::Delete(const std::string& id)
{
  Execute(transaction_, "DELETE FROM remote_servers WHERE id = :id", {id});
}
}  // namespace OrthancClinic::Intake
