// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Translations.h"

#include <fmt/format.h>
#include <unicode/localematcher.h>
#include <unicode/simpleformatter.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "Core/Configuration/Json.h"
#include "Core/Rest/EmbeddedTranslations.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t LONGEST_SENTENCE = 4096;
constexpr int DEEPEST = 6;  // words in words
constexpr std::string_view VALUE = "{}";
constexpr std::string_view WORDS = "{words}";

struct Entry
{
  std::string key;
  std::vector<std::string> fixed;                            // one more than there are places
  std::vector<bool> isWords;                                 // of each place
  size_t length = 0;                                         // of the fixed parts
  std::map<std::string, icu::SimpleFormatter> formats = {};  // by language

  // What stands in the places, if the sentence has the fixed parts.
  std::optional<std::vector<std::string_view>> Fit(std::string_view sentence) const
  {
    if (sentence.size() < length || !sentence.starts_with(fixed.front()) ||
        !sentence.ends_with(fixed.back()) || (isWords.empty() && sentence.size() != length))
    {
      return std::nullopt;
    }
    std::vector<std::string_view> places;
    size_t at = fixed.front().size();
    const size_t end = sentence.size() - (isWords.empty() ? 0 : fixed.back().size());
    for (size_t i = 1; i < fixed.size(); i++)
    {
      const bool isLast = i + 1 == fixed.size();
      const size_t next = isLast ? end : sentence.find(fixed[i], at);
      if (next == std::string_view::npos || next < at || (!isLast && next + fixed[i].size() > end))
      {
        return std::nullopt;
      }
      places.push_back(sentence.substr(at, next - at));
      at = next + (isLast ? 0 : fixed[i].size());
    }
    return places;
  }
};

Entry ReadEntry(const std::string& key, const Json::Value& translations)
{
  Entry entry{.key = key, .fixed = {""}, .isWords = {}};
  for (size_t i = 0; i < key.size();)
  {
    const std::string_view rest = std::string_view(key).substr(i);
    const bool isWords = rest.starts_with(WORDS);
    if (isWords || rest.starts_with(VALUE))
    {
      entry.isWords.push_back(isWords);
      entry.fixed.emplace_back();
      i += isWords ? WORDS.size() : VALUE.size();
    }
    else
    {
      entry.fixed.back() += key[i++];
      entry.length++;
    }
  }
  if (entry.length == 0)
  {
    throw std::logic_error("A translation of nothing in particular");
  }
  for (const std::string& language : Translations::Languages())
  {
    if (language == "en")
    {
      continue;
    }
    UErrorCode status = U_ZERO_ERROR;
    icu::SimpleFormatter format(icu::UnicodeString::fromUTF8(translations[language].asString()), 0,
                                static_cast<int32_t>(entry.isWords.size()), status);
    if (U_FAILURE(status) || translations[language].asString().empty())
    {
      throw std::logic_error(fmt::format("The translation of \"{}\" to {} is not one", key, language));
    }
    entry.formats.emplace(language, std::move(format));
  }
  return entry;
}
}  // namespace

struct Translations::Pimpl
{
  std::vector<Entry> entries;  // those with the longest fixed parts first

  const Entry* Find(std::string_view sentence, std::vector<std::string_view>& places) const
  {
    for (const Entry& entry : entries)
    {
      if (auto found = entry.Fit(sentence))
      {
        places = *std::move(found);
        return &entry;
      }
    }
    return nullptr;
  }

  std::string Translate(std::string_view sentence, const std::string& language, int depth) const
  {
    std::vector<std::string_view> places;
    const Entry* const entry = depth > DEEPEST ? nullptr : Find(sentence, places);
    if (!entry)
    {
      return std::string(sentence);
    }
    std::vector<icu::UnicodeString> values;
    for (size_t i = 0; i < places.size(); i++)
    {
      values.push_back(icu::UnicodeString::fromUTF8(
          entry->isWords[i] ? Translate(places[i], language, depth + 1) : std::string(places[i])));
    }
    std::vector<const icu::UnicodeString*> pointers;
    for (const icu::UnicodeString& value : values)
    {
      pointers.push_back(&value);
    }
    UErrorCode status = U_ZERO_ERROR;
    icu::UnicodeString text;
    entry->formats.at(language).formatAndAppend(pointers.data(), static_cast<int32_t>(pointers.size()), text,
                                                nullptr, 0, status);
    std::string result;
    return U_SUCCESS(status) ? text.toUTF8String(result) : std::string(sentence);
  }
};

Translations::Translations(const Json::Value& catalogue) : pimpl_(std::make_unique<Pimpl>())
{
  for (auto entry = catalogue.begin(); entry != catalogue.end(); ++entry)
  {
    pimpl_->entries.push_back(ReadEntry(entry.name(), *entry));
  }
  std::stable_sort(pimpl_->entries.begin(), pimpl_->entries.end(),
                   [](const Entry& a, const Entry& b) { return a.length > b.length; });
}

Translations::~Translations() = default;

const Translations& Translations::Get()
{
  static const Translations translations(JsonLiteral(EmbeddedTranslations().front().second));
  return translations;
}

const std::vector<std::string>& Translations::Languages()
{
  static const std::vector<std::string> languages = {"en", "fr", "es", "zh"};
  return languages;
}

std::string Translations::Translate(const std::string& sentence, const std::string& language) const
{
  const auto& languages = Languages();
  const bool known = std::find(languages.begin() + 1, languages.end(), language) != languages.end();
  return known && sentence.size() <= LONGEST_SENTENCE ? pimpl_->Translate(sentence, language, 0) : sentence;
}

std::optional<Translations::Match> Translations::Find(std::string_view sentence) const
{
  std::vector<std::string_view> places;
  const Entry* const entry = pimpl_->Find(sentence, places);
  if (!entry)
  {
    return std::nullopt;
  }
  Match match{.key = entry->key, .values = {}, .words = {}};
  for (size_t i = 0; i < places.size(); i++)
  {
    (entry->isWords[i] ? match.words : match.values).push_back(places[i]);
  }
  return match;
}

std::string ChooseLanguage(const std::string& acceptLanguage)
{
  // Who asks for Taiwan's or Hong Kong's Chinese reads ours rather than English.
  static const std::unique_ptr<const icu::LocaleMatcher> matcher = []
  {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Locale english("en");
    auto made = std::make_unique<const icu::LocaleMatcher>(
        icu::LocaleMatcher::Builder()
            .setSupportedLocalesFromListString("en, fr, es, zh, zh-Hant")
            .setDefaultLocale(&english)
            .build(status));
    return U_SUCCESS(status) ? std::move(made) : nullptr;
  }();
  UErrorCode status = U_ZERO_ERROR;
  const icu::Locale* const best =
      matcher && acceptLanguage.size() <= LONGEST_SENTENCE
          ? matcher->getBestMatchForListString(
                icu::StringPiece(acceptLanguage.data(), static_cast<int32_t>(acceptLanguage.size())), status)
          : nullptr;
  return best && U_SUCCESS(status) ? best->getLanguage() : "en";
}
}  // namespace OrthancClinic
