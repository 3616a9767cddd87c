// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is asked of a remote server at the level of studies, and what it answers. What people type becomes
// DICOM's matching (PS3.4 C.2.2.2) here: an identifier is taken literally, and a name is found however its
// accents are written.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

namespace OrthancClinic::Intake
{
// What is empty is not asked for.
struct StudyQuery
{
  std::string patientId;
  std::string patientName;  // as people write it; '*' and '?' are DICOM's
  std::string patientBirthDate;
  std::string dateFrom;  // YYYYMMDD
  std::string dateTo;
  std::string modality;
  std::string accessionNumber;
  std::string studyDescription;  // a part of it; '*' and '?' are DICOM's
  std::string studyInstanceUid;
};

struct RemoteStudy
{
  std::string studyInstanceUid;
  std::string patientId;
  std::string patientName;
  std::string patientBirthDate;
  std::string patientSex;
  std::string date;
  std::string time;
  std::string description;
  std::string accessionNumber;
  std::vector<std::string> modalities;
  int series = 0;     // 0: not said
  int instances = 0;  // the same
};

// Throws BadInput with the fields that are not as they must be: a character that means something else to
// DICOM
// ('\' separates values; a wildcard in an identifier would match everybody's), or a query that is too wide to
// be somebody's in particular.
void Check(const StudyQuery& query);

// The matching keys by keyword; those that are asked for are there.
Json::Value Keys(const StudyQuery& query);

// Whether a key has letters that ISO 8859-1 does not.
bool NeedsUtf8(const StudyQuery& query);

// Whether the study is one of those asked for, as far as its data tell: servers match more loosely than they
// are asked, and Keys() asks for more where the spelling is not certain.
bool Matches(const StudyQuery& query, const RemoteStudy& study);

// A data set by keyword, as Orthanc's "simplify" gives it.
RemoteStudy StudyFromTags(const Json::Value& tags);

Json::Value ToJson(const RemoteStudy& study);
}  // namespace OrthancClinic::Intake
