// SPDX-License-Identifier: GPL-3.0-or-later

#include "ServerDirectory.h"

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Core/Log.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr const char* MODALITIES = "/modalities";
constexpr const char* PEERS = "/peers";
constexpr std::chrono::seconds PERIOD(2);

std::set<std::string> PersistentCollections(const Json::Value& configuration)
{
  std::set<std::string> collections;
  if (configuration["DicomModalitiesInDatabase"].isBool() &&
      configuration["DicomModalitiesInDatabase"].asBool())
  {
    collections.insert(MODALITIES);
  }
  if (configuration["OrthancPeersInDatabase"].isBool() && configuration["OrthancPeersInDatabase"].asBool())
  {
    collections.insert(PEERS);
  }
  return collections;
}

Json::Value Modality(const RemoteServer& server)
{
  static const std::map<std::string, const char*> RIGHTS = {
      {"echo", "AllowEcho"}, {"store", "AllowStore"},
      {"find", "AllowFind"}, {"find_worklist", "AllowFindWorklist"},
      {"move", "AllowMove"}, {"get", "AllowGet"}};
  Json::Value json;
  json["AET"] = server.aeTitle;
  json["Host"] = server.host;
  json["Port"] = server.port;
  json["Manufacturer"] = server.manufacturer;
  json["UseDicomTls"] = server.tls;
  json["AllowStorageCommitment"] = false;
  if (!server.localAeTitle.empty())
  {
    json["LocalAet"] = server.localAeTitle;
  }
  for (const auto& [operation, right] : RIGHTS)
  {
    json[right] = std::find(server.allow.begin(), server.allow.end(), operation) != server.allow.end();
  }
  return json;
}

Json::Value Peer(const RemoteServer& server)
{
  Json::Value json;
  json["Url"] = server.url + "/";
  if (!server.user.empty())
  {
    json["Username"] = server.user;
    json["Password"] = server.password;
  }
  else if (!server.token.empty())
  {
    json["HttpHeaders"]["Authorization"] = "Bearer " + server.token;
  }
  return json;
}

std::string CollectionOf(ServerKind kind)
{
  return kind == ServerKind::Dicom ? MODALITIES : kind == ServerKind::Orthanc ? PEERS : "";
}
}  // namespace

ServerDirectory::ServerDirectory(Database& database, IOrthanc& orthanc, const Json::Value& configuration)
    : database_(database), orthanc_(orthanc), persistent_(PersistentCollections(configuration))
{
}

std::set<ServerDirectory::Entry> ServerDirectory::ReadEntries()
{
  std::set<Entry> entries;
  for (const char* collection : {MODALITIES, PEERS})
  {
    for (const Json::Value& name : orthanc_.Get(collection))
    {
      entries.emplace(collection, name.asString());
    }
  }
  return entries;
}

bool ServerDirectory::IsOurs(const Entry& entry) const
{
  // What Orthanc keeps in its index it does not read from its configuration, so that a name that is stored
  // with us is there because we put it there once.
  return written_.contains(entry) || persistent_.contains(entry.first);
}

void ServerDirectory::CheckName(const RemoteServer& server)
{
  const Entry entry{CollectionOf(server.kind), server.id};
  const bool taken = !entry.first.empty() && ReadEntries().contains(entry);
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  const auto known = ServerStore(transaction).Find(server.id);
  transaction.Commit();
  const bool sameEntry = known && CollectionOf(known->kind) == entry.first;
  const std::lock_guard lock(mutex_);
  if (taken && !(written_.contains(entry) || (sameEntry && IsOurs(entry))))
  {
    throw Conflict("Orthanc's administrator has given the name " + server.id +
                   (server.kind == ServerKind::Dicom ? " to a modality" : " to a peer") +
                   ": choose another id");
  }
}

void ServerDirectory::Synchronise()
{
  const std::lock_guard lock(mutex_);
  // Read within the lock, so that an older list never follows a newer one.
  std::map<Entry, Json::Value> wanted;
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  for (const RemoteServer& server : ServerStore(transaction).List())
  {
    if (server.kind != ServerKind::DicomWeb)
    {
      wanted[{CollectionOf(server.kind), server.id}] =
          server.kind == ServerKind::Dicom ? Modality(server) : Peer(server);
    }
  }
  transaction.Commit();
  Write(wanted);
}

void ServerDirectory::Write(const std::map<Entry, Json::Value>& wanted)
{
  const std::set<Entry> present = ReadEntries();
  std::map<std::string, std::string> problems;
  for (const auto& [entry, content] : wanted)
  {
    const std::string path = entry.first + "/" + entry.second;
    const std::string text = WriteJson(content);
    if (present.contains(entry) && !IsOurs(entry))
    {
      problems[entry.second] = "Orthanc's administrator has given this name to something else";
      continue;
    }
    const auto before = written_.find(entry);
    if (present.contains(entry) && before != written_.end() && before->second == text)
    {
      continue;
    }
    try
    {
      orthanc_.Put(path, text);
      written_[entry] = text;
    }
    catch (const BadInput&)
    {
      problems[entry.second] = "Orthanc does not take this server: see its log";
    }
  }
  for (auto it = written_.begin(); it != written_.end();)
  {
    if (wanted.contains(it->first))
    {
      ++it;
      continue;
    }
    if (present.contains(it->first))
    {
      orthanc_.Delete(it->first.first + "/" + it->first.second);
    }
    it = written_.erase(it);
  }
  for (const auto& [id, problem] : problems)
  {
    if (!problems_.contains(id))
    {
      LogWarning("The server " + id + " cannot be used: " + problem);
    }
  }
  problems_ = std::move(problems);
}

std::map<std::string, std::string> ServerDirectory::Problems() const
{
  const std::lock_guard lock(mutex_);
  return problems_;
}

void ServerDirectory::RequireUsable(const RemoteServer& server) const
{
  const auto problems = Problems();
  if (const auto problem = problems.find(server.id); problem != problems.end())
  {
    throw Conflict(problem->second);
  }
}

void ServerDirectory::Start()
{
  try
  {
    Synchronise();  // before the first task needs a server
  }
  catch (const Unavailable& error)
  {
    LogWarning(std::string("Orthanc's modalities and peers are not brought up to date yet: ") + error.what());
  }
  thread_.Start("servers", PERIOD, "Orthanc's modalities and peers are not brought up to date",
                [this] { Synchronise(); });
}

void ServerDirectory::Stop()
{
  thread_.Stop();
}
}  // namespace OrthancClinic::Intake
