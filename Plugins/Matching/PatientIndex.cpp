// SPDX-License-Identifier: GPL-3.0-or-later

#include "PatientIndex.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "BlockTable.h"
#include "BlockingKeys.h"
#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/Folding.h"
#include "NameForm.h"
#include "Similarity.h"

namespace OrthancClinic::Matching
{
namespace
{
constexpr uint32_t NO_WORD = 0xffffffffU;
constexpr size_t MOST_SCANNED = 3000;  // comparisons of one query
constexpr size_t LARGEST_BLOCK = 500;  // a larger one is used only when nothing else is there
constexpr size_t MOST_CANDIDATES = 10;
constexpr size_t WORDS_OF_PART = 3;       // of a family or given name that are compared one by one
constexpr double SMALLEST_SHARE = 2e-5;   // of a name: typing errors make names that nobody has
constexpr double MOST_HOUSEHOLD = 6.0;    // bits: all that says no more than "of this household"
constexpr double LEAST_HOUSEHOLD = -2.0;  // people move

// Every distinct word of the directory once, with how often it is a family and a given name.
class WordTable
{
public:
  uint32_t Intern(std::string_view word)
  {
    if (const auto known = ids_.find(word); known != ids_.end())
    {
      return known->second;
    }
    const auto id = static_cast<uint32_t>(words_.size());
    words_.emplace_back(word);
    counts_.push_back({0, 0});
    ids_.emplace(words_.back(), id);
    return id;
  }

  uint32_t Find(std::string_view word) const
  {
    const auto known = ids_.find(word);
    return known == ids_.end() ? NO_WORD : known->second;
  }

  const std::string& Text(uint32_t id) const { return words_[id]; }

  uint32_t& Families(uint32_t id) { return counts_[id].first; }
  uint32_t& Givens(uint32_t id) { return counts_[id].second; }
  uint32_t Families(uint32_t id) const { return id == NO_WORD ? 0 : counts_[id].first; }
  uint32_t Givens(uint32_t id) const { return id == NO_WORD ? 0 : counts_[id].second; }

private:
  std::deque<std::string> words_;  // a deque: the map's keys point into it
  std::vector<std::pair<uint32_t, uint32_t>> counts_;
  std::unordered_map<std::string_view, uint32_t> ids_;
};

// A name of the directory.
struct Form
{
  uint32_t family = NO_WORD;  // joined
  uint32_t given = NO_WORD;
  std::array<uint32_t, WORDS_OF_PART> familyWords{NO_WORD, NO_WORD, NO_WORD};
  std::array<uint32_t, WORDS_OF_PART> givenWords{NO_WORD, NO_WORD, NO_WORD};
};

struct IndexedIdentifier
{
  std::string value;
  uint32_t issuer = NO_WORD;  // NO_WORD: not named
};

// Of what is compared for equality alone. 0: absent.
uint64_t HashOf(std::string_view text)
{
  return text.empty() ? 0 : std::max<uint64_t>(1, std::hash<std::string_view>()(text));
}

struct Entry
{
  std::string id;
  uint64_t idKey = 0;  // the id is an identifier too
  uint64_t phone = 0;
  uint64_t email = 0;
  uint32_t practice = NO_WORD;
  int32_t birth = 0;  // YYYYMMDD with zeros for what is not known
  uint32_t city = NO_WORD;
  uint32_t postalCode = NO_WORD;
  char sex = 0;
  bool alive = false;
  bool merged = false;
  std::vector<Form> forms;
  std::vector<IndexedIdentifier> identifiers;
  std::vector<uint32_t> addressWords;  // sorted
};

struct QueryWord
{
  std::string text;
  uint32_t id = NO_WORD;

  bool IsEmpty() const { return text.empty(); }
};

struct QueryForm
{
  QueryWord family;
  QueryWord given;
  std::vector<QueryWord> familyWords;
  std::vector<QueryWord> givenWords;

  // What was found for a word of the directory: candidates share their names.
  mutable std::unordered_map<uint32_t, uint8_t> familyClose;
  mutable std::unordered_map<uint32_t, uint8_t> givenClose;
};

struct QueryIdentifier
{
  std::string value;
  uint64_t key = 0;
  uint32_t issuer = NO_WORD;
  bool hasIssuer = false;
};

// A study in the form in which it is compared.
struct Query
{
  std::vector<QueryForm> forms;
  std::vector<QueryIdentifier> identifiers;
  int32_t birth = 0;
  std::string birthDigits;  // of a date that is none: a digit too many, a month 13
  char sex = 0;
  QueryWord city;
  QueryWord postalCode;
  uint64_t phone = 0;
  uint64_t email = 0;
  std::vector<uint32_t> addressWords;  // those that the directory knows, sorted
  size_t addressSize = 0;              // all of them
};

// How a study and a patient compare.
struct Comparison
{
  std::array<uint8_t, FIELDS> level{};
  std::array<double, FIELDS> weight{};
  double total = 0;

