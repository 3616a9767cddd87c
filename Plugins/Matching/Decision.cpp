// SPDX-License-Identifier: GPL-3.0-or-later

#include "Decision.h"

#include <cmath>

namespace OrthancClinic::Matching
{
namespace
{
double Rounded(double value, double digits)
{
  return std::round(value * digits) / digits;
}

Json::Value ToJson(const std::vector<Evidence>& evidence)
{
  Json::Value json(Json::arrayValue);
  for (const Evidence& item : evidence)
  {
    Json::Value entry;
    entry["field"] = item.field;
    entry["level"] = item.level;
    entry["weight"] = Rounded(item.weight, 100);
    json.append(std::move(entry));
  }
  return json;
}
}  // namespace

Json::Value ToJson(const Decision& decision)
{
  Json::Value json;
  json["status"] = ToString(decision.status);
  json["reason"] = decision.reason;
  json["probability"] =
      decision.candidates.empty() ? Json::Value() : Json::Value(Rounded(decision.probability, 1e6));
  json["evidence"] = decision.candidates.empty() ? Json::Value(Json::arrayValue)
                                                 : ToJson(decision.candidates.front().evidence);
  json["candidates"] = Json::arrayValue;
  for (const Candidate& candidate : decision.candidates)
  {
    Json::Value entry;
    entry["patient_id"] = candidate.patientId;
    entry["probability"] = Rounded(candidate.probability, 1e6);
    entry["evidence"] = ToJson(candidate.evidence);
    json["candidates"].append(std::move(entry));
  }
  return json;
}
}  // namespace OrthancClinic::Matching
