// SPDX-License-Identifier: GPL-3.0-or-later

#include "DefaultRoles.h"

#include <algorithm>

namespace OrthancClinic::Access
{
namespace
{
using enum Permission;

const std::vector<Permission> LOOKS = {ReadPatients, ReadStudies,      ReadImages,    ReadOrders,
                                       ReadAnalyses, ReadAppointments, ReadPractices, ReadServers};

std::vector<Permission> Looks(const std::vector<Permission>& more)
{
  std::vector<Permission> all = LOOKS;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<Permission> AllBut(Permission one)
{
  std::vector<Permission> all = GrantablePermissions();
  std::erase(all, one);
  return all;
}
}  // namespace

std::vector<Role> DefaultRoles()
{
  return {
      {"administrator", AllBut(DeleteDirectly)},
      {"radiologist", Looks({WriteMeasurements, ShareStudies, ReviewMatches, WriteReports, WriteAnalyses,
                             ReviewAnalyses, RequestDeletions})},
      {"dentist",
       Looks({WriteMeasurements, ShareStudies, WriteImages, WritePatients, ReviewMatches, WriteOrders,
              WriteReports, WriteAppointments, WriteAnalyses, ReviewAnalyses, RequestDeletions})},
      {"doctor", Looks({WriteMeasurements, ShareStudies, WritePatients, WriteOrders, WriteAppointments,
                        WriteAnalyses, RequestDeletions})},
      {"nurse", Looks({WriteImages, WritePatients, WriteAppointments})},
      {"technician", Looks({WriteImages, WriteMeasurements, ReviewMatches, WriteOrders, WriteAppointments,
                            RequestDeletions})},
      {"reception",
       {ReadPatients, WritePatients, ReadOrders, ReadAppointments, WriteAppointments, ReadPractices}},
      {"department_head",
       Looks({WriteMeasurements, ShareStudies, WriteImages, WritePatients, ReviewMatches, WriteOrders,
              WriteReports, WriteAppointments, WriteAnalyses, ReviewAnalyses, RequestDeletions,
              ApproveDeletions, ReadEvents, ReadAudit, ReadReplication})},
      {"crm_service", Looks({WriteImages, ShareStudies, WritePatients, WriteOrders, WriteAppointments,
                             WriteAnalyses, RequestDeletions, ReadEvents, ReadHealth, ReadWebhooks})},
  };
}
}  // namespace OrthancClinic::Access
