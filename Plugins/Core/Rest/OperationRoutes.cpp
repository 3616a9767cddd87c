// SPDX-License-Identifier: GPL-3.0-or-later

#include <fmt/format.h>

#include <charconv>

#include "Core/Configuration/Json.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Rest/CoreRoutes.h"
#include "Core/Tasks/TaskStore.h"

namespace OrthancClinic
{
namespace
{
// A write, because a database that is full or read-only still reads.
Json::Value ProbeDatabase(Database& database)
{
  Json::Value part;
  const Timestamp begin = Now();
  try
  {
    Transaction transaction(database);
    transaction.Sql([](soci::session& sql)
                    { sql << "UPDATE serials SET value = 1 - value WHERE name = 'probe'"; });
    transaction.Commit();
    part["ready"] = true;
    part["latency_ms"] = static_cast<Json::Int64>((Now() - begin).count());
  }
  catch (const Error& error)
  {
    part["ready"] = false;
    part["error"] = error.what();
  }
  part["kind"] = database.IsPostgreSql() ? "postgresql" : "sqlite";
  return part;
}

Json::Value DescribeFeed(const std::vector<Feed::Lag>& lags)
{
  Json::Value part;
  part["ready"] = true;
  part["subscribers"] = Json::arrayValue;
  for (const Feed::Lag& lag : lags)
  {
    Json::Value subscriber;
    subscriber["name"] = lag.subscriber;
    subscriber["position"] = static_cast<Json::Int64>(lag.position);
    subscriber["caught_up"] = lag.caughtUp;
    subscriber["error"] = OrNull(lag.error);
    part["subscribers"].append(subscriber);
    part["ready"] = part["ready"].asBool() && lag.error.empty();
  }
  return part;
}

Json::Value CountTasks(Database& database)
{
  Json::Value part;
  part["ready"] = true;
  Json::Int64 due = 0;
  Json::Int64 dead = 0;
  try
  {
    Transaction transaction(database, Transaction::Mode::ReadOnly);
    for (const auto& [key, count] : TaskStore(transaction).Count())
    {
      (key.second == TaskState::Dead ? dead : due) += count;
    }
    transaction.Commit();
    part["waiting"] = due;
    part["dead"] = dead;
  }
  catch (const Error&)
  {
    part["ready"] = false;
  }
  return part;
}

// Without detail, for those whom it does not concern.
Response Health(const CoreParts& parts, bool detailed)
{
  Json::Value body;
  Json::Value& all = body["parts"];
  all["database"] = ProbeDatabase(parts.database);
  all["feed"] = DescribeFeed(parts.lag());
  all["tasks"] = CountTasks(parts.database);
  const Json::Value plugins = parts.plugins();
  for (const std::string& name : plugins.getMemberNames())
  {
    all[name] = plugins[name];
  }

  bool ready = parts.started();
  for (const Json::Value& part : all)
  {
    ready = ready && part["ready"].asBool();
  }
  const bool degraded = all["tasks"]["dead"].asInt64() != 0;
  body["status"] = !ready ? "unavailable" : degraded ? "degraded" : "ok";
  body["version"] = parts.version;
  if (!detailed)
  {
    body.removeMember("parts");
    body.removeMember("version");
  }
  return Response::Json(body, ready ? 200 : 503);
}

// Prometheus' text format, version 0.0.4.
Response Metrics(const CoreParts& parts)
{
  std::string text;
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  text += "# HELP orthanc_clinic_tasks Tasks in the database.\n# TYPE orthanc_clinic_tasks gauge\n";
  for (const auto& [key, count] : TaskStore(transaction).Count())
  {
    text += fmt::format("orthanc_clinic_tasks{{kind=\"{}\",state=\"{}\"}} {}\n", key.first,
                        ToString(key.second), count);
  }
  text +=
      "# HELP orthanc_clinic_studies Studies by the state of their match.\n# TYPE orthanc_clinic_studies "
      "gauge\n";
  transaction.Sql(
      [&](soci::session& sql)
      {
        std::string status;
        long long count = 0;
        soci::statement statement =
            (sql.prepare << "SELECT match_status, COUNT(*) FROM studies GROUP BY match_status",
             soci::into(status), soci::into(count));
        statement.execute();
        while (statement.fetch())
        {
          text += fmt::format("orthanc_clinic_studies{{match=\"{}\"}} {}\n", status, count);
        }
      });
  transaction.Commit();

  text +=
      "# HELP orthanc_clinic_task_attempts_total Attempts of this process that ended.\n"
      "# TYPE orthanc_clinic_task_attempts_total counter\n";
  for (const auto& [kind, counts] : parts.tasks.GetCounts())
  {
    for (const auto& [outcome, count] :
         {std::pair("done", counts.done), std::pair("failed", counts.failed), std::pair("dead", counts.dead)})
    {
      text += fmt::format("orthanc_clinic_task_attempts_total{{kind=\"{}\",outcome=\"{}\"}} {}\n", kind,
                          outcome, count);
    }
  }
  text +=
      "# HELP orthanc_clinic_feed_position Last change of Orthanc's log that a subscriber has handled.\n"
      "# TYPE orthanc_clinic_feed_position gauge\n";
  for (const Feed::Lag& lag : parts.lag())
  {
    text +=
        fmt::format("orthanc_clinic_feed_position{{subscriber=\"{}\"}} {}\n", lag.subscriber, lag.position);
    text += fmt::format("orthanc_clinic_feed_failing{{subscriber=\"{}\"}} {}\n", lag.subscriber,
                        lag.error.empty() ? 0 : 1);
  }
  text += parts.metrics();
  return Response::Text(text, "text/plain; version=0.0.4");
}

Response ChangeTask(const CoreParts& parts, const Request& request, const std::string& action,
                    void (TaskStore::*change)(const std::string&))
{
  Transaction transaction(parts.database);
  TaskStore store(transaction);
  (store.*change)(request.Path("id"));
  AuditEntry entry = request.Audit(action);
  entry.detail["task_id"] = request.Path("id");
  AuditTrail::Append(transaction, entry);
  transaction.Commit();
  return Response::NoContent();
}

// The events after those that the caller knows, by the header of a browser that comes again.
Response Stream(const CoreParts& parts, const Request& request)
{
  LiveQuery query{.type = request.QueryText("type"),
                  .practices = request.Scope(),
                  .limit = request.QueryInteger("limit", 100)};
  if (request.HasQuery("since"))
  {
    query.since = request.QueryInteger("since", 0);
  }
  if (const std::string last = FindHeader(request.Http(), "last-event-id"); !last.empty())
  {
    int64_t id = 0;
    const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), id);
    if (error != std::errc() || end != last.data() + last.size() || id < 0)
    {
      throw BadInput("Last-Event-ID is not the id of an event");
    }
    query.since = id;
  }
  return Response::Text(parts.live.Wait(query), "text/event-stream").Header("Cache-Control", "no-store");
}
}  // namespace

