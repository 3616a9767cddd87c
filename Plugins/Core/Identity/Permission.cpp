// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Identity/Permission.h"

#include <algorithm>
#include <utility>

namespace OrthancClinic
{
namespace
{
constexpr std::pair<Permission, const char*> NAMES[] = {
    {Permission::Public, "public"},
    {Permission::SignedIn, "signed_in"},
    {Permission::ReadHealth, "read_health"},
    {Permission::ReadPatients, "read_patients"},
    {Permission::WritePatients, "write_patients"},
    {Permission::ReadStudies, "read_studies"},
    {Permission::ReadImages, "read_images"},
    {Permission::WriteImages, "write_images"},
    {Permission::WriteMeasurements, "write_measurements"},
    {Permission::ShareStudies, "share_studies"},
    {Permission::RequestDeletions, "request_deletions"},
    {Permission::ApproveDeletions, "approve_deletions"},
    {Permission::ReviewMatches, "review_matches"},
    {Permission::ReadOrders, "read_orders"},
    {Permission::WriteOrders, "write_orders"},
    {Permission::WriteReports, "write_reports"},
    {Permission::ReadAppointments, "read_appointments"},
    {Permission::WriteAppointments, "write_appointments"},
    {Permission::ReadReplication, "read_replication"},
    {Permission::WriteReplication, "write_replication"},
    {Permission::ReadAnalyses, "read_analyses"},
    {Permission::WriteAnalyses, "write_analyses"},
    {Permission::ReviewAnalyses, "review_analyses"},
    {Permission::ReadPractices, "read_practices"},
    {Permission::WritePractices, "write_practices"},
    {Permission::ReadTasks, "read_tasks"},
    {Permission::WriteTasks, "write_tasks"},
    {Permission::ReadEvents, "read_events"},
    {Permission::ReadAudit, "read_audit"},
    {Permission::ReadServers, "read_servers"},
    {Permission::WriteServers, "write_servers"},
    {Permission::ReadWebhooks, "read_webhooks"},
    {Permission::WriteWebhooks, "write_webhooks"},
    {Permission::ReadUsers, "read_users"},
    {Permission::WriteUsers, "write_users"},
    {Permission::DeleteDirectly, "delete_directly"},
    {Permission::AdministerOrthanc, "administer_orthanc"}};
}  // namespace

std::string ToString(Permission permission)
{
  const auto* const found = std::find_if(std::begin(NAMES), std::end(NAMES),
                                         [&](const auto& name) { return name.first == permission; });
  return found->second;
}

std::optional<Permission> ParsePermission(std::string_view name)
{
  const auto* const found = std::find_if(std::begin(NAMES), std::end(NAMES),
                                         [&](const auto& known) { return known.second == name; });
  return found == std::end(NAMES) ? std::nullopt : std::optional<Permission>(found->first);
}

const std::vector<Permission>& GrantablePermissions()
{
  static const std::vector<Permission> PERMISSIONS = []
  {
    std::vector<Permission> all;
    for (const auto& [permission, name] : NAMES)
    {
      if (permission != Permission::Public && permission != Permission::SignedIn)
      {
        all.push_back(permission);
      }
    }
    return all;
  }();
  return PERMISSIONS;
}
}  // namespace OrthancClinic
