// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keeps Orthanc's modalities and peers in step with the stored servers: at the start, at every change, and
// every few seconds, since another Orthanc on the same database may have changed them. What the administrator
// has put there is never touched.

#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "Core/Database/Database.h"
#include "Core/Orthanc.h"
#include "Core/Thread.h"
#include "ServerStore.h"

namespace OrthancClinic::Intake
{
class ServerDirectory
{
public:
  // `orthanc` is Orthanc's configuration.
  ServerDirectory(Database& database, IOrthanc& orthanc, const Json::Value& configuration);

  void Start();
  void Stop();

  // Throws Conflict if the administrator gave the name to something of theirs.
  void CheckName(const RemoteServer& server);

  // Brings Orthanc up to date now.
  void Synchronise();

  // Why a server cannot be used in this Orthanc, by id.
  std::map<std::string, std::string> Problems() const;

  // Throws Conflict if it cannot.
  void RequireUsable(const RemoteServer& server) const;

private:
  // A name in a collection: "/modalities" or "/peers".
  using Entry = std::pair<std::string, std::string>;

  std::set<Entry> ReadEntries();
  bool IsOurs(const Entry& entry) const;  // with mutex_ held, as for the next
  void Write(const std::map<Entry, Json::Value>& wanted);

  Database& database_;
  IOrthanc& orthanc_;
  const std::set<std::string> persistent_;  // collections that Orthanc keeps in its index
  mutable std::mutex mutex_;
  std::map<Entry, std::string> written_;         // by this process, with what
  std::map<std::string, std::string> problems_;  // by server
  PeriodicThread thread_;                        // last: it uses the others
};
}  // namespace OrthancClinic::Intake
