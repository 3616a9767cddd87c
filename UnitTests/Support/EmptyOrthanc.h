// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's REST API where there is nothing: what a test's own Orthanc answers wherever the test does not
// care.

#pragma once

#include "Core/Errors.h"
#include "Core/Orthanc.h"

namespace OrthancClinic::Testing
{
class EmptyOrthanc : public IOrthanc
{
public:
  Json::Value Get(const std::string& path) override { throw NotFound(path); }
  std::string GetBytes(const std::string& path) override { throw NotFound(path); }
  Json::Value Post(const std::string& path, const std::string&) override { throw NotFound(path); }
  std::string PostBytes(const std::string& path, const std::string&) override { throw NotFound(path); }
  void Put(const std::string& path, const std::string&) override { throw NotFound(path); }
  void Delete(const std::string& path) override { throw NotFound(path); }
  Answer Fetch(const std::string& path, const std::map<std::string, std::string>&) override
  {
    throw NotFound(path);
  }
  Json::Value ReadDicom(const std::string&) override { throw BadInput("It is no DICOM"); }
};
}  // namespace OrthancClinic::Testing
