// SPDX-License-Identifier: GPL-3.0-or-later

#include "WorklistIndex.h"

#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <tuple>

#include "AttributeMatching.h"
#include "Core/Configuration/Json.h"
#include "Core/Dicom/Folding.h"
#include "Core/Errors.h"
#include "Core/LetterCase.h"

namespace OrthancClinic::Worklist
{
namespace
{
constexpr const char* STEP = "0040,0100";
constexpr const char* PATIENT_NAME = "0010,0010";
constexpr const char* STATION = "0040,0001";
constexpr const char* DATE = "0040,0002";
constexpr const char* TIME = "0040,0003";
constexpr const char* MODALITY = "0008,0060";

// Other names of people, which match without case.
constexpr const char* NAMES[] = {"0008,0090", "0032,1032", "0040,0006"};

// Longest query that is looked at: no console asks so much.
constexpr size_t MOST_KEYS = 200;
constexpr size_t LONGEST_KEY = 1024;  // bytes

bool IsName(const std::string& tag)
{
  return std::find(std::begin(NAMES), std::end(NAMES), tag) != std::end(NAMES);
}

// What an item says for the identifiers by which it is found directly.
const std::string* Identifier(const WorklistItem& item, const std::string& tag)
{
  if (tag == "0010,0020")
  {
    return &item.dicomPatientId;
  }
  if (tag == "0008,0050")
  {
    return &item.accessionNumber;
  }
  if (tag == "0020,000d")
  {
    return &item.studyInstanceUid;
  }
  if (tag == "0040,1001")
  {
    return &item.requestedProcedureId;
  }
  return tag == "0040,0009" ? &item.scheduledProcedureStepId : nullptr;
}

constexpr const char* IDENTIFIERS[] = {"0010,0020", "0008,0050", "0020,000d", "0040,1001", "0040,0009"};

std::string Trim(const std::string& text)
{
  const size_t begin = text.find_first_not_of(" \0");
  const size_t end = text.find_last_not_of(std::string_view(" \0", 2));
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

std::string DayKey(const std::string& practice, const std::string& day)
{
  return practice + "|" + day;
}

std::string Upper(const std::string& text)
{
  std::string upper;
  icu::UnicodeString::fromUTF8(text).toUpper(icu::Locale::getRoot()).toUTF8String(upper);
  return upper;
}

// Whether a data set has the value that a key asks for. Orthanc compares the keys of the step once more and
// takes out what differs: there, accents count.
bool MatchesOther(const Json::Value& json, const std::string& tag, const std::string& key, bool ofStep)
{
  const std::string value = TextOf(json, tag);
  if (!IsName(tag))
  {
    return MatchesText(key, value);
  }
  return ofStep ? MatchesText(Upper(key), Upper(value)) : NameKey(key).Matches(FoldName(value));
}
}  // namespace

struct WorklistIndex::Query
{
  std::map<std::string, std::string> root;
  std::map<std::string, std::string> step;
  std::optional<NameKey> name;

