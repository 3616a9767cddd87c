// SPDX-License-Identifier: GPL-3.0-or-later
//
// To whom events are delivered, and the table of them.

#pragma once

#include <json/value.h>

#include <optional>
#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Records/PracticeScope.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Webhooks
{
enum class Form
{
  Crm,      // one call per new instance, with a Bearer secret
  Standard  // one signed call per event, by the Standard Webhooks specification
};

using OrthancClinic::ToString;
std::string ToString(Form form);

struct Endpoint
{
  // The only event of Form::Crm.
  static constexpr const char* NEW_INSTANCE = "NewInstance";

  std::string id;
  std::string practiceId;
  std::string url;
  Form form = Form::Standard;
  std::vector<std::string> events;  // "study.matched", all of "study.*", or "*"
  std::string description;
  std::string secret;
  std::string formerSecret;  // signs, too, while it is younger than the next
  Timestamp formerSecretUntil{};
  bool enabled = true;
  std::string disabledReason;
  Timestamp createdAt{};  // what happened before is not delivered
  Timestamp updatedAt{};

  bool Wants(const std::string& event) const;
};

// As the routes show it: without its secrets.
Json::Value ToJson(const Endpoint& endpoint);

class EndpointStore
{
public:
  explicit EndpointStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Endpoint> Find(const std::string& id);
  std::vector<Endpoint> List(const PracticeScope& practices);

  // Those that are enabled; of one practice, or of all if it is empty.
  std::vector<Endpoint> Enabled(Form form, const std::string& practiceId = "");

  void Put(const Endpoint& endpoint);
  void Disable(const std::string& id, const std::string& reason);
  void Delete(const std::string& id);

private:
  std::vector<Endpoint> Fetch(const std::string& tail, const std::vector<std::string>& values);

  Transaction& transaction_;
};
}  // namespace OrthancClinic::Webhooks
