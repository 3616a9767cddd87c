// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's REST API as the rooms below Host use it. Host implements it in the process.

#pragma once

#include <json/value.h>

#include <map>
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

  // A GET of what Orthanc and its plugins (DICOMweb) serve, with the caller's headers: any status is an
  // answer.
  struct Answer
  {
    int status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };
  virtual Answer Fetch(const std::string& path, const std::map<std::string, std::string>& headers) = 0;

  // The data set of a DICOM file by tag ("gggg,eeee"), in UTF-8, without binary values. Throws BadInput if it
  // is no DICOM.
  virtual Json::Value ReadDicom(const std::string& dicom) = 0;
};
}  // namespace OrthancClinic
