// SPDX-License-Identifier: GPL-3.0-or-later

#include "Rules.h"

#include <algorithm>

#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/Folding.h"
#include "Core/Dicom/Tags.h"

namespace OrthancClinic::Analysis
{
namespace
{
bool Has(const std::vector<std::string>& all, const std::string& one)
{
  return all.empty() || std::find(all.begin(), all.end(), one) != all.end();
}

// Of the patient at the study.
std::optional<int> Age(const Study& study)
{
  const auto born = DicomDate::Parse(study.demographics.birthDate);
  const auto then = DicomDate::Parse(study.studyDate);
  if (!born || !then || born->month == 0 || then->month == 0)
  {
    return std::nullopt;
  }
  const bool hadBirthday = std::pair(then->month, then->day) >= std::pair(born->month, born->day);
  const int age = then->year - born->year - (hadBirthday ? 0 : 1);
  return age < 0 ? std::nullopt : std::optional(age);  // one of the dates is wrong
}
}  // namespace

bool Concerns(const Rule& rule, const Study& study, const Json::Value& tags, const std::string& xrayType)
{
  const bool hasModality = rule.modalities.empty() ||
                           std::any_of(study.modalities.begin(), study.modalities.end(),
                                       [&](const std::string& one) { return Has(rule.modalities, one); });
  if (!Has(rule.practices, study.practiceId) || !hasModality ||
      !Has(rule.bodyParts, Tag(tags, "0018,0015")) || !Has(rule.xrayTypes, xrayType) ||
      !Has(rule.stations, study.source.callingAe) ||
      Folded(study.studyDescription).find(Folded(rule.description)) == std::string::npos)
  {
    return false;
  }
  const auto age = Age(study);
  return (!rule.minimumAge || (age && *age >= *rule.minimumAge)) &&
         (!rule.maximumAge || (age && *age <= *rule.maximumAge));
}
}  // namespace OrthancClinic::Analysis