  uint8_t At(Field field) const { return level[static_cast<size_t>(field)]; }
};

char ReadSex(std::string_view text)
{
  const char c = text.empty() ? '\0' : text[0];
  const char upper = (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  return (upper == 'M' || upper == 'F') ? upper : '\0';  // DICOM's O says nothing that could be compared
}

int32_t ReadBirth(const std::string& text)
{
  const auto date = DicomDate::Parse(text);
  return date ? date->year * 10000 + date->month * 100 + date->day : 0;
}

// The digits of what should be a date and is none, if there are about as many as in one.
std::string ReadBrokenBirth(const std::string& text)
{
  std::string digits;
  for (const char c : text.substr(0, 32))
  {
    if (c >= '0' && c <= '9')
    {
      digits += c;
    }
  }
  return digits.size() >= 7 && digits.size() <= 9 ? digits : "";
}

// Names that differ in their ending alone are of two people as often as of one: "Julie", "Julia"; "Michel",
// "Michelle".
bool DifferInTheEnding(std::string_view a, std::string_view b)
{
  if (a.size() > b.size())
  {
    std::swap(a, b);
  }
  if (a.size() == b.size())
  {
    return a.substr(0, a.size() - 1) == b.substr(0, b.size() - 1) &&
           std::string_view("aeioy").find(a.back()) != std::string_view::npos &&
           std::string_view("aeioy").find(b.back()) != std::string_view::npos;
  }
  static constexpr std::string_view ENDINGS[] = {"e", "a", "o", "le", "ne", "te", "ie", "ine", "ette", "y"};
  return b.substr(0, a.size()) == a &&
         std::find(std::begin(ENDINGS), std::end(ENDINGS), b.substr(a.size())) != std::end(ENDINGS);
}

uint8_t CompareBirth(int32_t a, int32_t b)
{
  if (a == 0 || b == 0)
  {
    return Level::MISSING;
  }
  const auto isPlaceholder = [](int32_t date) { return date % 10000 == 101; };  // January 1st
  if (a == b)
  {
    return a % 10000 == 0     ? Level::BIRTH_YEAR
           : a % 100 == 0     ? Level::BIRTH_PARTIAL
           : isPlaceholder(a) ? Level::BIRTH_YEAR
                              : Level::EXACT;
  }
  const int32_t yearA = a / 10000;
  const int32_t yearB = b / 10000;
  const int32_t monthA = a / 100 % 100;
  const int32_t monthB = b / 100 % 100;
  const int32_t dayA = a % 100;
  const int32_t dayB = b % 100;
  if (yearA == yearB && (monthA == 0 || monthB == 0 || isPlaceholder(a) || isPlaceholder(b)))
  {
    return Level::BIRTH_YEAR;
  }
  if (dayA == 0 || dayB == 0)
  {
    return (yearA == yearB && monthA == monthB) ? Level::BIRTH_PARTIAL : Level::BIRTH_DISAGREE;
  }
  if (yearA == yearB && monthA == dayB && dayA == monthB)
  {
    return Level::BIRTH_SWAPPED;
  }
  std::array<int, 8> digitsA{};
  std::array<int, 8> digitsB{};
  for (int i = 7, x = a, y = b; i >= 0; i--, x /= 10, y /= 10)
  {
    digitsA[static_cast<size_t>(i)] = x % 10;
    digitsB[static_cast<size_t>(i)] = y % 10;
  }
  std::vector<size_t> differing;
  for (size_t i = 0; i < 8; i++)
  {
    if (digitsA[i] != digitsB[i])
    {
      differing.push_back(i);
    }
  }
  if (differing.size() == 1 ||
      (differing.size() == 2 && differing[1] == differing[0] + 1 &&
       digitsA[differing[0]] == digitsB[differing[1]] && digitsA[differing[1]] == digitsB[differing[0]]))
  {
    return Level::BIRTH_ONE_DIGIT;
  }
  const int same = (yearA == yearB ? 1 : 0) + (monthA == monthB ? 1 : 0) + (dayA == dayB ? 1 : 0);
  return same == 2 ? Level::BIRTH_COMPONENTS : Level::BIRTH_DISAGREE;
}

bool IsHousehold(Field field)
{
  return field == Field::PostalCode || field == Field::City || field == Field::Address ||
         field == Field::Phone || field == Field::Email;
}
}  // namespace

struct PatientIndex::Content
{
  Thresholds thresholds;
  mutable std::shared_mutex mutex;  // a reader holds it for one query, a writer for one patient
  Parameters parameters;
  WordTable words;
  std::deque<Entry> entries;
  std::unordered_map<std::string_view, uint32_t> byId;       // the keys lie in the entries
  std::unordered_map<uint32_t, std::string> survivors;       // of the entries that are merged
  std::array<std::array<double, LEVELS>, FIELDS> weights{};  // of the parameters
  BlockTable blocks;
  uint64_t formCount = 0;
  uint64_t aliveCount = 0;

  double FamilyShare(uint32_t id) const
  {
    return std::max(SMALLEST_SHARE, (words.Families(id) + 1.0) / (static_cast<double>(formCount) + 500.0));
  }

  double GivenShare(uint32_t id) const
  {
    return std::max(SMALLEST_SHARE * 5, (words.Givens(id) + 1.0) / (static_cast<double>(formCount) + 200.0));
  }

  Entry MakeEntry(const Patient& patient);
  void Count(const Entry& entry, int sign);
  void Kill(uint32_t index);

  Query MakeQuery(const StudyDemographics& demographics) const;
  QueryWord MakeWord(std::string text) const
  {
    const uint32_t id = words.Find(text);
    return {std::move(text), id};
  }

  std::vector<uint32_t> Candidates(const std::vector<uint64_t>& hashes, uint32_t practice) const;

  Comparison Compare(const Query& query, const Entry& entry) const;
  void CompareNames(const Query& query, const Entry& entry, Comparison& comparison) const;
  uint8_t CompareFamily(const QueryForm& query, const Form& form, double& share) const;
  uint8_t CompareGiven(const QueryForm& query, const Form& form, double& share) const;
  uint8_t CompareIdentifiers(const Query& query, const Entry& entry, double& share) const;
  uint8_t CompareAddress(const Query& query, const Entry& entry) const;
  uint8_t ClosenessOfFamily(const QueryForm& query, uint32_t family) const;
  uint8_t ClosenessOfGiven(const QueryForm& query, uint32_t given) const;
  uint8_t CompareWords(const QueryWord& query, uint32_t word, uint8_t close, uint8_t disagree) const;

  const std::string& SurvivorOf(uint32_t index) const
  {
    return entries[index].merged ? survivors.at(index) : entries[index].id;
  }

  double WeightOf(Field field, uint8_t level, double share) const
  {
    return share > 0 ? parameters.Weight(field, level, share) : weights[static_cast<size_t>(field)][level];
  }

