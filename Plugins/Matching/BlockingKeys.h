// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which pairs of study and patient are compared at all: those that share a key. The keys are chosen so that
// errors in several fields leave one of them whole: the birth date; both names by sound; the family name by
// sound with the year of birth, the day of the year, or the postal code; an identifier; phone; e-mail. Where
// these find nobody, wider ones are asked: the given name by sound with a part of the birth date, the family
// name with an initial, the address.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "Core/Records/Patient.h"
#include "Core/Records/StudyDemographics.h"

namespace OrthancClinic::Matching
{
// Hashes: they tell nothing of the person. The practice is part of each, so that patients of another practice
// are never candidates.
std::vector<uint64_t> BlockingHashes(const Patient& patient);

struct StudyHashes
{
  std::vector<uint64_t> first;
  std::vector<uint64_t> wider;  // asked when the first ones find nobody who is the one
};

// Also the variants under which a study with errors is looked up (day and month swapped, names in each
// other's place).
StudyHashes BlockingHashes(const StudyDemographics& demographics, const std::string& practiceId);

// The hashes as text, for a table.
std::vector<std::string> KeysOf(const std::vector<uint64_t>& hashes);
std::vector<std::string> KeysOf(const StudyHashes& hashes);

// How identifiers are compared: folded, without leading zeros where they are digits alone. Empty for what is
// no identifier: placeholders as "0", "unknown", "anon".
std::string IdentifierKey(const std::string& value);

// The last ten digits; empty for fewer than seven.
std::string PhoneKey(const std::string& text);

// Lower case without spaces; empty without '@'.
std::string EmailKey(const std::string& text);

struct AddressParts
{
  std::vector<std::string> words;  // of the street line: numbers and names, without the kind of street
  std::string city;                // folded
  std::string postalCode;          // folded
};

// Of DICOM's PatientAddress, one line of free text: the postal code is found by its form.
AddressParts ParseAddress(const std::string& text);
AddressParts ParseAddress(const Address& address);
}  // namespace OrthancClinic::Matching