void AddOperationRoutes(Router& router, const CoreParts& parts)
{
  const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 128})");
  const Json::Value time = JsonLiteral(R"({"type": "string", "format": "date-time"})");

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/audit/verify",
              .permission = Permission::ReadAudit,
              .summary = "Whether the audit trail is whole, or its first record that was changed",
              .handler = [parts](const Request&)
              {
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const auto broken = AuditTrail::FirstBroken(transaction);
                const int64_t total = AuditTrail::List(transaction, {.limit = 1}).second;
                transaction.Commit();
                Json::Value body;
                body["whole"] = !broken;
                body["first_broken"] =
                    broken ? Json::Value(static_cast<Json::Int64>(*broken)) : Json::Value();
                body["records"] = static_cast<Json::Int64>(total);
                return Response::Json(body);
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/health",
              .permission = Permission::Public,
              .summary = "Readiness: 200 when every part works, else 503 with the part that does not",
              .handler = [parts](const Request& request)
              { return Health(parts, request.MayEverywhere(Permission::ReadHealth)); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/health/live",
              .permission = Permission::Public,
              .summary = "Liveness: 200 as long as the process answers",
              .handler = [](const Request&) { return Response::Json(JsonLiteral(R"({"status": "ok"})")); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/metrics",
              .permission = Permission::ReadHealth,
              .summary = "Metrics in Prometheus' text format",
              .handler = [parts](const Request&) { return Metrics(parts); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/tasks",
              .permission = Permission::ReadTasks,
              .summary = "The tasks that wait, run or are dead; those that are done are gone",
              .query = {{"kind", "Only this kind (\"match.study\")", text},
                        {"state", "Only this state",
                         JsonLiteral(R"({"type": "string", "enum": ["due", "leased", "dead"]})")}},
              .paged = true,
              .handler = [parts](const Request& request)
              {
                const Page page = request.GetPage();
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const auto [tasks, total] =
                    TaskStore(transaction)
                        .List(request.QueryText("kind"), request.QueryText("state"), page.limit, page.offset);
                transaction.Commit();
                Json::Value items(Json::arrayValue);
                for (const Task& task : tasks)
                {
                  items.append(ToJson(task));
                }
                return Response::List(std::move(items), total, page);
              }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/tasks/{id}/retry",
              .permission = Permission::WriteTasks,
              .summary = "Runs a dead or waiting task now",
              .handler = [parts](const Request& request)
              { return ChangeTask(parts, request, "task.retry", &TaskStore::Retry); }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/tasks/{id}/discard",
              .permission = Permission::WriteTasks,
              .summary = "Forgets a dead task",
              .handler = [parts](const Request& request)
              { return ChangeTask(parts, request, "task.discard", &TaskStore::Discard); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/events",
              .permission = Permission::ReadEvents,
              .summary =
                  "What happened, in order; `next` is the `since` of the following call. With `Accept: "
                  "text/event-stream`, as Server-Sent Events: see the page of Core",
              .query = {{"since", "The id of the last event that the caller knows",
                         JsonLiteral(R"({"type": "integer", "minimum": 0})")},
                        {"type", "Only this type (\"study.matched\")", text},
                        {"limit", "At most so many",
                         JsonLiteral(R"({"type": "integer", "minimum": 1, "maximum": 1000})")},
                        {"practice", "Only of this practice", text}},
              .handler = [parts](const Request& request)
              {
                if (FindHeader(request.Http(), "accept").find("text/event-stream") != std::string::npos)
                {
                  return Stream(parts, request);
                }
                const int64_t since = request.QueryInteger("since", 0);
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const auto events = EventLog::Since(transaction, since, request.QueryText("type"),
                                                    request.QueryInteger("limit", 100), request.Scope());
                transaction.Commit();
                Json::Value body;
                body["items"] = Json::arrayValue;
                for (const Event& event : events)
                {
                  body["items"].append(ToJson(event));
                }
                body["next"] = static_cast<Json::Int64>(events.empty() ? since : events.back().serial);
                return Response::Json(body);
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/audit",
              .permission = Permission::ReadAudit,
              .summary = "The audit trail, newest first",
              .query = {{"patient_id", "Only about this patient", text},
                        {"study_instance_uid", "Only about this study", text},
                        {"action", "Only of this kind (\"study.read\")", text},
                        {"principal", "Only what this one did", text},
                        {"outcome", "Only with this outcome",
                         JsonLiteral(R"({"type": "string", "enum": ["success", "denied", "failed"]})")},
                        {"from", "Not before", time},
                        {"to", "Before", time},
                        {"practice", "Only about this practice", text}},
              .paged = true,
              .handler = [parts](const Request& request)
              {
                const Page page = request.GetPage();
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const auto [records, total] = AuditTrail::List(
                    transaction, {.patientId = request.QueryText("patient_id"),
                                  .studyInstanceUid = request.QueryText("study_instance_uid"),
                                  .action = request.QueryText("action"),
                                  .principal = request.QueryText("principal"),
                                  .outcome = request.QueryText("outcome"),
                                  .from = request.QueryText("from"),
                                  .to = request.QueryText("to"),
                                  .practices = request.Scope(),
                                  .limit = page.limit,
                                  .offset = page.offset});
                transaction.Commit();
                Json::Value items(Json::arrayValue);
                for (const Json::Value& record : records)
                {
                  items.append(record);
                }
                return Response::List(std::move(items), total, page);
              }});
}
}  // namespace OrthancClinic
