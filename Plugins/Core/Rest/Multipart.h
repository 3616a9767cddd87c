// SPDX-License-Identifier: GPL-3.0-or-later
//
// The parts of a multipart body (RFC 2046 s. 5.1), as DICOMweb and forms send them.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
struct MultipartPart
{
  std::map<std::string, std::string> headers;  // names in lower case
  std::string_view body;                       // of the text that was parsed
};

// Throws BadInput if `contentType` names no boundary, or the body is not what it says.
ORTHANC_CLINIC_API std::vector<MultipartPart> ParseMultipart(const std::string& contentType,
                                                             std::string_view body);

// A parameter of a header's value ("boundary" of `multipart/related; boundary="x"`), without its quotes;
// empty without it. `name` in lower case.
ORTHANC_CLINIC_API std::string HeaderParameter(const std::string& value, const std::string& name);
}  // namespace OrthancClinic
