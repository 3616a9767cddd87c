// SPDX-License-Identifier: GPL-3.0-or-later

#include "NameForm.h"

#include <unicode/translit.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>

#include "Core/Dicom/Folding.h"
#include "Core/Dicom/PersonName.h"

namespace OrthancClinic::Matching
{
namespace
{
constexpr size_t MOST_WORDS = 6;  // of a part
constexpr size_t MOST_FORMS = 8;

const std::set<std::string_view> TITLES = {
    "mr", "mrs", "ms",  "miss", "mme", "mlle",     "m",      "dr",           "dre",     "prof",  "me",
    "sr", "sra", "don", "dona", "sir", "rev",      "jr",     "fils",         "pere",    "ii",    "iii",
    "iv", "phd", "md",  "dmd",  "esq", "monsieur", "madame", "mademoiselle", "docteur", "doctor"};
const std::set<std::string_view> PARTICLES = {"de",  "du",  "des", "da", "do",  "dos", "di",   "del", "della",
                                              "la",  "le",  "les", "l",  "d",   "van", "von",  "der", "den",
                                              "ter", "ten", "el",  "al", "bin", "ibn", "bint", "y",   "e"};
// "e" and "y" join surnames in Portuguese and Spanish.

const std::set<std::string_view> FAMILY_WORDS = {"famille", "family", "familia", "familiale"};

bool HasOtherScript(std::string_view text)
{
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
  {
    return false;
  }
  const auto unicode = icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())});
  for (int32_t i = 0; i < unicode.length(); i = unicode.moveIndex32(i, 1))
  {
    const UChar32 c = unicode.char32At(i);
    UErrorCode status = U_ZERO_ERROR;
    const UScriptCode script = uscript_getScript(c, &status);
    if (u_isalpha(c) && script != USCRIPT_LATIN && script != USCRIPT_COMMON && script != USCRIPT_INHERITED)
    {
      return true;
    }
  }
  return false;
}

// Transliterators are slow to make and not thread-safe to use.
std::string ToLatin(std::string_view text)
{
  thread_local const std::unique_ptr<icu::Transliterator> transliterator = []
  {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<icu::Transliterator> made(
        icu::Transliterator::createInstance("Any-Latin; Latin-ASCII", UTRANS_FORWARD, status));
    if (U_FAILURE(status))
    {
      throw std::logic_error("ICU's transliterations are missing");
    }
    return made;
  }();
  auto unicode = icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())});
  transliterator->transliterate(unicode);
  std::string latin;
  unicode.toUTF8String(latin);
  return latin;
}

std::vector<std::string> Words(std::string_view text)
{
  return HasOtherScript(text) ? FoldedWords(ToLatin(text)) : FoldedWords(text);
}

std::vector<std::string> WithoutTitles(std::vector<std::string> words)
{
  // A title alone may be somebody's name.
  std::vector<std::string> kept;
  for (std::string& word : words)
  {
    if (TITLES.count(word) == 0)
    {
      kept.push_back(std::move(word));
    }
  }
  return kept;
}

std::vector<std::string> FamilyWords(std::string_view text)
{
  std::vector<std::string> words = Words(text);
  if (words.size() > 1)
  {
    std::vector<std::string> kept;
    for (const std::string& word : words)
    {
      if (PARTICLES.count(word) == 0 && TITLES.count(word) == 0)
      {
        kept.push_back(word);
      }
    }
    if (!kept.empty())
    {
      words = std::move(kept);
    }
  }
  for (std::string& word : words)
  {
    if (words.size() > 1)
    {
      word = (word == "saint") ? "st" : (word == "sainte") ? "ste" : word;
    }
  }
  words.resize(std::min(words.size(), MOST_WORDS));
  return words;
}

std::vector<std::string> GivenWords(std::string_view text)
{
  std::vector<std::string> words = Words(text);
  if (words.size() > 1)
  {
    std::vector<std::string> kept = WithoutTitles(words);
    if (!kept.empty())
    {
      words = std::move(kept);
    }
  }
  words.resize(std::min(words.size(), MOST_WORDS));
  return words;
}

std::string Join(const std::vector<std::string>& words)
{
  std::string joined;
  for (const std::string& word : words)
  {
    joined += word;
  }
  return joined.substr(0, 64);
}

// A word of which every letter is a capital, as in "TREMBLAY Jean"; single letters do not count.
bool IsCapitals(std::string_view word)
{
  const auto unicode = icu::UnicodeString::fromUTF8({word.data(), static_cast<int32_t>(word.size())});
  int letters = 0;
  for (int32_t i = 0; i < unicode.length(); i = unicode.moveIndex32(i, 1))
  {
    const UChar32 c = unicode.char32At(i);
    if (u_isalpha(c))
    {
      letters++;
      if (u_isupper(c) == 0)
      {
        return false;
      }
    }
  }
  return letters > 1;
}

