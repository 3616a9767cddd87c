// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which permission a request to Orthanc itself needs: its REST API, DICOMweb, the Explorer. What the table
// does not name needs AdministerOrthanc.

#pragma once

#include <string>

#include "Core/Identity/Permission.h"
#include "Core/Rest/Http.h"

namespace OrthancClinic::Access
{
struct OrthancRule
{
  Permission permission = Permission::AdministerOrthanc;
  std::string action = "orthanc.administer";  // in the audit trail; empty: not written

  // Whose practice decides: "study", "series", "instance" or "patient" of Orthanc, "study_uid", or empty for
  // the permission in every practice.
  std::string subjectKind = {};
  std::string subject = {};    // its id
  bool inAnyPractice = false;  // it is not known yet whose it will be (an upload)
  bool eachTime = false;  // written to the audit trail each time, and not once for a look of some minutes
};

OrthancRule FindOrthancRule(HttpMethod method, const std::string& path);
}  // namespace OrthancClinic::Access