  std::string Step(const char* tag) const
  {
    const auto key = step.find(tag);
    return key == step.end() ? "" : key->second;
  }
};

WorklistIndex::Query WorklistIndex::Parse(const Json::Value& json)
{
  if (!json.isObject())
  {
    throw BadInput("The query is no data set");
  }
  Query query;
  const auto read = [](const Json::Value& dataset, std::map<std::string, std::string>& keys)
  {
    for (const std::string& name : dataset.getMemberNames())
    {
      if (dataset[name].isString())
      {
        const std::string value = Trim(dataset[name].asString());
        if (value.size() > LONGEST_KEY)
        {
          throw BadInput("The key " + name + " is too long");
        }
        if (!value.empty() && value.find_first_not_of('*') != std::string::npos)
        {
          keys[ToLower(name)] = value;
        }
      }
    }
  };
  read(json, query.root);
  query.root.erase("0008,0005");  // SpecificCharacterSet
  query.root.erase("0008,0201");  // TimezoneOffsetFromUTC
  if (const Json::Value& steps = json[STEP]; steps.isArray() && !steps.empty())
  {
    if (steps.size() > 1 || !steps[0].isObject())
    {
      throw BadInput("A key that is a sequence has one item");
    }
    read(steps[0], query.step);
  }
  if (query.root.size() + query.step.size() > MOST_KEYS)
  {
    throw BadInput("The query has too many keys");
  }
  if (const auto name = query.root.find(PATIENT_NAME); name != query.root.end())
  {
    query.name.emplace(name->second);
    query.root.erase(name);
  }
  return query;
}

void WorklistIndex::Link(Slot slot, bool add)
{
  const WorklistItem& item = items_[slot];
  const auto change = [&](Slots& slots)
  {
    if (add)
    {
      slots.push_back(slot);
    }
    else
    {
      std::erase(slots, slot);
    }
    return slots.empty();
  };
  for (const char* tag : IDENTIFIERS)
  {
    const std::string key = std::string(tag) + "=" + *Identifier(item, tag);
    if (change(byKey_[key]))
    {
      byKey_.erase(key);
    }
  }
  const std::string day = DayKey(item.practiceId, item.date);
  size_t begin = 0;
  const auto name = [&](const std::string& group)
  {
    if (add)
    {
      byName_.emplace(group, slot);
    }
    else
    {
      byName_.erase({group, slot});
    }
  };
  for (size_t end; (end = item.foldedName.find('=', begin)) != std::string::npos; begin = end + 1)
  {
    name(item.foldedName.substr(begin, end - begin));
  }
  name(item.foldedName.substr(begin));
  const bool beyond = OrthancClinic::Worklist::NeedsUtf8(item.patientName);
  if (add)
  {
    byDay_[day].insert(slot);
    byPatient_[item.patientId].insert(item.orderId);
    beyondLatin1_[item.date] += beyond ? 1 : 0;
  }
  else
  {
    byDay_[day].erase(slot);
    if (byDay_[day].empty())
    {
      byDay_.erase(day);
    }
    byPatient_[item.patientId].erase(item.orderId);
    if (byPatient_[item.patientId].empty())
    {
      byPatient_.erase(item.patientId);
    }
    beyondLatin1_[item.date] -= beyond ? 1 : 0;
  }
}

void WorklistIndex::Put(const std::string& orderId, std::vector<WorklistItem> items)
{
  const std::unique_lock lock(mutex_);
  if (const auto known = byOrder_.find(orderId); known != byOrder_.end())
  {
    for (const Slot slot : known->second)
    {
      Link(slot, false);
      items_[slot] = {};
      free_.push_back(slot);
    }
    byOrder_.erase(known);
  }
  for (WorklistItem& item : items)
  {
    Slot slot = static_cast<Slot>(items_.size());
    if (free_.empty())
    {
      items_.emplace_back();
    }
    else
    {
      slot = free_.back();
      free_.pop_back();
    }
    items_[slot] = std::move(item);
    byOrder_[orderId].push_back(slot);
    Link(slot, true);
  }
}

size_t WorklistIndex::Size() const
{
  const std::shared_lock lock(mutex_);
  return items_.size() - free_.size();
}

std::vector<std::string> WorklistIndex::OrdersOf(const std::string& patientId) const
{
  const std::shared_lock lock(mutex_);
  const auto known = byPatient_.find(patientId);
  return known == byPatient_.end() ? std::vector<std::string>()
                                   : std::vector<std::string>(known->second.begin(), known->second.end());
}

bool WorklistIndex::NeedsUtf8(const std::string& firstDay, const std::string& lastDay) const
{
  const std::shared_lock lock(mutex_);
  const auto undated = beyondLatin1_.find("");
  if (undated != beyondLatin1_.end() && undated->second > 0)
  {
    return true;
  }
  return std::any_of(beyondLatin1_.lower_bound(firstDay), beyondLatin1_.upper_bound(lastDay),
                     [](const auto& day) { return day.second > 0; });
}

WorklistIndex::Slots WorklistIndex::Candidates(const Query& query, const Scope& scope) const
{
  for (const char* tag : IDENTIFIERS)
  {
    for (const auto* keys : {&query.root, &query.step})
    {
      const auto key = keys->find(tag);
      if (key != keys->end() && !HasWildcard(key->second) && key->second.find('\\') == std::string::npos)
      {
        const auto found = byKey_.find(std::string(tag) + "=" + key->second);
        return found == byKey_.end() ? Slots() : found->second;
      }
    }
  }

  // The days that the query and the scope have in common.
  std::string first = scope.firstDay;
  std::string last = scope.lastDay;
  if (const std::string date = query.Step(DATE); !date.empty() && !HasWildcard(date))
  {
    const size_t hyphen = date.find('-');
    const std::string from = date.substr(0, hyphen);
    const std::string to = hyphen == std::string::npos ? date : date.substr(hyphen + 1);
    first = std::max(first, from);
    last = to.empty() ? last : std::min(last, to);
  }
  const auto begin = byDay_.lower_bound(DayKey(scope.practiceId, first));
  const auto end = first <= last ? byDay_.upper_bound(DayKey(scope.practiceId, last)) : begin;
  const auto anyDay = byDay_.find(DayKey(scope.practiceId, ""));
  size_t onDays = anyDay == byDay_.end() ? 0 : anyDay->second.size();
  for (auto day = begin; day != end; ++day)
  {
    onDays += day->second.size();
  }

  Slots slots;
  if (query.name && !query.name->Prefix().empty())
  {
    const std::string& prefix = query.name->Prefix();
    auto name = byName_.lower_bound({prefix, 0});
    for (; name != byName_.end() && name->first.starts_with(prefix) && slots.size() <= onDays; ++name)
    {
      slots.push_back(name->second);
    }
    if (slots.size() <= onDays)
    {
      std::sort(slots.begin(), slots.end());
      slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
      return slots;
    }
    slots.clear();  // there are fewer on these days
  }
  for (auto day = begin; day != end; ++day)
  {
    slots.insert(slots.end(), day->second.begin(), day->second.end());
  }
  if (anyDay != byDay_.end())
  {
    slots.insert(slots.end(), anyDay->second.begin(), anyDay->second.end());
  }
  return slots;
}

bool WorklistIndex::Matches(const WorklistItem& item, const Query& query, const Scope& scope,
                            Presentation& presentation) const
{
  const std::string& date = item.date.empty() ? scope.today : item.date;
  const bool over = item.date.empty() && item.until < scope.today;
  if (item.practiceId != scope.practiceId || date < scope.firstDay || date > scope.lastDay || over)
  {
    return false;
  }
  presentation.date = scope.today;
  if (const std::string key = query.Step(DATE); !key.empty() && !MatchesRange(key, date))
  {
    return false;
  }
  if (const std::string key = query.Step(TIME); !key.empty())
  {
    // Orthanc compares once more, text by text: in the query's own precision.
    presentation.withSeconds = key.size() != 4 && key.size() != 5 && key.size() != 9;
    const std::string time = presentation.withSeconds ? item.time : item.time.substr(0, 4);
    if (!MatchesRange(key, time))
    {
      return false;
    }
  }

  const std::string station = query.Step(STATION);
  const bool asked = !station.empty() && !HasWildcard(station) && station.find('\\') == std::string::npos;
  presentation.stationAeTitle = !item.stationAeTitle.empty() ? item.stationAeTitle
                                : asked                      ? station
                                                             : scope.callingAe;
  if (!station.empty() && !MatchesText(station, presentation.stationAeTitle))
  {
    return false;
  }
  if (scope.onlyOwnStation && !item.stationAeTitle.empty() && item.stationAeTitle != scope.callingAe)
  {
    return false;
  }

  const std::string modality = query.Step(MODALITY);
  if (modality.empty())
  {
    presentation.modality = item.modalities.empty() ? scope.defaultModality : item.modalities.front();
  }
  else if (item.modalities.empty())
  {
    const std::string first = modality.substr(0, modality.find('\\'));
    presentation.modality = HasWildcard(first) ? scope.defaultModality : first;
    if (!MatchesText(modality, presentation.modality))
    {
      return false;
    }
  }
  else
  {
    const auto found = std::find_if(item.modalities.begin(), item.modalities.end(),
                                    [&](const std::string& one) { return MatchesText(modality, one); });
    if (found == item.modalities.end())
    {
      return false;
    }
    presentation.modality = *found;
  }

  if (query.name && !query.name->Matches(item.foldedName))
  {
    return false;
  }
  std::optional<Json::Value> others;
  const auto other = [&](const std::string& tag, const std::string& key, bool ofStep)
  {
    if (const std::string* value = Identifier(item, tag))
    {
      return MatchesText(key, *value);
    }
    others = others ? others : ParseJson(item.others);
    return MatchesOther(ofStep ? (*others)[STEP] : *others, tag, key, ofStep);
  };
  for (const auto& [tag, key] : query.root)
  {
    if (!other(tag, key, false))
    {
      return false;
    }
  }
  for (const auto& [tag, key] : query.step)
  {
    if (tag != DATE && tag != TIME && tag != STATION && tag != MODALITY && !other(tag, key, true))
    {
      return false;
    }
  }
  return true;
}

Answers WorklistIndex::Find(const Json::Value& json, const Scope& scope) const
{
  const Query query = Parse(json);
  const std::shared_lock lock(mutex_);
  std::vector<std::pair<const WorklistItem*, Presentation>> found;
  for (const Slot slot : Candidates(query, scope))
  {
    Presentation presentation;
    if (Matches(items_[slot], query, scope, presentation))
    {
      found.emplace_back(&items_[slot], std::move(presentation));
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b)
            {
              return std::tie(a.first->date, a.first->time, a.first->scheduledProcedureStepId) <
                     std::tie(b.first->date, b.first->time, b.first->scheduledProcedureStepId);
            });
  Answers answers;
  answers.complete = found.size() <= scope.most;
  found.resize(std::min(found.size(), scope.most));
  for (const auto& [item, presentation] : found)
  {
    answers.items.push_back(ToDicomJson(*item, presentation));
    answers.orders.push_back(item->orderId);
    answers.appointments.push_back(item->appointmentId);
  }
  return answers;
}
}  // namespace OrthancClinic::Worklist
