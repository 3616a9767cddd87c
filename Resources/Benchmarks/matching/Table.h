// SPDX-License-Identifier: GPL-3.0-or-later
//
// People as rows of a CSV file (RFC 4180), or as the generator makes them.

#pragma once

#include <string>
#include <vector>

#include "Core/Records/Patient.h"
#include "Core/Records/StudyDemographics.h"

namespace OrthancClinic::Benchmark
{
struct Person
{
  std::string id;  // of a query: the true patient's, or empty
  std::string identifier;
  std::string issuer;
  std::string family;
  std::string given;
  std::string middle;
  std::string birthDate;  // YYYYMMDD, or whatever was written
  std::string sex;
  std::string address;
  std::string city;
  std::string postalCode;
  std::string phone;
  std::string email;
};

// Throws std::runtime_error with the line for what is no CSV, or a header without known columns.
std::vector<Person> ReadTable(const std::string& path);

// As the product sees them: an entry of the directory, and what a study's images would say.
Patient ToPatient(const Person& person);
StudyDemographics ToDemographics(const Person& person);
}  // namespace OrthancClinic::Benchmark
