// SPDX-License-Identifier: GPL-3.0-or-later
//
// A clinic location. Every record belongs to one; matching, worklists and permissions never cross it.

#pragma once

#include <json/value.h>

#include <optional>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
struct ORTHANC_CLINIC_API Practice
{
  std::string id;
  std::string name;
  std::vector<std::string> callingAeTitles;   // of its modalities
  std::vector<std::string> calledAeTitles;    // under which its modalities call Orthanc
  std::vector<std::string> institutionNames;  // InstitutionName (0008,0080), compared without case and spaces
  std::string timeZone = "America/Toronto";
  std::string language = "fr";
  std::string crmUserId;
  Timestamp updatedAt{};
};

ORTHANC_CLINIC_API Json::Value ToJson(const Practice& practice);
ORTHANC_CLINIC_API Practice PracticeFromJson(const Json::Value& json);

class ORTHANC_CLINIC_API PracticeStore
{
public:
  // The practice of studies that no AE title or institution name leads to another one. It always exists.
  static constexpr const char* DEFAULT = "default";

  explicit PracticeStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Practice> Find(const std::string& id);
  std::vector<Practice> List();

  // Throws Conflict if one of its AE titles or institution names leads to another practice already. True if
  // the practice is new.
  bool Put(const Practice& practice);

  // Throws NotFound, or Conflict if patients or studies belong to it or it is the default one.
  void Delete(const std::string& id);

  // To whom a study belongs: by its calling AE title (the modality), else by the called one, else by
  // InstitutionName, else the default practice.
  std::string Resolve(const std::string& callingAe, const std::string& calledAe,
                      const std::string& institutionName);

private:
  Transaction& transaction_;
};
}  // namespace OrthancClinic
