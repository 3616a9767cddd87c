// SPDX-License-Identifier: GPL-3.0-or-later

#include "Parameters.h"

#include <cmath>

namespace OrthancClinic::Matching
{
namespace
{
struct LevelDescription
{
  const char* name;
  double m;
  double u;
};

struct FieldDescription
{
  const char* name;
  std::array<LevelDescription, LEVELS> levels;
};

// In the order of Field and of Level. The u of exact names is replaced by the name's share in the directory.
constexpr std::array<FieldDescription, FIELDS> TABLE = {{
    {"family_name",
     {{{"missing", 0, 0},
       {"exact_folded", 0.86, 0.004},
       {"one_of_several", 0.04, 0.006},
       {"close", 0.055, 0.003},
       {"phonetic", 0.01, 0.004},
       {"swapped", 0.01, 0.0005},
       {"disagree", 0.025, 0.98}}}},
    {"given_name",
     {{{"missing", 0, 0},
       {"exact_folded", 0.83, 0.01},
       {"one_of_several", 0.05, 0.012},
       {"variant", 0.01, 0.003},
       {"close", 0.055, 0.005},
       {"initial", 0.02, 0.05},
       {"swapped", 0.01, 0.0005},
       {"similar", 0.005, 0.01},
       {"disagree", 0.02, 0.91}}}},
    {"birth_date",
     {{{"missing", 0, 0},
       {"exact", 0.93, 0.00005},
       {"day_month_swapped", 0.008, 0.00003},
       {"one_digit", 0.03, 0.0006},
       {"year_and_month", 0.9, 0.0015},
       {"year", 0.5, 0.015},
       {"two_components", 0.015, 0.006},
       {"disagree", 0.015, 0.98}}}},
    {"sex", {{{"missing", 0, 0}, {"exact", 0.985, 0.5}, {"disagree", 0.015, 0.5}}}},
    {"identifier",
     {{{"missing", 0, 0},
       {"exact", 0.95, 0.000001},
       {"exact_any_issuer", 0.9, 0.00001},
       {"close", 0.03, 0.0001},
       {"disagree", 0.05, 0.9}}}},
    {"postal_code",
     {{{"missing", 0, 0}, {"exact", 0.75, 0.001}, {"close", 0.1, 0.02}, {"disagree", 0.15, 0.98}}}},
    {"city", {{{"missing", 0, 0}, {"exact", 0.85, 0.05}, {"close", 0.03, 0.005}, {"disagree", 0.12, 0.945}}}},
    {"address",
     {{{"missing", 0, 0},
       {"exact", 0.6, 0.0003},
       {"most_words", 0.15, 0.002},
       {"some_words", 0.1, 0.05},
       {"disagree", 0.15, 0.95}}}},
    {"phone", {{{"missing", 0, 0}, {"exact", 0.7, 0.0001}, {"disagree", 0.3, 0.9999}}}},
    {"email", {{{"missing", 0, 0}, {"exact", 0.75, 0.00005}, {"disagree", 0.25, 0.99995}}}},
}};
}  // namespace

const char* NameOf(Field field)
{
  return TABLE[static_cast<size_t>(field)].name;
}

const char* NameOf(Field field, uint8_t level)
{
  return TABLE[static_cast<size_t>(field)].levels[level].name;
}

Parameters::Parameters()
{
  for (size_t field = 0; field < FIELDS; field++)
  {
    for (size_t level = 0; level < LEVELS; level++)
    {
      m[field][level] = TABLE[field].levels[level].m;
      u[field][level] = TABLE[field].levels[level].u;
    }
  }
}

double Parameters::Weight(Field field, uint8_t level, double nameShare) const
{
  if (level == Level::MISSING)
  {
    return 0;
  }
  const auto index = static_cast<size_t>(field);
  return std::log2(m[index][level] / (nameShare > 0 ? nameShare : u[index][level]));
}

Json::Value ToJson(const Parameters& parameters)
{
  Json::Value json;
  json["version"] = Parameters::VERSION;
  json["present"] = parameters.present;
  for (size_t field = 0; field < FIELDS; field++)
  {
    for (size_t level = 1; level < LEVELS && TABLE[field].levels[level].name != nullptr; level++)
    {
      Json::Value& item = json["fields"][TABLE[field].name][TABLE[field].levels[level].name];
      item["m"] = parameters.m[field][level];
      item["u"] = parameters.u[field][level];
    }
  }
  return json;
}

Parameters ParametersFromJson(const Json::Value& json)
{
  Parameters parameters;
  if (json["version"] != Parameters::VERSION)
  {
    return parameters;
  }
  parameters.present = json["present"].asDouble();
  for (size_t field = 0; field < FIELDS; field++)
  {
    for (size_t level = 1; level < LEVELS && TABLE[field].levels[level].name != nullptr; level++)
    {
      const Json::Value& item = json["fields"][TABLE[field].name][TABLE[field].levels[level].name];
      if (item.isObject())
      {
        parameters.m[field][level] = item["m"].asDouble();
        parameters.u[field][level] = item["u"].asDouble();
      }
    }
  }
  return parameters;
}
}  // namespace OrthancClinic::Matching
