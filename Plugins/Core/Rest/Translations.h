// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the server says to a person, in that person's language: English, French, Spanish or Chinese. The
// sentences stand in English in the code and are translated as they leave it; the catalogue is
// Translations.json, with an entry for each English sentence:
//
//   "The body is larger than {} bytes": {"fr": "Le corps dépasse {0} octets", "es": …, "zh": …}
//
// "{}" in the English stands for a value, which stays as it is; "{words}" for words of the catalogue, which
// are translated in turn ("expected {words}"). A translation has them as {0}, {1}… in the order that its
// language wants (ICU's SimpleFormatter). Because a finished sentence is recognised by its fixed parts, one
// that was stored long ago is translated as well. Where several entries fit, the one with the longest fixed
// parts is taken. What the catalogue does not have stays English.

#pragma once

#include <json/value.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API Translations
{
public:
  // Throws std::logic_error if the catalogue is not as described above.
  explicit Translations(const Json::Value& catalogue);
  ~Translations();

  // The catalogue that the library carries.
  static const Translations& Get();

  // The languages, as ISO 639-1 has them; the first is English.
  static const std::vector<std::string>& Languages();

  // Takes time in proportion to the length of `sentence`; one of more than 4,096 bytes stays English.
  // Thread-safe.
  std::string Translate(const std::string& sentence, const std::string& language) const;

  // The parts of the entry that `sentence` fits, for the test that every sentence has one.
  struct Match
  {
    std::string key;
    std::vector<std::string_view> values;  // in `sentence`
    std::vector<std::string_view> words;   // in `sentence`, to be translated in turn
  };
  std::optional<Match> Find(std::string_view sentence) const;

private:
  struct Pimpl;
  std::unique_ptr<Pimpl> pimpl_;
};

// The language of ours that suits best who sent this Accept-Language (RFC 9110, 12.5.4), as CLDR knows which
// languages a reader of another one understands: English where it is empty, cannot be read, or wants none.
ORTHANC_CLINIC_API std::string ChooseLanguage(const std::string& acceptLanguage);
}  // namespace OrthancClinic
