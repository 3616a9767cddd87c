// SPDX-License-Identifier: GPL-3.0-or-later

#include "RemoteQuery.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <charconv>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/Folding.h"
#include "Core/Dicom/RemoteModality.h"
#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr char32_t FIRST_NOT_ASCII = 0x80;
constexpr char32_t FIRST_NOT_LATIN1 = 0x100;
constexpr char32_t FIRST_NOT_LATIN = 0x250;  // after Latin Extended-B

std::vector<char32_t> CodePoints(const std::string& text)
{
  std::vector<char32_t> points;
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t at = 0; at < size;)
  {
    UChar32 point = 0;
    U8_NEXT(text.data(), at, size, point);
    points.push_back(point < 0 ? U'\uFFFD' : static_cast<char32_t>(point));
  }
  return points;
}

std::string Utf8(char32_t point)
{
  char bytes[U8_MAX_LENGTH];
  int32_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, static_cast<UChar32>(point));
  return {bytes, static_cast<size_t>(size)};
}

bool HasWildcard(const std::string& text)
{
  return text.find_first_of("*?") != std::string::npos;
}

std::string Trim(const std::string& text)
{
  const size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// A Latin letter with a diacritic becomes '*': the server may have it without, or (Orthanc's index) not at
// all.
std::string WithoutAccents(const std::string& text)
{
  std::string key;
  for (const char32_t point : CodePoints(text))
  {
    const bool accented = (point >= FIRST_NOT_ASCII && point < FIRST_NOT_LATIN) ||
                          (point >= 0x300 && point < 0x370);  // combining
    const std::string letter = accented ? "*" : Utf8(point);
    if (letter != "*" || !key.ends_with('*'))
    {
      key += letter;
    }
  }
  return key;
}

std::string LongestWord(const std::string& text)
{
  std::string longest;
  for (size_t begin = 0; begin <= text.size();)
  {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (end - begin > longest.size())
    {
      longest = text.substr(begin, end - begin);
    }
    begin = end + 1;
  }
  return longest;
}

std::string NameKey(const std::string& text)
{
  const std::string name = Trim(text);
  if (name.empty())
  {
    return "";
  }
  std::string key = name;
  if (HasWildcard(name))
  {
    return WithoutAccents(name);
  }
  if (const size_t comma = name.find(','); comma != std::string::npos)
  {
    key = Trim(name.substr(0, comma)) + "^" + Trim(name.substr(comma + 1)) + "*";
  }
  else if (name.find('^') != std::string::npos)
  {
    key = name + "*";
  }
  else
  {
    // Whether it is the family or the given name, nobody says.
    key = "*" + LongestWord(name) + "*";
  }
  return WithoutAccents(key);
}

std::string DescriptionKey(const std::string& text)
{
  const std::string part = Trim(text);
  return part.empty() ? "" : WithoutAccents(HasWildcard(part) ? part : "*" + part + "*");
}

// How much a key tells: letters and digits; an ideograph is a word.
int Firmness(const std::string& key)
{
  int firmness = 0;
  for (const char32_t point : CodePoints(key))
  {
    const bool ascii = point < FIRST_NOT_ASCII;
    const bool letter = ascii && std::isalnum(static_cast<int>(point)) != 0;
    firmness += letter ? 1 : ascii ? 0 : 2;
  }
  return firmness;
}

std::string DateKey(const StudyQuery& query)
{
  return query.dateFrom == query.dateTo ? query.dateFrom : query.dateFrom + "-" + query.dateTo;
}

int Number(const Json::Value& tags, const char* keyword)
{
  const std::string text = TextOf(tags, keyword);
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return std::max(number, 0);
}
}  // namespace

void Check(const StudyQuery& query)
{
  std::vector<FieldError> errors;
  const std::pair<const char*, const std::string*> literal[] = {{"patient_id", &query.patientId},
                                                                {"accession_number", &query.accessionNumber}};
  for (const auto& [field, value] : literal)
  {
    if (HasWildcard(*value))
    {
      errors.push_back({field, "expected without '*' and '?', which DICOM takes for any characters"});
    }
  }
  const std::pair<const char*, const std::string*> texts[] = {{"patient_id", &query.patientId},
                                                              {"patient_name", &query.patientName},
                                                              {"accession_number", &query.accessionNumber},
                                                              {"study_description", &query.studyDescription}};
  for (const auto& [field, value] : texts)
  {
    if (value->find('\\') != std::string::npos)
    {
      errors.push_back({field, "expected without '\\', which separates values in DICOM"});
    }
  }
  const std::pair<const char*, const std::string*> dates[] = {{"patient_birth_date", &query.patientBirthDate},
                                                              {"study_date_from", &query.dateFrom},
                                                              {"study_date_to", &query.dateTo}};
  for (const auto& [field, value] : dates)
  {
    const auto date = DicomDate::Parse(*value);
    if (!value->empty() && (value->size() != 8 || !date || date->day == 0))
    {
      errors.push_back({field, "expected a day, as YYYYMMDD"});
    }
  }
  if (!query.dateFrom.empty() && !query.dateTo.empty() && query.dateFrom > query.dateTo)
  {
    errors.push_back({"study_date_to", "expected no earlier than study_date_from"});
  }
  if (!errors.empty())
  {
    throw BadInput("The query is not valid", errors);
  }
  const bool named = !Trim(query.patientId).empty() || !query.patientBirthDate.empty() ||
                     !Trim(query.accessionNumber).empty() || !query.studyInstanceUid.empty() ||
                     !query.dateFrom.empty() || !query.dateTo.empty() ||
                     Firmness(NameKey(query.patientName)) >= 2 ||
                     Firmness(DescriptionKey(query.studyDescription)) >= 3;
  if (!named)
  {
    throw BadInput(
        "The query would match everybody",
        {{"patient_name",
          "expected at least two letters without accents, or a patient ID, birth date, study date, "
          "accession number, StudyInstanceUID, or three letters of a description"}});
  }
}

