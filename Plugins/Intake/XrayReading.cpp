// SPDX-License-Identifier: GPL-3.0-or-later

#include "XrayReading.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string_view>

#include "Core/Dicom/Folding.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Dicom/Tags.h"
#include "Core/Dicom/XrayType.h"
#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
// The kind by modality alone, where nothing else decides (PS3.3 C.7.3.1.1.1 defines the modalities). CR and
// RG are the same intra-oral radiographs on storage phosphor and on film. Of other captures, only what the
// words say counts.
const std::map<std::string, std::string>& TypesByModality()
{
  static const std::map<std::string, std::string> TYPES = {
      {"PX", "panoramic"},  {"IO", "periapical"}, {"DX", "periapical"},
      {"XA", "periapical"}, {"CR", "periapical"}, {"RG", "periapical"},
      {"XC", "bitewing"},   {"CT", "cbct"},       {"OT", ""}};
  return TYPES;
}

// Whether the part of the body that the image names is one that a dentist looks at (PS3.16 Annex L, and what
// people write). True if it names none.
bool ShowsMouth(const Json::Value& tags)
{
  static constexpr std::array<std::string_view, 17> WORDS = {
      "jaw",  "mandib", "maxill", "tooth",  "teeth", "dent",  "mouth",  "oral",  "head",
      "face", "facial", "tmj",    "cephal", "skull", "crane", "craneo", "bouche"};
  std::string part = Tag(tags, "0018,0015");
  if (part.empty() && tags["0008,2218"].isArray() && !tags["0008,2218"].empty())
  {
    part = Tag(tags["0008,2218"][0], "0008,0104");
  }
  const std::string folded = Folded(part);
  return folded.empty() ||
         std::any_of(WORDS.begin(), WORDS.end(),
                     [&](std::string_view word) { return folded.find(word) != std::string::npos; });
}

std::string Digits(const std::string& text)
{
  return text.substr(0, text.find_last_not_of(" ") + 1);
}

// "+0930" of a DT or of TimezoneOffsetFromUTC; nothing if it is none.
std::optional<std::chrono::minutes> ParseOffset(const std::string& text)
{
  if (text.size() != 5 || (text[0] != '+' && text[0] != '-') ||
      !std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; }))
  {
    return std::nullopt;
  }
  const int number = std::atoi(text.c_str() + 1);
  const std::chrono::minutes offset(number / 100 * 60 + number % 100);
  return text[0] == '-' ? -offset : offset;
}

std::optional<Timestamp> ToTime(const std::string& date, const std::string& time, const std::string& offset,
                                const std::string& zone)
{
  try
  {
    const auto minutes = ParseOffset(offset);
    const Timestamp at = FromLocalTime({Digits(date), Digits(time)}, minutes ? "UTC" : zone);
    return minutes ? at - *minutes : at;
  }
  catch (const BadInput&)
  {
    return std::nullopt;  // empty, or no date: the next source counts
  }
}
}  // namespace

bool MayBeDental(const std::string& modality)
{
  return TypesByModality().contains(modality);
}

std::string DentalTypeOf(const Json::Value& tags)
{
  const std::string modality = Tag(tags, "0008,0060");
  const auto byModality = TypesByModality().find(modality);
  if (byModality == TypesByModality().end() || Tag(tags, "0028,0010").empty())
  {
    return "";
  }
  static const std::vector<XrayTypeRule> TABLE = ReadXrayTypes(DefaultXrayTypes());
  const std::string type = XrayTypeOf(TABLE, tags);
  if (type != "other")
  {
    return type;
  }
  return ShowsMouth(tags) ? byModality->second : "";
}

bool IsOfVolume(const std::string& modality, const std::string& sopClassUid)
{
  // A picture of a volume (PS3.4 B.5: Secondary Capture and its multi-frame kin) is an image of its own.
  return modality == "CT" && !sopClassUid.starts_with("1.2.840.10008.5.1.4.1.1.7");
}

std::optional<Timestamp> TakenAt(const Json::Value& tags, const std::string& zone)
{
  const std::string offset = Digits(Tag(tags, "0008,0201"));
  const std::string moment = Digits(Tag(tags, "0008,002a"));  // YYYYMMDDHHMMSS.FFFFFF&ZZXX
  if (moment.size() >= 8)
  {
    const size_t sign = std::min(moment.find_first_of("+-"), moment.size());
    const std::string own = moment.substr(sign);
    if (const auto time = ToTime(moment.substr(0, 8), moment.substr(8, sign - std::min<size_t>(sign, 8)),
                                 own.empty() ? offset : own, zone))
    {
      return time;
    }
  }
  static constexpr std::pair<const char*, const char*> SOURCES[] = {
      {"0008,0022", "0008,0032"}, {"0008,0023", "0008,0033"}, {"0008,0020", "0008,0030"}};
  for (const auto& [date, clock] : SOURCES)
  {
    auto time = ToTime(Tag(tags, date), Tag(tags, clock), offset, zone);
    if (!time)
    {
      time = ToTime(Tag(tags, date), "", offset, zone);  // a time that is none: the day still holds
    }
    if (time)
    {
      return time;
    }
  }
  return std::nullopt;
}
}  // namespace OrthancClinic::Intake