std::vector<std::string> SplitSpaces(std::string_view text)
{
  std::vector<std::string> words;
  for (size_t begin = 0; begin < text.size();)
  {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin)
    {
      words.emplace_back(text.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  return words;
}

std::string JoinRange(const std::vector<std::string>& words, size_t first, size_t last)
{
  std::string text;
  for (size_t i = first; i < last; i++)
  {
    text += words[i] + " ";
  }
  return text;
}

void Add(std::vector<NameForm>& forms, NameForm form)
{
  if ((!form.family.empty() || !form.given.empty()) && forms.size() < MOST_FORMS &&
      std::find(forms.begin(), forms.end(), form) == forms.end())
  {
    forms.push_back(std::move(form));
  }
}

void AddGroup(std::vector<NameForm>& forms, const PersonName::Group& group)
{
  Add(forms, MakeNameForm(group.family, group.given));
  if (group.given.empty() && group.family.find(' ') != std::string::npos)
  {
    Add(forms, ParseFreeName(group.family));  // a console where everything was typed into the first field
  }
}
}  // namespace

std::string NameForm::FamilyJoined() const
{
  return Join(family);
}

std::string NameForm::GivenJoined() const
{
  return Join(given);
}

NameForm MakeNameForm(std::string_view family, std::string_view given)
{
  return {FamilyWords(family), GivenWords(given)};
}

NameForm ParseFreeName(std::string_view text)
{
  text = text.substr(0, 512);
  if (const size_t comma = text.find(','); comma != std::string_view::npos)
  {
    return MakeNameForm(text.substr(0, comma), text.substr(comma + 1));
  }
  std::vector<std::string> words;
  for (std::string& word : SplitSpaces(text))
  {
    const auto folded = FoldedWords(word);
    if (!folded.empty() && !(folded.size() == 1 && TITLES.count(folded[0]) != 0))
    {
      words.push_back(std::move(word));
    }
  }
  if (words.empty())
  {
    return {};
  }
  if (FAMILY_WORDS.count(FoldedWords(words[0])[0]) != 0)
  {
    return MakeNameForm(JoinRange(words, 1, words.size()), "");
  }
  if (words.size() == 1)
  {
    return MakeNameForm(words[0], "");
  }

  // "TREMBLAY Jean": the capitals are the family name, wherever they stand, if not all are.
  size_t capitals = 0;
  while (capitals < words.size() && IsCapitals(words[capitals]))
  {
    capitals++;
  }
  if (capitals > 0 && capitals < words.size())
  {
    return MakeNameForm(JoinRange(words, 0, capitals), JoinRange(words, capitals, words.size()));
  }
  // The last word, with the particles before it.
  size_t family = words.size() - 1;
  while (family > 1 && PARTICLES.count(FoldedWords(words[family - 1])[0]) != 0)
  {
    family--;
  }
  return MakeNameForm(JoinRange(words, family, words.size()), JoinRange(words, 0, family));
}

std::vector<NameForm> NameForms(const Patient& patient)
{
  std::vector<NameForm> forms;
  for (const HumanName& name : patient.names)
  {
    Add(forms, MakeNameForm(name.family, name.given));
    for (const std::string* text : {&name.ideographic, &name.phonetic})
    {
      if (!text->empty())
      {
        const auto group = PersonName::Parse(*text).alphabetic;
        Add(forms,
            group.given.empty() ? ParseFreeName(group.family) : MakeNameForm(group.family, group.given));
      }
    }
  }
  if (patient.contactPerson)
  {
    Add(forms, ParseFreeName(*patient.contactPerson));
  }
  if (patient.businessName)
  {
    const auto words = FoldedWords(*patient.businessName);
    if (words.size() > 1 && FAMILY_WORDS.count(words[0]) != 0)
    {
      Add(forms, ParseFreeName(*patient.businessName));
    }
  }
  return forms;
}

std::vector<NameForm> NameForms(const StudyDemographics& demographics)
{
  std::vector<NameForm> forms;
  const PersonName name = PersonName::Parse(demographics.patientName);
  AddGroup(forms, name.alphabetic);
  AddGroup(forms, name.ideographic);
  AddGroup(forms, name.phonetic);
  for (const std::string& other : demographics.otherPatientNames)
  {
    const PersonName parsed = PersonName::Parse(other);
    // A birth name often comes as the family name alone: the given name stays the same.
    Add(forms,
        MakeNameForm(parsed.alphabetic.family,
                     parsed.alphabetic.given.empty() ? name.alphabetic.given : parsed.alphabetic.given));
  }
  return forms;
}
}  // namespace OrthancClinic::Matching
