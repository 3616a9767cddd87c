// SPDX-License-Identifier: GPL-3.0-or-later

#include "Routing.h"

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/Folding.h"

namespace OrthancClinic::Replication
{
namespace
{
bool HasOne(const std::vector<std::string>& facts, const std::vector<std::string>& wanted)
{
  return std::any_of(wanted.begin(), wanted.end(),
                     [&](const std::string& one)
                     {
                       return std::any_of(facts.begin(), facts.end(),
                                          [&](const std::string& fact)
                                          { return Folded(fact) == Folded(one); });
                     });
}

// The persons that a rule names; none: it asks for nobody.
std::vector<std::string> Persons(const Json::Value& conditions)
{
  std::vector<std::string> persons;
  for (const char* key : {"patientId", "leadId"})
  {
    if (!conditions[key].asString().empty())
    {
      persons.push_back(conditions[key].asString());
    }
  }
  return persons;
}

bool Ask(const std::vector<Vna>& vnas, bool (*asks)(const Json::Value& conditions))
{
  return std::any_of(vnas.begin(), vnas.end(),
                     [&](const Vna& vna)
                     {
                       const Json::Value& rules = vna.document["routingRules"];
                       return std::any_of(rules.begin(), rules.end(),
                                          [&](const Json::Value& rule) { return asks(rule["conditions"]); });
                     });
}
}  // namespace

bool AskForTypes(const std::vector<Vna>& vnas)
{
  return Ask(vnas, [](const Json::Value& conditions) { return !conditions["imageType"].empty(); });
}

bool AskForPatients(const std::vector<Vna>& vnas)
{
  return Ask(vnas, [](const Json::Value& conditions) { return !Persons(conditions).empty(); });
}

Route Decide(const std::vector<Vna>& vnas, const ImageFacts& facts)
{
  const auto exists = [&](const std::string& id)
  { return std::any_of(vnas.begin(), vnas.end(), [&](const Vna& vna) { return vna.id == id; }); };
  Route route;
  for (const Vna& vna : vnas)
  {
    std::vector<const Json::Value*> rules;
    for (const Json::Value& rule : vna.document["routingRules"])
    {
      rules.push_back(&rule);
    }
    std::stable_sort(rules.begin(), rules.end(),
                     [](const Json::Value* a, const Json::Value* b)
                     { return (*a)["priority"].asInt() < (*b)["priority"].asInt(); });
    for (const Json::Value* rule : rules)
    {
      const Json::Value& conditions = (*rule)["conditions"];
      const std::string named = (*rule)["action"]["vnaId"].asString();
      const std::string target = named.empty() ? vna.id : named;
      const std::string location = conditions["location"].asString();
      const std::vector<std::string> types = Texts(conditions["imageType"]);
      const std::vector<std::string> persons = Persons(conditions);
      if (!exists(target) || (!location.empty() && !HasOne(facts.places, {location})) ||
          (!types.empty() && !HasOne(facts.types, types)))
      {
        continue;
      }
      if (persons.empty() || (!facts.patientId.empty() &&
                              std::find(persons.begin(), persons.end(), facts.patientId) != persons.end()))
      {
        route.target = target;
        route.rule = (*rule)["id"].asString();
        route.compress = (*rule)["action"]["compress"].asBool();
        return route;
      }
      route.waits = route.waits || facts.undecided;
    }
  }
  const auto otherwise = std::find_if(vnas.begin(), vnas.end(), [](const Vna& vna) { return vna.isDefault; });
  route.target = otherwise == vnas.end() ? "" : otherwise->id;
  return route;
}
}  // namespace OrthancClinic::Replication
