// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/PatientModule.h"

#include <algorithm>

#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/Folding.h"
#include "Core/Dicom/PersonName.h"
#include "Core/Dicom/Text.h"

namespace OrthancClinic
{
namespace
{
// Longest values in characters (PS3.5 6.2).
constexpr size_t LO = 64;
constexpr size_t PN_GROUP = 64;

// A component of a name without what would separate components, groups or values.
std::string Component(const std::string& text)
{
  std::string clean = text;
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c == '^' || c == '=' || c == '\\'; }, ' ');
  return clean;
}

const HumanName* OfficialName(const Patient& patient)
{
  const HumanName* best = nullptr;
  for (const HumanName& name : patient.names)
  {
    const bool isEmpty = name.family.empty() && name.given.empty() && name.ideographic.empty();
    if (!isEmpty && (best == nullptr || (name.use == "official" && best->use != "official")))
    {
      best = &name;
    }
  }
  return best;
}

const Identifier* ClinicIdentifier(const Patient& patient)
{
  const auto mrn =
      std::find_if(patient.identifiers.begin(), patient.identifiers.end(),
                   [](const Identifier& identifier) { return Folded(identifier.type) == "mrn"; });
  return mrn == patient.identifiers.end() ? nullptr : &*mrn;
}
}  // namespace

std::string DicomName(const Patient& patient)
{
  PersonName name;
  if (const HumanName* official = OfficialName(patient))
  {
    name.alphabetic = {Component(official->family), Component(official->given), Component(official->middle),
                       Component(official->prefix), Component(official->suffix)};
    name.ideographic = PersonName::Parse(official->ideographic).alphabetic;
    name.phonetic = PersonName::Parse(official->phonetic).alphabetic;
  }
  else if (patient.contactPerson || patient.businessName)
  {
    const std::string text = patient.contactPerson.value_or(patient.businessName.value_or(""));
    name.alphabetic = PersonName::ParseFreeText(Component(text));
  }
  std::string text;
  for (const PersonName::Group* group : {&name.alphabetic, &name.ideographic, &name.phonetic})
  {
    text += CutValue(group->ToString(), PN_GROUP) + "=";
  }
  text.erase(text.find_last_not_of('=') + 1);
  return text.empty() ? DicomPatientId(patient) : text;  // type 1: never empty
}

std::string DicomPatientId(const Patient& patient)
{
  const Identifier* identifier = ClinicIdentifier(patient);
  return CutValue(identifier == nullptr ? patient.id : identifier->value, LO);
}

std::string DicomIssuerOfPatientId(const Patient& patient)
{
  const Identifier* identifier = ClinicIdentifier(patient);
  return identifier == nullptr ? "" : CutValue(identifier->issuer, LO);
}

std::string DicomBirthDate(const Patient& patient)
{
  const auto date = DicomDate::Parse(patient.birthDate);
  if (!date || date->day == 0)
  {
    return "";
  }
  std::string text = date->ToIso();
  std::erase(text, '-');
  return text;
}
}  // namespace OrthancClinic
