// SPDX-License-Identifier: GPL-3.0-or-later

#include "BlockingKeys.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/Folding.h"
#include "Core/LetterCase.h"
#include "NameForm.h"
#include "Similarity.h"

namespace OrthancClinic::Matching
{
namespace
{
bool IsNumber(std::string_view text)
{
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

class Keys
{
public:
  explicit Keys(const std::string& practiceId) : practice_(practiceId) {}

  // FNV-1a over the kind, the practice and the parts, each ended by a byte that no text has.
  void Add(char kind, std::initializer_list<std::string_view> parts)
  {
    hashes_.first.push_back(Hash(kind, parts));
  }
  void AddWider(char kind, std::initializer_list<std::string_view> parts)
  {
    hashes_.wider.push_back(Hash(kind, parts));
  }

  uint64_t Hash(char kind, std::initializer_list<std::string_view> parts) const
  {
    uint64_t hash = 0xcbf29ce484222325U;
    const auto mix = [&](std::string_view text)
    {
      for (const char c : text)
      {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
      }
      hash = (hash ^ 0xffU) * 0x100000001b3U;
    };
    mix({&kind, 1});
    mix(practice_);
    for (const std::string_view part : parts)
    {
      mix(part);
    }
    return hash ^ hash >> 32;
  }

  void AddNames(const NameForm& form, const DicomDate* birth, const std::string& postalCode)
  {
    const std::string given = form.given.empty() ? "" : PhoneticCode(form.given[0]);
    std::vector<std::string> families = form.family;
    if (families.size() > 1)
    {
      families.push_back(form.FamilyJoined());
    }
    for (const std::string& word : families)
    {
      if (word.size() < 2)
      {
        continue;
      }
      const std::string family = PhoneticCode(word);
      const char initial[] = {form.given.empty() ? '?' : form.given[0][0], '\0'};
      AddWider('k', {family, initial});
      if (!given.empty())
      {
        // In the order of the codes, so that swapped names meet.
        Add('b', {std::min(family, given), std::max(family, given)});
      }
      if (birth != nullptr)
      {
        Add('c', {family, initial, std::to_string(birth->year)});
        if (birth->day != 0)
        {
          Add('e', {family, fmt::format("{:02}{:02}", birth->month, birth->day)});
        }
      }
      if (!postalCode.empty())
      {
        Add('p', {family, postalCode});
      }
    }
    if (!given.empty() && !postalCode.empty())
    {
      Add('q', {given, postalCode});
    }
    if (!given.empty() && birth != nullptr && birth->month != 0)
    {
      AddWider('g', {given, fmt::format("{:04}{:02}", birth->year, birth->month)});
      if (birth->day != 0)
      {
        AddWider('h', {given, fmt::format("{:02}{:02}", birth->month, birth->day)});
      }
    }
  }

  // Pairs of the house number with each word of the street.
  void AddAddress(const AddressParts& address)
  {
    for (const std::string& number : address.words)
    {
      for (const std::string& word : address.words)
      {
        if (IsNumber(number) && !IsNumber(word) && word.size() > 2)
        {
          AddWider('a', {number, word});
        }
      }
    }
  }

  StudyHashes Take()
  {
    for (std::vector<uint64_t>* hashes : {&hashes_.first, &hashes_.wider})
    {
      std::sort(hashes->begin(), hashes->end());
      hashes->erase(std::unique(hashes->begin(), hashes->end()), hashes->end());
    }
    return std::move(hashes_);
  }

private:
  const std::string& practice_;
  StudyHashes hashes_;
};

std::string DateKey(int year, int month, int day)
{
  return fmt::format("{:04}{:02}{:02}", year, month, day);
}

// What consoles and CRMs put where nothing is known.
const std::set<std::string, std::less<>> PLACEHOLDERS = {
    "",        "0",    "1",         "none",       "unknown",  "unk",      "na",  "nan",
    "null",    "anon", "anonymous", "anonyme",    "test",     "temp",     "tbd", "x",
    "xx",      "xxx",  "noid",      "inconnu",    "inconnue", "patient",  "id",  "patientid",
    "default", "demo", "removed",   "anonymized", "urgence",  "emergency"};

const std::set<std::string, std::less<>> STREET_KINDS = {
    "rue",  "avenue", "av",       "ave",     "boul",  "boulevard", "blvd",  "street", "st",
    "road", "rd",     "chemin",   "ch",      "drive", "dr",        "place", "pl",     "apt",
    "app",  "unit",   "bureau",   "suite",   "de",    "du",        "des",   "la",     "le",
    "les",  "court",  "crescent", "circuit", "close", "way",       "lane",  "the",    "no"};

// Canada's "h2x1y4", the United States' five digits.
bool IsPostalCode(const std::string& word)
{
  const auto letter = [&](size_t i) { return word[i] >= 'a' && word[i] <= 'z'; };
  const auto digit = [&](size_t i) { return word[i] >= '0' && word[i] <= '9'; };
  return word.size() == 6 && letter(0) && digit(1) && letter(2) && digit(3) && letter(4) && digit(5);
}

std::vector<std::string> StreetWords(const std::string& text)
{
  std::vector<std::string> words;
  for (std::string& word : FoldedWords(text))
  {
    if (STREET_KINDS.count(word) == 0 && words.size() < 12)
    {
      words.push_back(std::move(word));
    }
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}
}  // namespace

std::string IdentifierKey(const std::string& value)
{
  std::string key = Folded(value.substr(0, 256));
  if (IsNumber(key))
  {
    key.erase(0, std::min(key.find_first_not_of('0'), key.size() - 1));
  }
  if (PLACEHOLDERS.count(key) != 0 || key.starts_with("anon") ||
      (key.size() > 1 && key.find_first_not_of(key[0]) == std::string::npos))
  {
    return "";
  }
  return key;
}

std::string PhoneKey(const std::string& text)
{
  std::string digits;
  for (const char c : text.substr(0, 128))
  {
    if (c >= '0' && c <= '9')
    {
      digits += c;
    }
    else if (c == '\\' || c == 'x' || c == 'p')
    {
      break;  // another number, an extension ("poste")
    }
  }
  return digits.size() < 7 ? "" : digits.substr(digits.size() - std::min<size_t>(digits.size(), 10));
}

std::string EmailKey(const std::string& text)
{
  std::string key = ToLower(text.substr(0, 320));
  std::erase(key, ' ');
  return key.find('@') == std::string::npos ? "" : key;
}

AddressParts ParseAddress(const std::string& text)
{
  AddressParts parts;
  std::vector<std::string> words = FoldedWords(text.substr(0, 512));
  for (size_t i = 0; i < words.size(); i++)
  {
    if (IsPostalCode(words[i]))
    {
      parts.postalCode = words[i];
      words.erase(words.begin() + static_cast<ptrdiff_t>(i));
      break;
    }
    if (i + 1 < words.size() && IsPostalCode(words[i] + words[i + 1]))
    {
      parts.postalCode = words[i] + words[i + 1];
      words.erase(words.begin() + static_cast<ptrdiff_t>(i), words.begin() + static_cast<ptrdiff_t>(i) + 2);
      break;
    }
  }
  std::string rest;
  for (const std::string& word : words)
  {
    rest += word + " ";
  }
  parts.words = StreetWords(rest);
  return parts;
}

AddressParts ParseAddress(const Address& address)
{
  return {StreetWords(address.line), Folded(address.city), Folded(address.postalCode)};
}

std::vector<uint64_t> BlockingHashes(const Patient& patient)
{
  Keys keys(patient.practiceId);
  const auto birth = DicomDate::Parse(patient.birthDate);
  const std::string postalCode = Folded(patient.address.postalCode);
  if (birth && birth->day != 0)
  {
    keys.Add('d', {DateKey(birth->year, birth->month, birth->day)});
  }
  for (const NameForm& form : NameForms(patient))
  {
    keys.AddNames(form, birth ? &*birth : nullptr, postalCode);
  }
  for (const Identifier& identifier : patient.identifiers)
  {
    if (const std::string key = IdentifierKey(identifier.value); !key.empty())
    {
      keys.Add('i', {key});
    }
  }
  if (const std::string key = IdentifierKey(patient.id); !key.empty())
  {
    keys.Add('i', {key});
  }
  if (const std::string key = PhoneKey(patient.phone.value_or("")); !key.empty())
  {
    keys.Add('t', {key});
  }
  if (const std::string key = EmailKey(patient.email.value_or("")); !key.empty())
  {
    keys.Add('m', {key});
  }
  keys.AddAddress(ParseAddress(patient.address));
  StudyHashes hashes = keys.Take();
  hashes.first.insert(hashes.first.end(), hashes.wider.begin(), hashes.wider.end());
  return std::move(hashes.first);
}

StudyHashes BlockingHashes(const StudyDemographics& demographics, const std::string& practiceId)
{
  Keys keys(practiceId);
  const auto birth = DicomDate::Parse(demographics.birthDate);
  const AddressParts address = ParseAddress(demographics.address);
  std::vector<DicomDate> births;
  if (birth)
  {
    births.push_back(*birth);
    if (birth->day != 0 && birth->day <= 12 && birth->day != birth->month)
    {
      births.push_back({birth->year, birth->day, birth->month});
    }
  }
  for (const DicomDate& date : births)
  {
    if (date.day != 0)
    {
      keys.Add('d', {DateKey(date.year, date.month, date.day)});
    }
  }
  for (const NameForm& form : NameForms(demographics))
  {
    const NameForm swapped{form.given, form.family};
    for (const NameForm& order : {form, swapped})
    {
      if (births.empty())
      {
        keys.AddNames(order, nullptr, address.postalCode);
      }
      for (const DicomDate& date : births)
      {
        keys.AddNames(order, &date, address.postalCode);
      }
    }
  }
  const auto addIdentifier = [&](const std::string& value)
  {
    if (const std::string key = IdentifierKey(value); !key.empty())
    {
      keys.Add('i', {key});
    }
  };
  addIdentifier(demographics.patientId);
  for (const Identifier& other : demographics.otherPatientIds)
  {
    addIdentifier(other.value);
  }
  if (const std::string key = PhoneKey(demographics.phone); !key.empty())
  {
    keys.Add('t', {key});
  }
  if (const std::string key = EmailKey(demographics.email); !key.empty())
  {
    keys.Add('m', {key});
  }
  keys.AddAddress(address);
  return keys.Take();
}

std::vector<std::string> KeysOf(const StudyHashes& hashes)
{
  std::vector<std::string> keys = KeysOf(hashes.first);
  for (std::string& key : KeysOf(hashes.wider))
  {
    keys.push_back(std::move(key));
  }
  return keys;
}

std::vector<std::string> KeysOf(const std::vector<uint64_t>& hashes)
{
  std::vector<std::string> keys;
  for (const uint64_t hash : hashes)
  {
    keys.push_back(fmt::format("{:016x}", hash));
  }
  return keys;
}
}  // namespace OrthancClinic::Matching
