// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who calls, and what they may do where. Permissions are given by practice.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "Core/Api.h"
#include "Core/Identity/Permission.h"
#include "Core/Records/PracticeScope.h"

namespace OrthancClinic
{
// Sets of permissions by practice. Immutable once it is shared.
class ORTHANC_CLINIC_API Grants
{
public:
  static constexpr const char* EVERYWHERE = "*";

  // Everything in every practice, also in those that will be.
  static std::shared_ptr<const Grants> All();
  static std::shared_ptr<const Grants> None();

  void Add(const std::string& practiceId, Permission permission);  // or EVERYWHERE

  bool Allow(Permission permission, const std::string& practiceId) const;
  bool AllowEverywhere(Permission permission) const;
  bool AllowSomewhere(Permission permission) const;
  PracticeScope Where(Permission permission) const;
  Json::Value ToJson() const;  // {"*": ["read_patients", …], "north": […]}

private:
  std::map<std::string, uint64_t> byPractice_;
};

// A user, a system, a link or a modality.
struct ORTHANC_CLINIC_API Principal
{
  std::string name = "anonymous";  // the user's name; "key:…" of an API key, "link:…" of a viewer's link
  std::string remoteAddress = {};  // empty where it is not known
  std::shared_ptr<const Grants> grants = Grants::All();
  std::string session = {};  // what ends at the log-out; empty for credentials that come with each request

  bool May(Permission permission, const std::string& practiceId) const
  {
    return grants->Allow(permission, practiceId);
  }
};
}  // namespace OrthancClinic
