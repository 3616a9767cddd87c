// SPDX-License-Identifier: GPL-3.0-or-later

#include "ModalityGate.h"

#include "Core/Database/Query.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/Practice.h"

namespace OrthancClinic::Access
{
namespace
{
constexpr auto PERIOD = Milliseconds(500);
constexpr size_t MOST_UNKNOWN = 1000;  // AE titles are anybody's invention
}  // namespace

ModalityGate::ModalityGate(Database& database, const Json::Value& modalities, bool strict)
    : database_(database), strict_(strict)
{
  for (const std::string& name : modalities.getMemberNames())
  {
    // ["AET", "host", port] or {"AET": …}
    const Json::Value& modality = modalities[name];
    configured_.insert(modality.isArray() ? modality[0].asString() : modality["AET"].asString());
  }
}

void ModalityGate::Start()
{
  Refresh();
  thread_.Start("modalities", PERIOD, "The known modalities cannot be read", [this] { Refresh(); });
}

void ModalityGate::Stop()
{
  thread_.Stop();
}

uint16_t ModalityGate::Decide(const std::string& callingAe)
{
  const std::lock_guard lock(mutex_);
  if (known_.contains(callingAe))
  {
    return 0;
  }
  if (unknown_.size() < MOST_UNKNOWN || unknown_.contains(callingAe))
  {
    unknown_[callingAe]++;
  }
  return strict_ ? NOT_AUTHORIZED : 0;
}

void ModalityGate::Refresh()
{
  std::set<std::string> known = configured_;
  std::map<std::string, int64_t> unknown;
  {
    const std::lock_guard lock(mutex_);
    unknown = unknown_;
  }
  Transaction transaction(database_,
                          unknown.empty() ? Transaction::Mode::ReadOnly : Transaction::Mode::Write);
  for (const Practice& practice : PracticeStore(transaction).List())
  {
    known.insert(practice.callingAeTitles.begin(), practice.callingAeTitles.end());
  }
  const std::string now = ToString(Now());
  for (const auto& [ae, instances] : unknown)
  {
    Execute(transaction,
            "INSERT INTO access_unknown_modalities (calling_ae, first_seen_at, last_seen_at, instances) "
            "VALUES (:ae, "
            ":first, :last, CAST(:count AS BIGINT)) ON CONFLICT (calling_ae) DO UPDATE SET last_seen_at = "
            "excluded.last_seen_at, instances = access_unknown_modalities.instances + excluded.instances",
            {ae, now, now, std::to_string(instances)});
    if (strict_)
    {
      AuditEntry entry;
      entry.principal.name = "modality:" + ae;
      entry.action = "image.store";
      entry.outcome = "denied";
      entry.detail["instances"] = static_cast<Json::Int64>(instances);
      AuditTrail::Append(transaction, entry);
    }
  }
  transaction.Commit();

  const std::lock_guard lock(mutex_);
  known_ = std::move(known);
  for (const auto& [ae, instances] : unknown)
  {
    if ((unknown_[ae] -= instances) == 0)
    {
      unknown_.erase(ae);
    }
  }
}

void ModalityGate::AddRoutes(Router& router)
{
  router.Add(
      {.method = HttpMethod::Get,
       .path = "/api/v1/access/modalities",
       .permission = Permission::WritePractices,
       .summary = "The AE titles that have sent images and that neither a practice nor Orthanc names",
       .handler = [this](const Request&)
       {
         Json::Value items(Json::arrayValue);
         std::string ae;
         std::string first;
         std::string last;
         long long instances = 0;
         Transaction transaction(database_, Transaction::Mode::ReadOnly);
         Query(
             transaction,
             "SELECT calling_ae, first_seen_at, last_seen_at, instances FROM access_unknown_modalities "
             "ORDER BY last_seen_at DESC LIMIT 1000",
             {},
             [&]
             {
               const std::lock_guard lock(mutex_);
               if (known_.contains(ae))
               {
                 return;  // by now
               }
               Json::Value item;
               item["calling_ae"] = ae;
               item["first_seen_at"] = first;
               item["last_seen_at"] = last;
               item["instances"] = static_cast<Json::Int64>(instances);
               item["refused"] = strict_;
               items.append(item);
             },
             ae, first, last, instances);
         transaction.Commit();
         const auto total = static_cast<int64_t>(items.size());
         return Response::List(std::move(items), total, {total, 0});
       }});
}
}  // namespace OrthancClinic::Access
