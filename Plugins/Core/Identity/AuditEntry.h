// SPDX-License-Identifier: GPL-3.0-or-later
//
// One line of the audit trail, before it is chained and stored: who did what to whose data, with what
// outcome. As nobody reaches a patient's data without one, it is also where the practice is checked.

#pragma once

#include <json/value.h>

#include <optional>
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

  // In whose name the principal did it; nothing for what needs none, or was checked already.
  std::optional<Permission> permission = {};

  // Throws NotFound if the principal does not have the permission in this practice: to them, nothing of it
  // exists. Throws Forbidden if it concerns all practices and the principal has it not in all.
  void Check() const;
};
}  // namespace OrthancClinic