Json::Value Keys(const StudyQuery& query)
{
  Json::Value keys;
  const auto add = [&](const char* keyword, const std::string& value)
  {
    if (!value.empty())
    {
      keys[keyword] = value;
    }
  };
  add("PatientID", Trim(query.patientId));
  add("PatientName", NameKey(query.patientName));
  add("PatientBirthDate", query.patientBirthDate);
  add("StudyDate", DateKey(query));
  add("ModalitiesInStudy", query.modality);
  add("AccessionNumber", Trim(query.accessionNumber));
  add("StudyDescription", DescriptionKey(query.studyDescription));
  add("StudyInstanceUID", query.studyInstanceUid);
  return keys;
}

bool NeedsUtf8(const StudyQuery& query)
{
  const Json::Value keys = Keys(query);
  return std::any_of(keys.begin(), keys.end(),
                     [](const Json::Value& key)
                     {
                       const auto points = CodePoints(key.asString());
                       return std::any_of(points.begin(), points.end(),
                                          [](char32_t point) { return point >= FIRST_NOT_LATIN1; });
                     });
}

bool Matches(const StudyQuery& query, const RemoteStudy& study)
{
  const auto differs = [](const std::string& wanted, const std::string& is)
  { return !wanted.empty() && !is.empty() && Trim(wanted) != Trim(is); };
  if (study.studyInstanceUid.empty() || differs(query.patientId, study.patientId) ||
      differs(query.patientBirthDate, study.patientBirthDate) ||
      differs(query.accessionNumber, study.accessionNumber) ||
      differs(query.studyInstanceUid, study.studyInstanceUid))
  {
    return false;
  }
  if (!query.modality.empty() && !study.modalities.empty() &&
      std::find(study.modalities.begin(), study.modalities.end(), query.modality) == study.modalities.end())
  {
    return false;
  }
  if (HasWildcard(query.patientName))
  {
    return true;
  }
  const auto theirs = FoldedWords(study.patientName);
  const auto wanted = FoldedWords(query.patientName);
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string& word)
                     {
                       return std::any_of(theirs.begin(), theirs.end(),
                                          [&](const std::string& their) { return their.starts_with(word); });
                     });
}

RemoteStudy StudyFromTags(const Json::Value& tags)
{
  RemoteStudy study;
  study.studyInstanceUid = Trim(TextOf(tags, "StudyInstanceUID"));
  study.patientId = Trim(TextOf(tags, "PatientID"));
  study.patientName = Trim(TextOf(tags, "PatientName"));
  study.patientBirthDate = Trim(TextOf(tags, "PatientBirthDate"));
  study.patientSex = Trim(TextOf(tags, "PatientSex"));
  study.date = Trim(TextOf(tags, "StudyDate"));
  study.time = Trim(TextOf(tags, "StudyTime"));
  study.description = Trim(TextOf(tags, "StudyDescription"));
  study.accessionNumber = Trim(TextOf(tags, "AccessionNumber"));
  study.modalities = ValuesOf(TextOf(tags, "ModalitiesInStudy"));
  study.series = Number(tags, "NumberOfStudyRelatedSeries");
  study.instances = Number(tags, "NumberOfStudyRelatedInstances");
  return study;
}

Json::Value ToJson(const RemoteStudy& study)
{
  Json::Value json;
  json["study_instance_uid"] = study.studyInstanceUid;
  json["patient_dicom_id"] = study.patientId;
  json["patient_name"] = study.patientName;
  json["patient_birth_date"] = study.patientBirthDate;
  json["patient_sex"] = study.patientSex;
  json["study_date"] = study.date;
  json["study_time"] = study.time;
  json["study_description"] = study.description;
  json["accession_number"] = study.accessionNumber;
  json["modality"] = study.modalities.empty() ? "" : study.modalities.front();
  json["modalities"] = Json::arrayValue;
  for (const std::string& modality : study.modalities)
  {
    json["modalities"].append(modality);
  }
  json["number_of_series"] = study.series;
  json["number_of_instances"] = study.instances;
  return json;
}
}  // namespace OrthancClinic::Intake
