// SPDX-License-Identifier: GPL-3.0-or-later
//
// A person of the clinic's directory, as the CRM or EHR knows them: a patient, or a lead who may become one.

#pragma once

#include <json/value.h>

#include <optional>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
// A number that an authority gave to a person. `issuer` is who gave it ("RAMQ", "CLINIC"; DICOM's
// IssuerOfPatientID); empty: the practice itself. `type` is free ("mrn", "health_insurance", "crm").
struct Identifier
{
  std::string value;
  std::string issuer;
  std::string type;

  bool operator==(const Identifier&) const = default;
};

// One name of a person in UTF-8, in FHIR's sense. `use` is "official", "usual", "maiden", "nickname", "old"
// or "anonymous". `ideographic` and `phonetic` are whole names as in DICOM's PN component groups ("王^小东").
struct HumanName
{
  std::string use = "official";
  std::string family = {};
  std::string given = {};
  std::string middle = {};
  std::string prefix = {};
  std::string suffix = {};
  std::string ideographic = {};
  std::string phonetic = {};

  bool operator==(const HumanName&) const = default;
};

struct Address
{
  std::string line;
  std::string city;
  std::string province;
  std::string postalCode;
  std::string country;

  bool operator==(const Address&) const = default;
};

enum class PatientKind
{
  Patient,
  Lead
};

struct ORTHANC_CLINIC_API Patient
{
  std::string id;  // the CRM's own, opaque, up to 128 characters
  std::string practiceId;
  PatientKind kind = PatientKind::Patient;
  std::vector<Identifier> identifiers;
  std::vector<HumanName> names;
  std::optional<std::string> contactPerson;  // free text, as CRMs have it ("Jean-François Tremblay")
  std::optional<std::string> businessName;   // free text ("Famille Tremblay")
  std::string birthDate;                     // "YYYY-MM-DD", "YYYY-MM", "YYYY" or empty
  std::string sex;                           // "M", "F", "O" or empty
  std::optional<std::string> email;
  std::optional<std::string> phone;
  Address address;
  std::string language;
  bool active = true;
  bool deceased = false;
  std::optional<std::string> mergedInto;  // the id of the patient that this one became part of
  Timestamp updatedAt{};                  // when the CRM last changed it: an older write is refused
};

// The JSON of `/api/v1/patients` (see the route's schema). `PatientFromJson` expects a document that the
// schema accepted.
ORTHANC_CLINIC_API Json::Value ToJson(const Patient& patient);
ORTHANC_CLINIC_API Patient PatientFromJson(const Json::Value& json);
}  // namespace OrthancClinic
