// SPDX-License-Identifier: GPL-3.0-or-later

#include "Table.h"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <stdexcept>

#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/Text.h"

namespace OrthancClinic::Benchmark
{
namespace
{
const std::map<std::string, std::string Person::*> COLUMNS = {{"id", &Person::id},
                                                              {"identifier", &Person::identifier},
                                                              {"issuer", &Person::issuer},
                                                              {"family", &Person::family},
                                                              {"given", &Person::given},
                                                              {"middle", &Person::middle},
                                                              {"birth_date", &Person::birthDate},
                                                              {"sex", &Person::sex},
                                                              {"address", &Person::address},
                                                              {"city", &Person::city},
                                                              {"postal_code", &Person::postalCode},
                                                              {"phone", &Person::phone},
                                                              {"email", &Person::email}};

// The fields of one record; a quoted field may contain commas, quotes and line ends.
bool ReadRecord(std::istream& stream, std::vector<std::string>& fields)
{
  fields.assign(1, "");
  bool quoted = false;
  bool any = false;
  for (char c = 0; stream.get(c);)
  {
    any = true;
    if (quoted)
    {
      if (c != '"')
      {
        fields.back() += c;
      }
      else if (stream.peek() == '"')
      {
        stream.get(c);
        fields.back() += '"';
      }
      else
      {
        quoted = false;
      }
    }
    else if (c == '"' && fields.back().empty())
    {
      quoted = true;
    }
    else if (c == ',')
    {
      fields.emplace_back();
    }
    else if (c == '\n')
    {
      break;
    }
    else if (c != '\r')
    {
      fields.back() += c;
    }
  }
  return any;
}
}  // namespace

std::vector<Person> ReadTable(const std::string& path)
{
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
  {
    throw std::runtime_error("Cannot read " + path);
  }
  std::vector<std::string> fields;
  std::vector<std::string Person::*> columns;
  if (!ReadRecord(stream, fields))
  {
    throw std::runtime_error(path + " is empty");
  }
  bool known = false;
  for (std::string name : fields)
  {
    if (name.starts_with("\xef\xbb\xbf"))
    {
      name.erase(0, 3);  // the byte order mark that spreadsheets write
    }
    const auto column = COLUMNS.find(CleanText(name, 64));
    columns.push_back(column == COLUMNS.end() ? nullptr : column->second);
    known = known || columns.back() != nullptr;
  }
  if (!known)
  {
    throw std::runtime_error(path + " has no header with known columns");
  }
  std::vector<Person> people;
  for (size_t line = 2; ReadRecord(stream, fields); line++)
  {
    if (fields.size() == 1 && fields[0].empty())
    {
      continue;
    }
    if (fields.size() != columns.size())
    {
      throw std::runtime_error(fmt::format("{}: record {} has {} fields instead of {}", path, line,
                                           fields.size(), columns.size()));
    }
    Person person;
    for (size_t i = 0; i < columns.size(); i++)
    {
      if (columns[i] != nullptr)
      {
        person.*columns[i] = CleanText(fields[i], 1024);
      }
    }
    people.push_back(std::move(person));
  }
  return people;
}

Patient ToPatient(const Person& person)
{
  Patient patient;
  patient.id = person.id;
  patient.practiceId = "default";
  if (!person.identifier.empty())
  {
    patient.identifiers.push_back({person.identifier, person.issuer, "mrn"});
  }
  patient.names.push_back({.family = person.family, .given = person.given, .middle = person.middle});
  const auto date = DicomDate::Parse(person.birthDate);
  patient.birthDate = date ? date->ToIso() : "";
  patient.sex = person.sex;
  patient.phone = person.phone;
  patient.email = person.email;
  patient.address.line = person.address;
  patient.address.city = person.city;
  patient.address.postalCode = person.postalCode;
  return patient;
}

StudyDemographics ToDemographics(const Person& person)
{
  StudyDemographics demographics;
  demographics.patientId = person.identifier;
  demographics.issuerOfPatientId = person.issuer;
  demographics.patientName =
      person.family + "^" + person.given + (person.middle.empty() ? "" : "^" + person.middle);
  demographics.birthDate = person.birthDate;
  demographics.sex = person.sex;
  for (const std::string* part : {&person.address, &person.city, &person.postalCode})
  {
    demographics.address += (demographics.address.empty() || part->empty() ? "" : ", ") + *part;
  }
  demographics.phone = person.phone;
  demographics.email = person.email;
  return demographics;
}
}  // namespace OrthancClinic::Benchmark
