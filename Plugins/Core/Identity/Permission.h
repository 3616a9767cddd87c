// SPDX-License-Identifier: GPL-3.0-or-later
//
// What can be allowed to a caller. Every route names the permission that it needs; a role is a set of them.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
enum class Permission
{
  Public,      // no principal needed: liveness, the login
  SignedIn,    // any principal: what belongs to no practice and to no patient
  ReadHealth,  // health with its detail, metrics
  ReadPatients,
  WritePatients,
  ReadStudies,        // what a study is, and whose
  ReadImages,         // its images
  WriteImages,        // send images
  WriteMeasurements,  // store what was measured in the viewer
  ShareStudies,       // make links that open studies in the viewer
  RequestDeletions,
  ApproveDeletions,  // of what somebody else asked for
  ReviewMatches,     // decide to whom a study belongs
  ReadOrders,
  WriteOrders,  // also links of studies and orders
  WriteReports,
  ReadAppointments,  // also the worklist
  WriteAppointments,
  ReadReplication,
  WriteReplication,  // restore, verify
  ReadAnalyses,
  WriteAnalyses,   // request, cancel
  ReviewAnalyses,  // accept, edit or reject what software found
  ReadPractices,
  WritePractices,
  ReadTasks,
  WriteTasks,  // retry or discard
  ReadEvents,
  ReadAudit,
  ReadServers,   // remote DICOM servers, and what they answer to a query
  WriteServers,  // which servers there are
  ReadWebhooks,
  WriteWebhooks,  // to whom events are delivered
  ReadUsers,
  WriteUsers,        // users, roles, API keys
  DeleteDirectly,    // through Orthanc's own REST API, without a second person; in no role at first
  AdministerOrthanc  // everything of Orthanc's own REST API that is not named above
};

// "read_patients".
ORTHANC_CLINIC_API std::string ToString(Permission permission);
ORTHANC_CLINIC_API std::optional<Permission> ParsePermission(std::string_view name);

// Those that can be granted: all but Public and SignedIn.
ORTHANC_CLINIC_API const std::vector<Permission>& GrantablePermissions();
}  // namespace OrthancClinic