  void Use(const Parameters& next)
  {
    parameters = next;
    for (size_t field = 0; field < FIELDS; field++)
    {
      for (uint8_t level = 0; level < LEVELS; level++)
      {
        weights[field][level] = next.u[field][level] > 0 ? next.Weight(static_cast<Field>(field), level) : 0;
      }
    }
  }
};

PatientIndex::PatientIndex(Thresholds thresholds) : content_(std::make_unique<Content>())
{
  content_->thresholds = thresholds;
  content_->Use(Parameters());
}

PatientIndex::~PatientIndex() = default;

size_t PatientIndex::Size() const
{
  const std::shared_lock lock(content_->mutex);
  return content_->byId.size();
}

void PatientIndex::SetParameters(const Parameters& parameters)
{
  const std::unique_lock lock(content_->mutex);
  content_->Use(parameters);
}

Parameters PatientIndex::GetParameters() const
{
  const std::shared_lock lock(content_->mutex);
  return content_->parameters;
}

Entry PatientIndex::Content::MakeEntry(const Patient& patient)
{
  Entry entry;
  entry.id = patient.id;
  entry.merged = patient.mergedInto.has_value();
  entry.practice = words.Intern(patient.practiceId);
  entry.birth = ReadBirth(patient.birthDate);
  entry.sex = ReadSex(patient.sex);
  entry.alive = true;
  for (const NameForm& name : NameForms(patient))
  {
    Form form;
    form.family = name.family.empty() ? NO_WORD : words.Intern(name.FamilyJoined());
    form.given = name.given.empty() ? NO_WORD : words.Intern(name.GivenJoined());
    for (size_t i = 0; i < std::min(name.family.size(), WORDS_OF_PART); i++)
    {
      form.familyWords[i] = words.Intern(name.family[i]);
    }
    for (size_t i = 0; i < std::min(name.given.size(), WORDS_OF_PART); i++)
    {
      form.givenWords[i] = words.Intern(name.given[i]);
    }
    entry.forms.push_back(form);
  }
  const auto add = [&](const std::string& value, const std::string& issuer)
  {
    if (const std::string key = IdentifierKey(value); !key.empty())
    {
      const std::string foldedIssuer = Folded(issuer);
      entry.identifiers.push_back({key, foldedIssuer.empty() ? NO_WORD : words.Intern(foldedIssuer)});
    }
  };
  for (const Identifier& identifier : patient.identifiers)
  {
    add(identifier.value, identifier.issuer);
  }
  entry.idKey = HashOf(IdentifierKey(patient.id));
  const AddressParts address = ParseAddress(patient.address);
  entry.city = address.city.empty() ? NO_WORD : words.Intern(address.city);
  entry.postalCode = address.postalCode.empty() ? NO_WORD : words.Intern(address.postalCode);
  for (const std::string& word : address.words)
  {
    entry.addressWords.push_back(words.Intern(word));
  }
  std::sort(entry.addressWords.begin(), entry.addressWords.end());
  entry.phone = HashOf(PhoneKey(patient.phone.value_or("")));
  entry.email = HashOf(EmailKey(patient.email.value_or("")));
  entry.forms.shrink_to_fit();
  entry.identifiers.shrink_to_fit();
  entry.addressWords.shrink_to_fit();
  return entry;
}

void PatientIndex::Content::Count(const Entry& entry, int sign)
{
  const auto change = [&](uint32_t& count)
  { count = static_cast<uint32_t>(static_cast<int64_t>(count) + sign); };
  for (const Form& form : entry.forms)
  {
    formCount = static_cast<uint64_t>(static_cast<int64_t>(formCount) + sign);
    // The joined name and, where they differ, its words: each says how common that text is.
    if (form.family != NO_WORD)
    {
      change(words.Families(form.family));
    }
    if (form.given != NO_WORD)
    {
      change(words.Givens(form.given));
    }
    for (size_t i = 0; i < WORDS_OF_PART; i++)
    {
      if (form.familyWords[i] != NO_WORD && form.familyWords[i] != form.family)
      {
        change(words.Families(form.familyWords[i]));
      }
      if (form.givenWords[i] != NO_WORD && form.givenWords[i] != form.given)
      {
        change(words.Givens(form.givenWords[i]));
      }
    }
  }
  aliveCount = static_cast<uint64_t>(static_cast<int64_t>(aliveCount) + sign);
}

void PatientIndex::Content::Kill(uint32_t index)
{
  Count(entries[index], -1);
  byId.erase(entries[index].id);
  survivors.erase(index);
  entries[index] = Entry{};  // not alive; its keys go with the next sorting
}

void PatientIndex::Put(const Patient& patient)
{
  Content& content = *content_;
  const std::vector<uint64_t> hashes = BlockingHashes(patient);  // the slow part, before the lock
  {
    const std::unique_lock lock(content.mutex);
    Entry entry = content.MakeEntry(patient);
    if (const auto known = content.byId.find(patient.id); known != content.byId.end())
    {
      content.Kill(known->second);
    }
    const auto index = static_cast<uint32_t>(content.entries.size());
    content.Count(entry, +1);
    content.entries.push_back(std::move(entry));
    content.byId[content.entries.back().id] = index;
    if (patient.mergedInto)
    {
      content.survivors[index] = *patient.mergedInto;
    }
    for (const uint64_t hash : hashes)
    {
      content.blocks.Add(hash, index);
    }
  }
  if (content.blocks.WantsSorting())
  {
    // Nobody else writes: readers go on with the old table until the new one is there.
    BlockTable sorted = content.blocks.Sorted([&](uint32_t index) { return !content.entries[index].alive; });
    const std::unique_lock lock(content.mutex);
    std::swap(content.blocks, sorted);
  }
}

void PatientIndex::Remove(const std::string& id)
{
  Content& content = *content_;
  const std::unique_lock lock(content.mutex);
  if (const auto known = content.byId.find(id); known != content.byId.end())
  {
    content.Kill(known->second);
  }
}

Query PatientIndex::Content::MakeQuery(const StudyDemographics& demographics) const
{
  Query query;
  for (const NameForm& name : NameForms(demographics))
  {
    QueryForm form;
    form.family = MakeWord(name.FamilyJoined());
    form.given = MakeWord(name.GivenJoined());
    for (const std::string& word : name.family)
    {
      form.familyWords.push_back(MakeWord(word));
    }
    for (const std::string& word : name.given)
    {
      form.givenWords.push_back(MakeWord(word));
    }
    query.forms.push_back(std::move(form));
  }
  const auto add = [&](const std::string& value, const std::string& issuer)
  {
    if (const std::string key = IdentifierKey(value); !key.empty())
    {
      const std::string foldedIssuer = Folded(issuer);
      query.identifiers.push_back({key, HashOf(key), words.Find(foldedIssuer), !foldedIssuer.empty()});
    }
  };
  add(demographics.patientId, demographics.issuerOfPatientId);
  for (const Identifier& other : demographics.otherPatientIds)
  {
    add(other.value, other.issuer);
  }
  query.birth = ReadBirth(demographics.birthDate);
  query.birthDigits = query.birth == 0 ? ReadBrokenBirth(demographics.birthDate) : "";
  query.sex = ReadSex(demographics.sex);
  const AddressParts address = ParseAddress(demographics.address);
  query.postalCode = MakeWord(address.postalCode);
  query.addressSize = address.words.size();
  for (const std::string& word : address.words)
  {
    if (const uint32_t id = words.Find(word); id != NO_WORD)
    {
      query.addressWords.push_back(id);
    }
  }
  std::sort(query.addressWords.begin(), query.addressWords.end());
  query.phone = HashOf(PhoneKey(demographics.phone));
  query.email = HashOf(EmailKey(demographics.email));
  return query;
}

std::vector<uint32_t> PatientIndex::Content::Candidates(const std::vector<uint64_t>& hashes,
                                                        uint32_t practice) const
{
  // The rarest keys first: they say most, and the number of comparisons is bounded.
  std::vector<std::pair<size_t, uint64_t>> sizes;
  for (const uint64_t hash : hashes)
  {
    if (const size_t size = blocks.Count(hash); size != 0)
    {
      sizes.emplace_back(size, hash);
    }
  }
  std::sort(sizes.begin(), sizes.end());

  std::vector<uint32_t> found;
  for (const auto& [size, hash] : sizes)
  {
    if (found.size() >= MOST_SCANNED || (size > LARGEST_BLOCK && !found.empty()))
    {
      break;
    }
    blocks.ForEach(
        hash,
        [&](uint32_t index)
        {
          if (entries[index].alive && entries[index].practice == practice && found.size() < 2 * MOST_SCANNED)
          {
            found.push_back(index);
          }
        });
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

uint8_t PatientIndex::Content::ClosenessOfFamily(const QueryForm& query, uint32_t family) const
{
  const auto [known, isNew] = query.familyClose.try_emplace(family, Level::FAMILY_DISAGREE);
  if (isNew)
  {
    const std::string& text = words.Text(family);
    const std::string& asked = query.family.text;
    const double similarity = JaroWinkler(asked, text);
    if (similarity >= 0.92 || (std::min(asked.size(), text.size()) >= 4 && IsOneEdit(asked, text)))
    {
      known->second = Level::FAMILY_CLOSE;
    }
    else if (similarity >= 0.8 && PhoneticCode(asked) == PhoneticCode(text))
    {
      known->second = Level::FAMILY_PHONETIC;
    }
  }
  return known->second;
}

uint8_t PatientIndex::Content::ClosenessOfGiven(const QueryForm& query, uint32_t given) const
{
  const auto [known, isNew] = query.givenClose.try_emplace(given, Level::GIVEN_DISAGREE);
  if (isNew)
  {
    const std::string& text = words.Text(given);
    const std::string& asked = query.given.text;
    if (JaroWinkler(asked, text) >= 0.9 ||
        (std::min(asked.size(), text.size()) >= 4 && IsOneEdit(asked, text)))
    {
      // A typing error makes a name that hardly anybody has; two names that people have are two people's.
      const bool bothAreNames = words.Givens(query.given.id) >= 3 && words.Givens(given) >= 3;
      known->second =
          bothAreNames || DifferInTheEnding(asked, text) ? Level::GIVEN_SIMILAR : Level::GIVEN_CLOSE;
    }
  }
  return known->second;
}

uint8_t PatientIndex::Content::CompareFamily(const QueryForm& query, const Form& form, double& share) const
{
  if (query.family.IsEmpty() || form.family == NO_WORD)
  {
    return Level::MISSING;
  }
  if (query.family.id == form.family)
  {
    share = FamilyShare(form.family);
    return Level::EXACT;
  }
  double rarest = 1;
  for (const QueryWord& word : query.familyWords)
  {
    if (word.id != NO_WORD && word.text.size() > 2 &&
        std::find(form.familyWords.begin(), form.familyWords.end(), word.id) != form.familyWords.end())
    {
      rarest = std::min(rarest, FamilyShare(word.id));
    }
  }
  if (rarest < 1)
  {
    share = rarest;
    return Level::FAMILY_WORD;
  }
  return ClosenessOfFamily(query, form.family);
}

uint8_t PatientIndex::Content::CompareGiven(const QueryForm& query, const Form& form, double& share) const
{
  if (query.given.IsEmpty() || form.given == NO_WORD)
  {
    return Level::MISSING;
  }
  if (query.given.id == form.given)
  {
    share = GivenShare(form.given);
    return query.given.text.size() == 1 ? Level::GIVEN_INITIAL : Level::EXACT;
  }
  const std::string& text = words.Text(form.given);
  const std::string& asked = query.given.text;
  // "J", and "JF" or "J-F" for a compound name.
  const auto isInitialsOf = [&](const std::string& initials, const auto& ofWord, size_t count)
  {
    if (initials.size() > 3 || initials.size() > count || initials.empty())
    {
      return false;
    }
    for (size_t i = 0; i < initials.size(); i++)
    {
      if (ofWord(i).empty() || ofWord(i)[0] != initials[i])
      {
        return false;
      }
    }
    return initials.size() == 1 || initials.size() == count;
  };
  const auto formCountOfWords = static_cast<size_t>(
      std::find(form.givenWords.begin(), form.givenWords.end(), NO_WORD) - form.givenWords.begin());
  if (isInitialsOf(
          asked, [&](size_t i) { return words.Text(form.givenWords[i]); }, formCountOfWords) ||
      isInitialsOf(
          text, [&](size_t i) { return query.givenWords[i].text; }, query.givenWords.size()))
  {
    return Level::GIVEN_INITIAL;
  }
  double rarest = 1;
  for (const QueryWord& word : query.givenWords)
  {
    if (word.id != NO_WORD && word.text.size() > 1 &&
        std::find(form.givenWords.begin(), form.givenWords.end(), word.id) != form.givenWords.end())
    {
      rarest = std::min(rarest, GivenShare(word.id));
    }
  }
  if (rarest < 1)
  {
    // "Marie-Ève" and "Marie-Anne" share a word as sisters do: both have another one.
    if (query.givenWords.size() > 1 && formCountOfWords > 1)
    {
      return Level::GIVEN_SIMILAR;
    }
    share = rarest;
    return Level::GIVEN_WORD;
  }
  if (AreVariants(asked, text))
  {
    return Level::GIVEN_VARIANT;
  }
  return ClosenessOfGiven(query, form.given);
}

void PatientIndex::Content::CompareNames(const Query& query, const Entry& entry, Comparison& comparison) const
{
  constexpr auto FAMILY = static_cast<size_t>(Field::FamilyName);
  constexpr auto GIVEN = static_cast<size_t>(Field::GivenName);
  bool first = true;
  for (const QueryForm& asked : query.forms)
  {
    for (const Form& form : entry.forms)
    {
      double familyShare = 0;
      double givenShare = 0;
      uint8_t family = CompareFamily(asked, form, familyShare);
      uint8_t given = CompareGiven(asked, form, givenShare);
      double familyWeight = family == Level::FAMILY_WORD
                                ? std::max(-1.0, WeightOf(Field::FamilyName, family, familyShare))
                                : WeightOf(Field::FamilyName, family, familyShare);
      double givenWeight = WeightOf(Field::GivenName, given, givenShare);
      if (asked.family.id != NO_WORD && asked.given.id != NO_WORD && asked.family.id == form.given &&
          asked.given.id == form.family && asked.family.id != asked.given.id)
      {
        family = Level::FAMILY_SWAPPED;
        given = Level::GIVEN_SWAPPED;
        familyWeight = parameters.Weight(Field::FamilyName, Level::EXACT, FamilyShare(form.family)) +
                       std::log2(parameters.m[FAMILY][Level::FAMILY_SWAPPED]);
        givenWeight = parameters.Weight(Field::GivenName, Level::EXACT, GivenShare(form.given));
      }
      if (first || familyWeight + givenWeight > comparison.weight[FAMILY] + comparison.weight[GIVEN])
      {
        first = false;
        comparison.level[FAMILY] = family;
        comparison.level[GIVEN] = given;
        comparison.weight[FAMILY] = familyWeight;
        comparison.weight[GIVEN] = givenWeight;
      }
    }
  }
}

uint8_t PatientIndex::Content::CompareIdentifiers(const Query& query, const Entry& entry, double& share) const
{
  uint8_t best = Level::MISSING;
  const auto rank = [](uint8_t level)
  {
    // Missing, disagree, close, any issuer, exact.
    static constexpr int RANKS[] = {0, 4, 3, 2, 1};
    return RANKS[level];
  };
  const auto improve = [&](uint8_t level)
  {
    if (rank(level) > rank(best))
    {
      best = level;
      return true;
    }
    return false;
  };
  // A short number is somebody else's number elsewhere.
  const auto agree = [&](const QueryIdentifier& asked, bool sameIssuer)
  {
    if (improve(sameIssuer ? Level::EXACT : Level::IDENTIFIER_ANY_ISSUER))
    {
      const double byLength = std::pow(10.0, -std::min<double>(7, static_cast<double>(asked.value.size())));
      share = std::max(byLength, sameIssuer ? 1e-6 : 1e-5);
    }
  };
  for (const QueryIdentifier& asked : query.identifiers)
  {
    if (asked.key == entry.idKey)
    {
      agree(asked, false);
    }
    for (const IndexedIdentifier& known : entry.identifiers)
    {
      const bool bothIssuers = asked.hasIssuer && known.issuer != NO_WORD;
      if (bothIssuers && asked.issuer != known.issuer)
      {
        continue;  // numbers of two issuers say nothing of each other
      }
      if (asked.value == known.value)
      {
        agree(asked, bothIssuers);
      }
      else if (asked.value.size() >= 6 && IsOneEdit(asked.value, known.value))
      {
        improve(Level::IDENTIFIER_CLOSE);
      }
      else if (bothIssuers)
      {
        improve(Level::IDENTIFIER_DISAGREE);
      }
    }
  }
  return best;
}

uint8_t PatientIndex::Content::CompareWords(const QueryWord& query, uint32_t word, uint8_t close,
                                            uint8_t disagree) const
{
  if (query.IsEmpty() || word == NO_WORD)
  {
    return Level::MISSING;
  }
  if (query.id == word)
  {
    return Level::EXACT;
  }
  return IsOneEdit(query.text, words.Text(word)) ? close : disagree;
}

uint8_t PatientIndex::Content::CompareAddress(const Query& query, const Entry& entry) const
{
  if (query.addressSize == 0 || entry.addressWords.empty())
  {
    return Level::MISSING;
  }
  std::vector<uint32_t> common;
  std::set_intersection(query.addressWords.begin(), query.addressWords.end(), entry.addressWords.begin(),
                        entry.addressWords.end(), std::back_inserter(common));
  // The directory's line stands within DICOM's free text, which names the city too.
  const double share = static_cast<double>(common.size()) / static_cast<double>(entry.addressWords.size());
  return share >= 1.0 && common.size() > 1 ? Level::EXACT
         : share >= 0.6                    ? Level::ADDRESS_MOST
         : !common.empty()                 ? Level::ADDRESS_SOME
                                           : Level::ADDRESS_DISAGREE;
}

Comparison PatientIndex::Content::Compare(const Query& query, const Entry& entry) const
{
  Comparison comparison;
  CompareNames(query, entry, comparison);

  const auto set = [&](Field field, uint8_t level, double share = 0)
  {
    comparison.level[static_cast<size_t>(field)] = level;
    comparison.weight[static_cast<size_t>(field)] = WeightOf(field, level, share);
  };
  set(Field::BirthDate, !query.birthDigits.empty() && entry.birth % 100 != 0 &&
                                IsOneEdit(query.birthDigits, fmt::format("{:08}", entry.birth))
                            ? Level::BIRTH_ONE_DIGIT
                            : CompareBirth(query.birth, entry.birth));
  set(Field::Sex, query.sex == 0 || entry.sex == 0 ? Level::MISSING
                  : query.sex == entry.sex         ? Level::EXACT
                                                   : Level::SEX_DISAGREE);
  double share = 0;
  const uint8_t identifier = CompareIdentifiers(query, entry, share);
  set(Field::Identifier, identifier, share);
  // A Canadian code of which the first half agrees is of the same neighbourhood.
  uint8_t postal =
      CompareWords(query.postalCode, entry.postalCode, Level::POSTAL_CLOSE, Level::POSTAL_DISAGREE);
  if (postal == Level::POSTAL_DISAGREE && query.postalCode.text.size() == 6 &&
      query.postalCode.text.compare(0, 3, words.Text(entry.postalCode), 0, 3) == 0)
  {
    postal = Level::POSTAL_CLOSE;
  }
  set(Field::PostalCode, postal);
  set(Field::City, CompareWords(query.city, entry.city, Level::CITY_CLOSE, Level::CITY_DISAGREE));
  set(Field::Address, CompareAddress(query, entry));
  set(Field::Phone, query.phone == 0 || entry.phone == 0 ? Level::MISSING
                    : query.phone == entry.phone         ? Level::EXACT
                                                         : Level::PHONE_DISAGREE);
  set(Field::Email, query.email == 0 || entry.email == 0 ? Level::MISSING
                    : query.email == entry.email         ? Level::EXACT
                                                         : Level::EMAIL_DISAGREE);

  // The fields that a household shares are not independent of each other: together they say no more than
  // that.
  double household = 0;
  for (size_t i = 0; i < FIELDS; i++)
  {
    (IsHousehold(static_cast<Field>(i)) ? household : comparison.total) += comparison.weight[i];
  }
  comparison.total += std::clamp(household, LEAST_HOUSEHOLD, MOST_HOUSEHOLD);
  return comparison;
}

namespace
{
bool IdentifierAgrees(const Comparison& comparison)
{
  const uint8_t level = comparison.At(Field::Identifier);
  return level == Level::EXACT || level == Level::IDENTIFIER_ANY_ISSUER;
}

bool GivenAgrees(const Comparison& comparison)
{
  const uint8_t level = comparison.At(Field::GivenName);
  return level >= Level::EXACT && level <= Level::GIVEN_SWAPPED;
}

bool FamilyAgrees(const Comparison& comparison)
{
  const uint8_t level = comparison.At(Field::FamilyName);
  return level >= Level::EXACT && level <= Level::FAMILY_SWAPPED;
}

bool BirthAgrees(const Comparison& comparison)
{
  const uint8_t level = comparison.At(Field::BirthDate);
  return level >= Level::EXACT && level <= Level::BIRTH_PARTIAL;
}

// What must never pass silently, however much else agrees.
bool ClearlyDisagrees(const Comparison& comparison)
{
  const uint8_t given = comparison.At(Field::GivenName);
  const uint8_t birth = comparison.At(Field::BirthDate);
  return comparison.At(Field::FamilyName) == Level::FAMILY_DISAGREE || given == Level::GIVEN_DISAGREE ||
         given == Level::GIVEN_SIMILAR || birth == Level::BIRTH_DISAGREE ||
         birth == Level::BIRTH_COMPONENTS || comparison.At(Field::Sex) == Level::SEX_DISAGREE;
}

// Whether enough of what is a person's own agrees: relatives share the rest. With an identifier, one of name
// and birth date may be missing; without, neither.
bool IsPersonal(const Comparison& comparison)
{
  if (ClearlyDisagrees(comparison))
  {
    return false;
  }
  const bool name = GivenAgrees(comparison) && FamilyAgrees(comparison);
  if (IdentifierAgrees(comparison))
  {
    return name || (BirthAgrees(comparison) && (GivenAgrees(comparison) || FamilyAgrees(comparison)));
  }
  if (comparison.At(Field::GivenName) == Level::GIVEN_INITIAL || !BirthAgrees(comparison))
  {
    return false;
  }
  // Two people of one given name, birth date and address are one, also where the family name is left out.
  const bool sameHome = comparison.At(Field::Address) == Level::EXACT ||
                        comparison.At(Field::Phone) == Level::EXACT ||
                        comparison.At(Field::Email) == Level::EXACT;
  return name || (comparison.At(Field::FamilyName) == Level::MISSING && GivenAgrees(comparison) &&
                  comparison.At(Field::BirthDate) == Level::EXACT && sameHome);
}

bool SaysNothing(const Query& query)
{
  return query.forms.empty() && query.identifiers.empty() && query.birth == 0 && query.phone == 0 &&
         query.email == 0;
}

struct Scored
{
  uint32_t entry;
  Comparison comparison;
};
}  // namespace

Decision PatientIndex::Decide(const StudyDemographics& demographics, const std::string& practiceId) const
{
  const StudyHashes hashes = BlockingHashes(demographics, practiceId);
  const Content& content = *content_;
  const std::shared_lock lock(content.mutex);
  const Query query = content.MakeQuery(demographics);
  Decision decision;
  if (SaysNothing(query))
  {
    decision.reason = "no_demographics";
    return decision;
  }
  decision.reason = "no_candidate";
  const uint32_t practice = content.words.Find(practiceId);
  if (practice == NO_WORD)
  {
    return decision;
  }

  const double prior =
      content.parameters.present / static_cast<double>(std::max<uint64_t>(1, content.aliveCount));
  std::vector<Scored> scored;
  double most = -1000;
  const auto score = [&](const std::vector<uint32_t>& candidates)
  {
    scored.clear();
    for (const uint32_t index : candidates)
    {
      scored.push_back({index, content.Compare(query, content.entries[index])});
      most = std::max(most, scored.back().comparison.total);
    }
  };
  score(content.Candidates(hashes.first, practice));
  // Less probable than not: somebody else may be the one.
  if (std::exp2(most) * prior < 1 - content.parameters.present)
  {
    std::vector<uint64_t> all = hashes.first;
    all.insert(all.end(), hashes.wider.begin(), hashes.wider.end());
    score(content.Candidates(all, practice));
  }
  // What is a billion times less probable than the best neither counts nor interests.
  std::vector<const Scored*> ranked;
  for (const Scored& item : scored)
  {
    if (item.comparison.total > most - 30)
    {
      ranked.push_back(&item);
    }
  }
  std::sort(ranked.begin(), ranked.end(),
            [&](const Scored* a, const Scored* b)
            {
              return a->comparison.total != b->comparison.total
                         ? a->comparison.total > b->comparison.total
                         : content.entries[a->entry].id < content.entries[b->entry].id;
            });

  std::vector<const Scored*> best;
  std::vector<std::string_view> seen;  // only what a merge can repeat
  double sum = 0;
  for (const Scored* item : ranked)
  {
    // Of a patient and those merged into it, the best speaks for the survivor.
    if (!content.survivors.empty())
    {
      const std::string& survivor = content.SurvivorOf(item->entry);
      if (std::find(seen.begin(), seen.end(), survivor) != seen.end() || content.byId.count(survivor) == 0)
      {
        continue;
      }
      seen.push_back(survivor);
    }
    sum += std::exp2(item->comparison.total) * prior;
    if (best.size() < MOST_CANDIDATES)
    {
      best.push_back(item);
    }
  }
  if (best.empty())
  {
    return decision;
  }

  // Two holders of one number are two candidates, whatever the rest says; a holder comes first if it is in
  // conflict.
  std::vector<const Scored*> holders;
  for (const Scored& item : scored)
  {
    if (IdentifierAgrees(item.comparison))
    {
      const std::string& survivor = content.SurvivorOf(item.entry);
      if (std::none_of(holders.begin(), holders.end(),
                       [&](const Scored* holder) { return content.SurvivorOf(holder->entry) == survivor; }))
      {
        holders.push_back(&item);
      }
    }
  }

  const double all = sum + (1 - content.parameters.present);
  const auto probabilityOf = [&](const Scored& item)
  { return std::exp2(item.comparison.total) * prior / all; };

  const Scored& top = *best.front();
  const bool topHolds = IdentifierAgrees(top.comparison);
  const bool conflict = !holders.empty() && (!topHolds || ClearlyDisagrees(top.comparison));
  if (conflict)
  {
    const auto position = std::find(best.begin(), best.end(), holders.front());
    if (position != best.end())
    {
      std::rotate(best.begin(), position, position + 1);
    }
    else
    {
      best.insert(best.begin(), holders.front());
      best.resize(std::min(best.size(), MOST_CANDIDATES));
    }
  }

  for (const Scored* item : best)
  {
    Candidate candidate;
    candidate.patientId = content.SurvivorOf(item->entry);
    candidate.probability = std::min(1.0, probabilityOf(*item));
    for (size_t field = 0; field < FIELDS; field++)
    {
      if (item->comparison.level[field] != Level::MISSING)
      {
        candidate.evidence.push_back({NameOf(static_cast<Field>(field)),
                                      NameOf(static_cast<Field>(field), item->comparison.level[field]),
                                      item->comparison.weight[field]});
      }
    }
    decision.candidates.push_back(std::move(candidate));
  }
  decision.probability = decision.candidates.front().probability;

  if (conflict)
  {
    decision.status = MatchStatus::Review;
    decision.reason = "identifier_conflict";
  }
  else if (holders.size() > 1)
  {
    decision.status = MatchStatus::Review;
    decision.reason = "identifier_ambiguous";
  }
  else if (content.thresholds.match < 1 && probabilityOf(top) >= content.thresholds.match &&
           IsPersonal(top.comparison))
  {
    decision.status = MatchStatus::Matched;
    decision.patientId = decision.candidates.front().patientId;
    decision.reason = topHolds ? "identifier_and_demographics" : "demographics";
  }
  else if (topHolds || probabilityOf(top) >= content.thresholds.review)
  {
    decision.status = MatchStatus::Review;
    const bool compared = top.comparison.At(Field::FamilyName) != Level::MISSING ||
                          top.comparison.At(Field::GivenName) != Level::MISSING ||
                          top.comparison.At(Field::BirthDate) != Level::MISSING;
    const bool rivals = best.size() > 1 && probabilityOf(*best[1]) > probabilityOf(top) / 100;
    decision.reason = topHolds && !compared ? "identifier_only" : rivals ? "ambiguous" : "doubtful";
  }
  return decision;
}

std::optional<Parameters> PatientIndex::Estimate(
    const std::vector<std::pair<StudyDemographics, std::string>>& observedWithPractice) const
{
  constexpr size_t FEWEST = 200;
  constexpr size_t MOST = 20'000;
  constexpr int ITERATIONS = 8;
  constexpr double STRENGTH_OF_M = 200;    // the defaults count as so many studies
  constexpr double STRENGTH_OF_U = 2'000;  // and as so many pairs
  constexpr uint32_t PAIRS = 200'000;
  const Content& content = *content_;
  if (observedWithPractice.size() < FEWEST)
  {
    return std::nullopt;
  }

  const Parameters defaults;
  Parameters estimated = defaults;

  // u: pairs of patients at random, by a fixed sequence. One plays the study.
  {
    std::array<std::array<double, LEVELS>, FIELDS> counts{};
    uint64_t state = 88172645463325252U;
    const auto next = [&]
    {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      return state;
    };
    for (uint32_t pair = 0; pair < PAIRS; pair++)
    {
      const std::shared_lock lock(content.mutex);
      const size_t size = content.entries.size();
      if (size < 1000)
      {
        break;
      }
      const Entry& a = content.entries[next() % size];
      const Entry& b = content.entries[next() % size];
      if (!a.alive || !b.alive || &a == &b)
      {
        continue;
      }
      Query query;
      for (const Form& form : a.forms)
      {
        QueryForm asked;
        const auto word = [&](uint32_t id) {
          return id == NO_WORD ? QueryWord{} : QueryWord{content.words.Text(id), id};
        };
        asked.family = word(form.family);
        asked.given = word(form.given);
        for (size_t i = 0; i < WORDS_OF_PART; i++)
        {
          if (form.familyWords[i] != NO_WORD)
          {
            asked.familyWords.push_back(word(form.familyWords[i]));
          }
          if (form.givenWords[i] != NO_WORD)
          {
            asked.givenWords.push_back(word(form.givenWords[i]));
          }
        }
        query.forms.push_back(std::move(asked));
        break;
      }
      query.birth = a.birth;
      query.sex = a.sex;
      query.postalCode =
          a.postalCode == NO_WORD ? QueryWord{} : QueryWord{content.words.Text(a.postalCode), a.postalCode};
      query.addressWords = a.addressWords;
      query.addressSize = a.addressWords.size();
      const Comparison comparison = content.Compare(query, b);
      for (size_t field = 0; field < FIELDS; field++)
      {
        counts[field][comparison.level[field]]++;
      }
    }
    for (size_t field = 0; field < FIELDS; field++)
    {
      double total = 0;
      for (size_t level = 1; level < LEVELS; level++)
      {
        total += counts[field][level];
      }
      if (static_cast<Field>(field) == Field::Identifier || IsHousehold(static_cast<Field>(field)))
      {
        continue;  // what members of one household share by chance is not what random pairs share
      }
      for (size_t level = 1; level < LEVELS && defaults.u[field][level] > 0; level++)
      {
        const double share =
            (counts[field][level] + STRENGTH_OF_U * defaults.u[field][level]) / (total + STRENGTH_OF_U);
        estimated.u[field][level] =
            std::clamp(share, defaults.u[field][level] / 4, std::min(0.999, defaults.u[field][level] * 20));
      }
    }
  }

  // m and the share of those present: each study's candidates, weighed by the probability that they are the
  // one.
  struct Observation
  {
    std::vector<Comparison> candidates;  // with the parts of the weights that the names' shares make
  };
  std::vector<Observation> observations;
  const size_t step = std::max<size_t>(1, observedWithPractice.size() / MOST);
  uint64_t alive = 1;
  for (size_t i = 0; i < observedWithPractice.size(); i += step)
  {
    const auto& [demographics, practiceId] = observedWithPractice[i];
    const std::vector<uint64_t> hashes = BlockingHashes(demographics, practiceId).first;
    const std::shared_lock lock(content.mutex);
    alive = std::max<uint64_t>(1, content.aliveCount);
    const uint32_t practice = content.words.Find(practiceId);
    if (practice == NO_WORD)
    {
      continue;
    }
    const Query query = content.MakeQuery(demographics);
    Observation observation;
    for (const uint32_t index : content.Candidates(hashes, practice))
    {
      observation.candidates.push_back(content.Compare(query, content.entries[index]));
    }
    std::sort(observation.candidates.begin(), observation.candidates.end(),
              [](const Comparison& a, const Comparison& b) { return a.total > b.total; });
    observation.candidates.resize(std::min<size_t>(observation.candidates.size(), 5));
    observations.push_back(std::move(observation));
  }
  const Parameters before = GetParameters();
  for (int iteration = 0; iteration < ITERATIONS; iteration++)
  {
    std::array<std::array<double, LEVELS>, FIELDS> counts{};
    double present = 0;
    const double prior = estimated.present / static_cast<double>(alive);
    for (const Observation& observation : observations)
    {
      std::vector<double> likelihoods;
      double all = 1 - estimated.present;
      for (const Comparison& comparison : observation.candidates)
      {
        // The stored weights were made with `before`: only what the parameters changed is corrected.
        double total = comparison.total;
        for (size_t field = 0; field < FIELDS; field++)
        {
          const uint8_t level = comparison.level[field];
          if (level != Level::MISSING && !IsHousehold(static_cast<Field>(field)))
          {
            total += std::log2(estimated.m[field][level] / before.m[field][level]);
          }
        }
        likelihoods.push_back(std::exp2(total) * prior);
        all += likelihoods.back();
      }
      for (size_t i = 0; i < likelihoods.size(); i++)
      {
        const double probability = likelihoods[i] / all;
        present += probability;
        for (size_t field = 0; field < FIELDS; field++)
        {
          counts[field][observation.candidates[i].level[field]] += probability;
        }
      }
    }
    for (size_t field = 0; field < FIELDS; field++)
    {
      double total = 0;
      for (size_t level = 1; level < LEVELS; level++)
      {
        total += counts[field][level];
      }
      for (size_t level = 1; level < LEVELS && defaults.m[field][level] > 0; level++)
      {
        const double share =
            (counts[field][level] + STRENGTH_OF_M * defaults.m[field][level]) / (total + STRENGTH_OF_M);
        estimated.m[field][level] =
            std::clamp(share, defaults.m[field][level] / 5, std::min(0.999, defaults.m[field][level] * 5));
      }
    }
    estimated.present = std::clamp((present + STRENGTH_OF_M * defaults.present) /
                                       (static_cast<double>(observations.size()) + STRENGTH_OF_M),
                                   0.2, 0.98);
  }
  return estimated;
}
}  // namespace OrthancClinic::Matching
