// SPDX-License-Identifier: GPL-3.0-or-later
//
// A clinic to which one signs in. Its Http() is the registered user's of Orthanc, who may do everything.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "EndToEnd/Clinic.h"

namespace OrthancClinic::Testing
{
// One assignment, as the routes take them.
Json::Value Roles(const std::string& role, const std::string& practice);

class GuardedClinic : public Clinic
{
public:
  static constexpr const char* PASSWORD = "correct horse battery";  // of everybody whom MakeUser made

  explicit GuardedClinic(const Json::Value& more = Json::objectValue);

  std::string Url() const;

  // A call with that Authorization header; without one, by nobody. A body that begins with "--" is a form
  // with the boundary "b".
  HttpAnswer As(const std::string& authorization, const std::string& method, const std::string& path,
                const std::string& body = "", std::vector<std::string> headers = {}) const;

  HttpAnswer Login(const std::string& user, const std::string& password, bool cookie = false) const;

  // Each expects success.
  void MakePractice(const std::string& id, const std::string& modality) const;
  void MakeUser(const std::string& name, const Json::Value& roles) const;
  std::string SignIn(const std::string& name) const;  // the Authorization header
  std::string MakeKey(const std::string& role, const std::string& practice,
                      const std::string& expires = "") const;
};
}  // namespace OrthancClinic::Testing
