// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/StudyDemographics.h"

namespace OrthancClinic
{
Json::Value ToJson(const StudyDemographics& demographics)
{
  Json::Value json;
  json["patient_id"] = demographics.patientId;
  json["issuer_of_patient_id"] = demographics.issuerOfPatientId;
  json["other_patient_ids"] = Json::arrayValue;
  for (const Identifier& identifier : demographics.otherPatientIds)
  {
    Json::Value item;
    item["value"] = identifier.value;
    item["issuer"] = identifier.issuer;
    item["type"] = identifier.type;
    json["other_patient_ids"].append(std::move(item));
  }
  json["patient_name"] = demographics.patientName;
  json["other_patient_names"] = Json::arrayValue;
  for (const std::string& name : demographics.otherPatientNames)
  {
    json["other_patient_names"].append(name);
  }
  json["birth_date"] = demographics.birthDate;
  json["sex"] = demographics.sex;
  json["address"] = demographics.address;
  json["phone"] = demographics.phone;
  json["email"] = demographics.email;
  return json;
}

StudyDemographics StudyDemographicsFromJson(const Json::Value& json)
{
  StudyDemographics demographics;
  demographics.patientId = json["patient_id"].asString();
  demographics.issuerOfPatientId = json["issuer_of_patient_id"].asString();
  for (const Json::Value& item : json["other_patient_ids"])
  {
    demographics.otherPatientIds.push_back(
        {item["value"].asString(), item["issuer"].asString(), item["type"].asString()});
  }
  demographics.patientName = json["patient_name"].asString();
  for (const Json::Value& name : json["other_patient_names"])
  {
    demographics.otherPatientNames.push_back(name.asString());
  }
  demographics.birthDate = json["birth_date"].asString();
  demographics.sex = json["sex"].asString();
  demographics.address = json["address"].asString();
  demographics.phone = json["phone"].asString();
  demographics.email = json["email"].asString();
  return demographics;
}
}  // namespace OrthancClinic
