// SPDX-License-Identifier: GPL-3.0-or-later
//
// The numbers of the comparison, after Fellegi and Sunter (1969): for each field and level of agreement, m,
// the probability of that level when both records are of one person, and u, the same for two people chosen at
// random. The weight of an agreement is log2(m / u).

#pragma once

#include <json/value.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace OrthancClinic::Matching
{
enum class Field : uint8_t
{
  FamilyName,
  GivenName,
  BirthDate,
  Sex,
  Identifier,
  PostalCode,
  City,
  Address,
  Phone,
  Email
};
constexpr size_t FIELDS = 10;
constexpr size_t LEVELS = 9;  // of the field with the most

// Level 0 of every field: one side does not say. It weighs nothing.
namespace Level
{
constexpr uint8_t MISSING = 0;
constexpr uint8_t EXACT = 1;  // after folding, for texts

// FamilyName
constexpr uint8_t FAMILY_WORD = 2;      // one surname of several ("Tremblay-Roy", "Tremblay")
constexpr uint8_t FAMILY_CLOSE = 3;     // a typing error
constexpr uint8_t FAMILY_PHONETIC = 4;  // sounds alike
constexpr uint8_t FAMILY_SWAPPED = 5;   // stands in the place of the given name
constexpr uint8_t FAMILY_DISAGREE = 6;

// GivenName
constexpr uint8_t GIVEN_WORD = 2;     // one of several ("Jean-François", "Jean")
constexpr uint8_t GIVEN_VARIANT = 3;  // "Bob", "Robert"
constexpr uint8_t GIVEN_CLOSE = 4;    // a typing error
constexpr uint8_t GIVEN_INITIAL = 5;  // "J", "J-F"
constexpr uint8_t GIVEN_SWAPPED = 6;
constexpr uint8_t GIVEN_SIMILAR =
    7;  // alike, but both are names of their own ("Julie", "Julia"): often siblings
constexpr uint8_t GIVEN_DISAGREE = 8;

// BirthDate
constexpr uint8_t BIRTH_SWAPPED = 2;    // day and month exchanged
constexpr uint8_t BIRTH_ONE_DIGIT = 3;  // one digit differs, or two neighbours are exchanged
constexpr uint8_t BIRTH_PARTIAL = 4;    // year and month agree, the day is not known
constexpr uint8_t BIRTH_YEAR = 5;  // the year agrees, the rest is not known or a placeholder (January 1st)
constexpr uint8_t BIRTH_COMPONENTS = 6;  // two of year, month and day agree
constexpr uint8_t BIRTH_DISAGREE = 7;

// Sex, Phone, Email
constexpr uint8_t SEX_DISAGREE = 2;
constexpr uint8_t PHONE_DISAGREE = 2;
constexpr uint8_t EMAIL_DISAGREE = 2;

// Identifier
constexpr uint8_t IDENTIFIER_ANY_ISSUER = 2;  // equal, and one side does not name the issuer
constexpr uint8_t IDENTIFIER_CLOSE = 3;       // a typing error
constexpr uint8_t IDENTIFIER_DISAGREE = 4;    // both have one of the same issuer

// PostalCode
constexpr uint8_t POSTAL_CLOSE = 2;  // same sorting area (first three characters), or a typing error
constexpr uint8_t POSTAL_DISAGREE = 3;

// City
constexpr uint8_t CITY_CLOSE = 2;
constexpr uint8_t CITY_DISAGREE = 3;

// Address
constexpr uint8_t ADDRESS_MOST = 2;  // most words
constexpr uint8_t ADDRESS_SOME = 3;
constexpr uint8_t ADDRESS_DISAGREE = 4;
}  // namespace Level

// Names for the evidence that a person reads.
const char* NameOf(Field field);
const char* NameOf(Field field, uint8_t level);

struct Parameters
{
  static constexpr int VERSION = 1;

  // The defaults, from published linkage of hospital and registry data, rounded to the safe side.
  Parameters();

  double present = 0.8;  // share of the studies whose patient is in the directory
  std::array<std::array<double, LEVELS>, FIELDS> m{};
  std::array<std::array<double, LEVELS>, FIELDS> u{};

  // log2(m/u); `u` of an exact name is the share of that name when given.
  double Weight(Field field, uint8_t level, double nameShare = 0) const;
};

Json::Value ToJson(const Parameters& parameters);
Parameters ParametersFromJson(const Json::Value& json);  // the defaults if the version is another one
}  // namespace OrthancClinic::Matching
