// SPDX-License-Identifier: GPL-3.0-or-later
//
// A person's name in the form in which it is compared: folded, Latin, without titles and particles.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "Core/Records/Patient.h"
#include "Core/Records/StudyDemographics.h"

namespace OrthancClinic::Matching
{
struct NameForm
{
  std::vector<std::string> family;  // words ("tremblay", "roy")
  std::vector<std::string> given;   // words ("jean", "francois")

  std::string FamilyJoined() const;  // "tremblayroy"
  std::string GivenJoined() const;

  bool operator==(const NameForm&) const = default;
};

// Of the parts of a name, each in UTF-8 and any script.
NameForm MakeNameForm(std::string_view family, std::string_view given);

// Of a name as people write it: "Jean-François Tremblay", "TREMBLAY, Jean-François", "Mme Marie
// Tremblay-Roy", "Famille Tremblay" (a family name alone). Empty for what is no name of a person.
NameForm ParseFreeName(std::string_view text);

// Every name of the patient, without repetition: official, maiden, other ones, contact person, business name
// where it names a family, ideographic and phonetic forms.
std::vector<NameForm> NameForms(const Patient& patient);

// The same of a study: each component group of PatientName, OtherPatientNames, PatientBirthName.
std::vector<NameForm> NameForms(const StudyDemographics& demographics);
}  // namespace OrthancClinic::Matching
