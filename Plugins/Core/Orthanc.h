// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's REST API as the rooms below Host use it. Host implements it in the process; tests over HTTP.

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

  // GET of a path of Orthanc's own REST API that answers JSON ("/studies/…"). Throws NotFound for what does
  // not exist, Unavailable for every other error.
  virtual Json::Value Get(const std::string& path) = 0;
};
}  // namespace OrthancClinic
