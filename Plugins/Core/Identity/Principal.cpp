// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Identity/Principal.h"

namespace OrthancClinic
{
namespace
{
uint64_t Bit(Permission permission)
{
  return uint64_t{1} << static_cast<unsigned>(permission);
}
}  // namespace

std::shared_ptr<const Grants> Grants::All()
{
  static const auto ALL = []
  {
    auto grants = std::make_shared<Grants>();
    for (const Permission permission : GrantablePermissions())
    {
      grants->Add(EVERYWHERE, permission);
    }
    return grants;
  }();
  return ALL;
}

std::shared_ptr<const Grants> Grants::None()
{
  static const auto NONE = std::make_shared<const Grants>();
  return NONE;
}

void Grants::Add(const std::string& practiceId, Permission permission)
{
  byPractice_[practiceId] |= Bit(permission);
}

bool Grants::Allow(Permission permission, const std::string& practiceId) const
{
  const auto found = byPractice_.find(practiceId);
  return (found != byPractice_.end() && (found->second & Bit(permission))) || AllowEverywhere(permission);
}

bool Grants::AllowEverywhere(Permission permission) const
{
  const auto everywhere = byPractice_.find(EVERYWHERE);
  return everywhere != byPractice_.end() && (everywhere->second & Bit(permission));
}

bool Grants::AllowSomewhere(Permission permission) const
{
  for (const auto& [practice, permissions] : byPractice_)
  {
    if (permissions & Bit(permission))
    {
      return true;
    }
  }
  return false;
}

PracticeScope Grants::Where(Permission permission) const
{
  if (AllowEverywhere(permission))
  {
    return {};
  }
  std::vector<std::string> practices;
  for (const auto& [practice, permissions] : byPractice_)
  {
    if (permissions & Bit(permission))
    {
      practices.push_back(practice);
    }
  }
  return practices;
}

Json::Value Grants::ToJson() const
{
  Json::Value json(Json::objectValue);
  for (const auto& [practice, permissions] : byPractice_)
  {
    json[practice] = Json::arrayValue;
    for (const Permission permission : GrantablePermissions())
    {
      if (permissions & Bit(permission))
      {
        json[practice].append(ToString(permission));
      }
    }
  }
  return json;
}
}  // namespace OrthancClinic
