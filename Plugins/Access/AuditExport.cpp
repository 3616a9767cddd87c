// SPDX-License-Identifier: GPL-3.0-or-later

#include "AuditExport.h"

#include <unistd.h>

#include "AuditMessages.h"
#include "Core/Configuration/JsonSchema.h"
#include "Core/Database/Query.h"
#include "Core/Http/TlsStream.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Tasks/TaskStore.h"

namespace OrthancClinic::Access
{
namespace
{
constexpr int64_t LONGEST_EXPORT = 100'000;
constexpr int64_t BATCH = 500;
constexpr auto FORWARD_PERIOD = std::chrono::seconds(2);
constexpr auto PURGE_PERIOD = std::chrono::hours(24);

std::string HostName()
{
  char name[256] = "-";
  gethostname(name, sizeof(name) - 1);
  return name;
}
}  // namespace

Response AuditExport::Export(const Request& request)
{
  const PracticeScope scope = request.Scope();
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  const auto records =
      AuditTrail::Next(transaction, {.patientId = request.QueryText("patient_id"),
                                     .studyInstanceUid = request.QueryText("study_instance_uid"),
                                     .from = request.QueryText("from"),
                                     .to = request.QueryText("to"),
                                     .since = request.QueryInteger("since", 0),
                                     .practices = scope,
                                     .limit = LONGEST_EXPORT});
  transaction.Commit();
  AuditEntry entry = request.Audit("audit.export", scope);
  entry.detail["records"] = static_cast<Json::UInt64>(records.size());
  const std::string last = records.empty() ? "" : records.back()["id"].asString();
  if (request.QueryText("format") == "fhir")
  {
    Json::Value bundle;
    bundle["resourceType"] = "Bundle";
    bundle["type"] = "collection";
    bundle["entry"] = Json::arrayValue;
    for (const Json::Value& record : records)
    {
      Json::Value item;
      item["resource"] = ToFhir(record);
      bundle["entry"].append(item);
    }
    return Response::Text(WriteJson(bundle), "application/fhir+json").Header("X-Last-Id", last).Viewed(entry);
  }
  std::string text = ToCsv(Json::Value());
  for (const Json::Value& record : records)
  {
    text += ToCsv(record);
  }
  return Response::Text(std::move(text), "text/csv; charset=utf-8")
      .Header("Content-Disposition", "attachment; filename=audit.csv")
      .Header("X-Last-Id", last)
      .Viewed(entry);
}

void AuditExport::Forward(RunningTask& task)
{
  std::unique_ptr<TlsStream> stream;
  for (bool more = true; more && !task.IsStopping();)
  {
    long long sent = 0;
    std::vector<Json::Value> records;
    {
      Transaction transaction(database_, Transaction::Mode::ReadOnly);
      Query(
          transaction, "SELECT sent_serial FROM access_audit_forward", {}, [] {}, sent);
      records = AuditTrail::Next(transaction, {.since = sent, .limit = BATCH});
      transaction.Commit();
    }
    if (records.empty())
    {
      break;
    }
    if (!stream)
    {
      stream = std::make_unique<TlsStream>(options_.syslog.host, options_.syslog.port,
                                           options_.syslog.certificateAuthorities);
    }
    static const std::string HOST = HostName();
    std::string bytes;
    for (const Json::Value& record : records)
    {
      bytes += ToSyslog(record, HOST);
    }
    stream->Send(bytes);
    Transaction transaction(database_);
    Execute(transaction, "UPDATE access_audit_forward SET sent_serial = CAST(:serial AS BIGINT)",
            {records.back()["id"].asString()});
    transaction.Commit();
    more = static_cast<int64_t>(records.size()) == BATCH;
  }
  task.PutOff(Now() + FORWARD_PERIOD);
}

void AuditExport::Purge(RunningTask& task)
{
  Transaction transaction(database_);
  const int64_t count =
      AuditTrail::Purge(transaction, Now() - std::chrono::hours(24) * options_.auditRetentionDays);
  if (count > 0)
  {
    AuditEntry entry;
    entry.principal.name = "machine";
    entry.action = "audit.purge";
    entry.detail["records"] = static_cast<Json::Int64>(count);
    AuditTrail::Append(transaction, entry);
  }
  transaction.Commit();
  task.PutOff(Now() + PURGE_PERIOD);
}

std::vector<TaskKind> AuditExport::Tasks()
{
  std::vector<TaskKind> kinds;
  if (!options_.syslog.host.empty())
  {
    // A server that is away for a week is not given up.
    kinds.push_back({.name = "forward.audit",
                     .handler = [this](RunningTask& task) { Forward(task); },
                     .maxAttempts = 1'000'000,
                     .longestDelay = std::chrono::minutes(1)});
  }
  if (options_.auditRetentionDays > 0)
  {
    kinds.push_back({.name = "purge.audit", .handler = [this](RunningTask& task) { Purge(task); }});
  }
  return kinds;
}

void AuditExport::Start()
{
  Transaction transaction(database_);
  for (const TaskKind& kind : Tasks())
  {
    TaskStore(transaction).Enqueue(kind.name, "all");
  }
  transaction.Commit();
}

void AuditExport::AddRoutes(Router& router)
{
  const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 128})");
  const Json::Value time = JsonLiteral(R"({"type": "string", "format": "date-time"})");
  router.Add(
      {.method = HttpMethod::Get,
       .path = "/api/v1/audit/export",
       .permission = Permission::ReadAudit,
       .summary = "Up to 100,000 records, the oldest first; the following ones by `since` the X-Last-Id",
       .query = {{"format", "CSV, or a Bundle of FHIR AuditEvents",
                  JsonLiteral(R"({"type": "string", "enum": ["csv", "fhir"], "default": "csv"})")},
                 {"patient_id", "Only about this patient", text},
                 {"study_instance_uid", "Only about this study", text},
                 {"from", "Not before", time},
                 {"to", "Before", time},
                 {"since", "Only after this record", JsonLiteral(R"({"type": "integer", "minimum": 0})")},
                 {"practice", "Only about this practice", text}},
       .handler = [this](const Request& request) { return Export(request); }});
}
}  // namespace OrthancClinic::Access
