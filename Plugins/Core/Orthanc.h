// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's REST API as the rooms below Host use it. Host implements it in the process.

#pragma once

#include <json/value.h>

#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API IOrthanc
{
public:
  virtual ~IOrthanc() = default;

  // Calls of Orthanc's own REST API ("/studies/…"); those that answer JSON give it, null for an empty answer.
  // Each throws NotFound for what does not exist, BadInput for what Orthanc refuses, Unavailable for every
  // other error.
  virtual Json::Value Get(const std::string& path) = 0;
  virtual std::string GetBytes(const std::string& path) = 0;
  virtual Json::Value Post(const std::string& path, const std::string& body) = 0;
  virtual std::string PostBytes(const std::string& path,
                                const std::string& body) = 0;  // what is answered is no JSON
  virtual void Put(const std::string& path, const std::string& body) = 0;
  virtual void Delete(const std::string& path) = 0;
};
}  // namespace OrthancClinic
