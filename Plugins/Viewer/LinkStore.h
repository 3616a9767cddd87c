// SPDX-License-Identifier: GPL-3.0-or-later
//
// The links that open studies, and which browser has opened which.

#pragma once

#include <json/value.h>

#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Viewer
{
struct LinkedStudy
{
  std::string uid;
  std::string practiceId;
};

struct Link
{
  std::string id;
  std::vector<LinkedStudy> studies;
  bool measurements = false;  // whether what is measured may be stored
  int usesLeft = -1;          // -1: any number
  std::string createdBy;
  Timestamp createdAt{};
  Timestamp expiresAt{};
};

Json::Value ToJson(const Link& link);

class LinkStore
{
public:
  explicit LinkStore(Transaction& transaction) : transaction_(transaction) {}

  void Insert(const Link& link, const std::string& secret);

  // A link by its secret, whatever its state; locked until the transaction ends.
  std::optional<Link> FindBySecretForUpdate(const std::string& secret);
  std::optional<Link> Find(const std::string& id);
  std::vector<Link> List();  // those that have not expired, newest first

  // Takes one use from it, and opens it in the browser that gets `session`; what the browser had opened
  // before as `formerSession` goes over.
  void Open(const Link& link, const std::string& session, const std::string& formerSession);

  // What a browser has open: only links that have not expired.
  std::vector<Link> OfSession(const std::string& session);

  void Delete(const std::string& id);  // NotFound
  void DeleteExpired();

private:
  std::vector<Link> Fetch(const std::string& tail, const std::vector<std::string>& values);

  Transaction& transaction_;
};
}  // namespace OrthancClinic::Viewer
