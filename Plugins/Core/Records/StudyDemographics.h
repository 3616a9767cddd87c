// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a study's images say about their patient, as DICOM gives it: the input of matching. Every text is
// valid UTF-8 (already decoded from SpecificCharacterSet, control characters removed) and at most 1,024 bytes
// long.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Records/Patient.h"

namespace OrthancClinic
{
struct ORTHANC_CLINIC_API StudyDemographics
{
  std::string patientId;          // PatientID (0010,0020)
  std::string issuerOfPatientId;  // IssuerOfPatientID (0010,0021)
  std::vector<Identifier>
      otherPatientIds;      // OtherPatientIDsSequence (0010,1002), OtherPatientIDs (0010,1000)
  std::string patientName;  // PatientName (0010,0010), a PN with its component groups
  std::vector<std::string> otherPatientNames;  // OtherPatientNames (0010,1001), PatientBirthName (0010,1005)
  std::string birthDate;                       // PatientBirthDate (0010,0030), a DA or whatever was sent
  std::string sex;                             // PatientSex (0010,0040)
  std::string address;                         // PatientAddress (0010,1040)
  std::string phone;                           // PatientTelephoneNumbers (0010,2154)
  std::string email;                           // from PatientTelecomInformation (0010,2155), where present

  bool operator==(const StudyDemographics&) const = default;
};

ORTHANC_CLINIC_API Json::Value ToJson(const StudyDemographics& demographics);
ORTHANC_CLINIC_API StudyDemographics StudyDemographicsFromJson(const Json::Value& json);
}  // namespace OrthancClinic
