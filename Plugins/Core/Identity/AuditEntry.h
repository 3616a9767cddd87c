// SPDX-License-Identifier: GPL-3.0-or-later
//
// One line of the audit trail, before it is chained and stored: who did what to whose data, with what
// outcome.

#pragma once

#include <json/value.h>

#include <string>

#include "Core/Api.h"
#include "Core/Identity/Principal.h"

namespace OrthancClinic
{
struct ORTHANC_CLINIC_API AuditEntry
{
  Principal principal;
  std::string action;      // "patient.view", "patient.update", "match.confirm" …
  std::string practiceId;  // these three empty where they do not apply
  std::string patientId;
  std::string studyInstanceUid;
  std::string outcome = "success";         // or "denied", "failed"
  Json::Value detail = Json::objectValue;  // never a name or another demographic value
};
}  // namespace OrthancClinic
