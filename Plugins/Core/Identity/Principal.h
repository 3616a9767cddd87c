// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who calls, and what they may do. Every route names the permission that it needs.

#pragma once

#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
// What can be allowed. A role is a set of these (see the Access plugin); without that plugin, every user whom
// Orthanc itself let in has all of them.
enum class Permission
{
  Public,      // no principal needed: liveness, the description of the API
  ReadHealth,  // health with its detail, metrics
  ReadPatients,
  WritePatients,
  ReadStudies,
  ReviewMatches,  // decide to whom a study belongs
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
  ReadAudit
};

// A user, a system or a modality. `name` is Orthanc's user name, or "anonymous" when Orthanc runs without
// authentication.
struct Principal
{
  std::string name = "anonymous";
  std::string remoteAddress;  // empty where it is not known
};
}  // namespace OrthancClinic
