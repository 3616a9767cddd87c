// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/Patient.h"

#include "Core/Configuration/Json.h"

namespace OrthancClinic
{
namespace
{
Json::Value Nullable(const std::optional<std::string>& text)
{
  return text ? Json::Value(*text) : Json::Value();
}

std::optional<std::string> ReadNullable(const Json::Value& json)
{
  return json.isString() ? std::optional(json.asString()) : std::nullopt;
}

// Absent and null are read as empty: the schema allows both.
std::string ReadText(const Json::Value& json, const char* name)
{
  return json[name].isString() ? json[name].asString() : std::string();
}
}  // namespace

Json::Value ToJson(const Patient& patient)
{
  Json::Value json;
  json["id"] = patient.id;
  json["practice_id"] = patient.practiceId;
  json["kind"] = patient.kind == PatientKind::Lead ? "lead" : "patient";
  json["identifiers"] = Json::arrayValue;
  for (const Identifier& identifier : patient.identifiers)
  {
    Json::Value item;
    item["value"] = identifier.value;
    item["issuer"] = identifier.issuer;
    item["type"] = identifier.type;
    json["identifiers"].append(std::move(item));
  }
  json["names"] = Json::arrayValue;
  for (const HumanName& name : patient.names)
  {
    Json::Value item;
    item["use"] = name.use;
    item["family"] = name.family;
    item["given"] = name.given;
    item["middle"] = name.middle;
    item["prefix"] = name.prefix;
    item["suffix"] = name.suffix;
    item["ideographic"] = name.ideographic;
    item["phonetic"] = name.phonetic;
    json["names"].append(std::move(item));
  }
  json["contact_person"] = Nullable(patient.contactPerson);
  json["business_name"] = Nullable(patient.businessName);
  json["birth_date"] = OrNull(patient.birthDate);
  json["sex"] = OrNull(patient.sex);
  json["email"] = Nullable(patient.email);
  json["phone"] = Nullable(patient.phone);
  json["address"]["line"] = patient.address.line;
  json["address"]["city"] = patient.address.city;
  json["address"]["province"] = patient.address.province;
  json["address"]["postal_code"] = patient.address.postalCode;
  json["address"]["country"] = patient.address.country;
  json["language"] = OrNull(patient.language);
  json["active"] = patient.active;
  json["deceased"] = patient.deceased;
  json["merged_into"] = Nullable(patient.mergedInto);
  json["updated_at"] = ToString(patient.updatedAt);
  return json;
}

Patient PatientFromJson(const Json::Value& json)
{
  Patient patient;
  patient.id = ReadText(json, "id");
  patient.practiceId = ReadText(json, "practice_id");
  patient.kind = ReadText(json, "kind") == "lead" ? PatientKind::Lead : PatientKind::Patient;
  for (const Json::Value& item : json["identifiers"])
  {
    patient.identifiers.push_back(
        {ReadText(item, "value"), ReadText(item, "issuer"), ReadText(item, "type")});
  }
  for (const Json::Value& item : json["names"])
  {
    HumanName name;
    name.use = item["use"].isString() ? item["use"].asString() : name.use;
    name.family = ReadText(item, "family");
    name.given = ReadText(item, "given");
    name.middle = ReadText(item, "middle");
    name.prefix = ReadText(item, "prefix");
    name.suffix = ReadText(item, "suffix");
    name.ideographic = ReadText(item, "ideographic");
    name.phonetic = ReadText(item, "phonetic");
    patient.names.push_back(std::move(name));
  }
  patient.contactPerson = ReadNullable(json["contact_person"]);
  patient.businessName = ReadNullable(json["business_name"]);
  patient.birthDate = ReadText(json, "birth_date");
  patient.sex = ReadText(json, "sex");
  patient.email = ReadNullable(json["email"]);
  patient.phone = ReadNullable(json["phone"]);
  const Json::Value& address = json["address"];
  if (address.isObject())
  {
    patient.address = {ReadText(address, "line"), ReadText(address, "city"), ReadText(address, "province"),
                       ReadText(address, "postal_code"), ReadText(address, "country")};
  }
  patient.language = ReadText(json, "language");
  patient.active = json.get("active", true).asBool();
  patient.deceased = json.get("deceased", false).asBool();
  patient.mergedInto = ReadNullable(json["merged_into"]);
  patient.updatedAt = ParseTimestamp(ReadText(json, "updated_at")).value_or(Timestamp{});
  return patient;
}
}  // namespace OrthancClinic
