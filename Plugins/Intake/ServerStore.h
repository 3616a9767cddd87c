// SPDX-License-Identifier: GPL-3.0-or-later
//
// The practices' remote servers: other archives from which studies are fetched.

#pragma once

#include <json/value.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Records/PracticeScope.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Intake
{
enum class ServerKind
{
  Dicom,     // C-ECHO, C-FIND, C-MOVE or C-GET
  DicomWeb,  // QIDO-RS, WADO-RS
  Orthanc    // Orthanc's REST API
};

struct RemoteServer
{
  std::string id;  // also its name among Orthanc's modalities or peers
  std::string practiceId;
  std::string name;  // what people call it
  ServerKind kind = ServerKind::Dicom;

  std::string aeTitle;  // these of a DICOM server
  std::string host;
  int port = 104;
  std::string manufacturer = "Generic";             // Orthanc's name for its quirks
  std::string localAeTitle;                         // empty: Orthanc's own
  bool tls = false;                                 // with the certificates of Orthanc's configuration
  std::vector<std::string> allow{"echo", "store"};  // what it may ask of this Orthanc
  bool getInsteadOfMove = false;
  bool utf8 = false;  // its names are not all in ISO 8859-1

  std::string url;  // these of the others
  std::string user;
  std::string password;
  std::string token;  // sent as "Authorization: Bearer"

  std::chrono::seconds timeout{10};  // for each answer
  Timestamp updatedAt{};
};

// What can be said of "allow".
const std::vector<std::string>& Operations();

// Without the secrets, of which it only says whether there are some.
Json::Value ToJson(const RemoteServer& server);

// The inverse, from JSON that conforms to the schema of the route; secrets included, where they are given.
RemoteServer ServerFromJson(const Json::Value& json);

class ServerStore
{
public:
  explicit ServerStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<RemoteServer> Find(const std::string& id);
  RemoteServer Get(const std::string& id);  // throws NotFound
  std::vector<RemoteServer> List(const PracticeScope& practices = {});

  // True if it is new.
  bool Put(const RemoteServer& server);
  void Delete(const std::string& id);

private:
  std::vector<RemoteServer> Fetch(const std::string& tail, const std::vector<std::string>& values);

  Transaction& transaction_;
};
}  // namespace OrthancClinic::Intake
