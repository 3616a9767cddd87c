// SPDX-License-Identifier: GPL-3.0-or-later

#include "PerformanceRoutes.h"

#include <cmath>
#include <cstdlib>
#include <map>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Core/Tasks/Measurements.h"
#include "Core/Tasks/TaskStore.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr std::chrono::hours DEFAULT_PERIOD(24);
constexpr size_t MOST_POINTS = 1000;

struct Period
{
  Timestamp from{};
  Timestamp to{};
};

Period ReadPeriod(const Request& request)
{
  const auto to = ParseTimestamp(request.QueryText("to"));
  Period period;
  period.to = to.value_or(Now());
  period.from = ParseTimestamp(request.QueryText("from")).value_or(period.to - DEFAULT_PERIOD);
  if (period.from >= period.to)
  {
    throw BadInput("The period ends before it begins", {{"from", "expected a time before \"to\""}});
  }
  // What is kept is kept by the minute.
  period.from = std::chrono::floor<std::chrono::minutes>(period.from);
  return period;
}

std::vector<QueryParameter> PeriodParameters()
{
  const Json::Value time = JsonLiteral(R"({"type": "string", "format": "date-time"})");
  return {{"from", "Default: a day before \"to\"", time}, {"to", "Default: now", time}};
}

double Rounded(double value)
{
  return std::round(value * 1000) / 1000;
}

double Share(int64_t part, int64_t whole)
{
  return whole == 0 ? 0 : Rounded(static_cast<double>(part) / static_cast<double>(whole));
}

std::vector<Measured> Read(Database& database, const Period& period, const std::string& operation)
{
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  auto measured = Measurements::Between(transaction, period.from, period.to, operation);
  transaction.Commit();
  return measured;
}

// The dental CRM's: milliseconds and percent.
Json::Value ToCrmJson(const Measured& measured)
{
  const Durations all = measured.All();
  Json::Value json;
  json["count"] = static_cast<Json::Int64>(all.Count());
  json["avgDuration"] = Rounded(all.Average());
  json["minDuration"] = Rounded(all.Shortest());
  json["maxDuration"] = Rounded(all.Longest());
  json["successRate"] = Rounded(measured.SuccessRate() * 100);
  json["p50"] = Rounded(all.Percentile(0.5));
  json["p95"] = Rounded(all.Percentile(0.95));
  json["p99"] = Rounded(all.Percentile(0.99));
  return json;
}

Response ShowDental(Database& database, const Request& request)
{
  const std::string operation = request.QueryText("operation");
  Measured all;
  Json::Value points(Json::arrayValue);
  const auto measured = Read(database, ReadPeriod(request), operation);
  for (size_t i = 0; i < measured.size(); i++)
  {
    all.Add(measured[i]);
    if (measured.size() - i <= MOST_POINTS)
    {
      Json::Value point = ToCrmJson(measured[i]);
      point["operation"] = measured[i].operation;
      point["timestamp"] = ToString(measured[i].at);
      points.append(std::move(point));
    }
  }
  Json::Value body;
  body["stats"] = ToCrmJson(all);
  body["metrics"] = std::move(points);
  body["operation"] = OrNull(operation);
  return Response::Json(body);
}

Json::Value ToJson(const Measured& measured, const Period& period)
{
  const Durations all = measured.All();
  const double hours = std::chrono::duration<double, std::ratio<3600>>(period.to - period.from).count();
  Json::Value json;
  json["operation"] = measured.operation;
  json["count"] = static_cast<Json::Int64>(all.Count());
  json["per_hour"] = Rounded(static_cast<double>(all.Count()) / hours);
  json["done"] = static_cast<Json::Int64>(measured.Count(StepOutcome::Done));
  json["done_after_retry"] = static_cast<Json::Int64>(measured.Count(StepOutcome::DoneAgain));
  json["failed"] = static_cast<Json::Int64>(measured.Count(StepOutcome::Failed));
  json["given_up"] = static_cast<Json::Int64>(measured.Count(StepOutcome::Dead));
  json["refused"] = static_cast<Json::Int64>(measured.Count(StepOutcome::Refused));
  json["success_rate"] = Rounded(measured.SuccessRate());
  json["average_ms"] = Rounded(all.Average());
  json["shortest_ms"] = Rounded(all.Shortest());
  json["longest_ms"] = Rounded(all.Longest());
  json["p50_ms"] = Rounded(all.Percentile(0.5));
  json["p95_ms"] = Rounded(all.Percentile(0.95));
  json["p99_ms"] = Rounded(all.Percentile(0.99));
  return json;
}

Json::Value Storage(IOrthanc& orthanc)
{
  const Json::Value statistics = orthanc.Get("/statistics");
  const auto number = [&](const char* name)
  {
    const Json::Value& value = statistics[name];
    return static_cast<Json::Int64>(value.isString() ? std::atoll(value.asCString()) : value.asInt64());
  };
  Json::Value json;
  json["disk_bytes"] = number("TotalDiskSize");
  json["uncompressed_bytes"] = number("TotalUncompressedSize");
  json["patients"] = number("CountPatients");
  json["studies"] = number("CountStudies");
  json["series"] = number("CountSeries");
  json["instances"] = number("CountInstances");
  return json;
}

Json::Value ToJson(const Preview::Statistics& statistics)
{
  Json::Value json;
  json["hits"] = static_cast<Json::UInt64>(statistics.cache.hits);
  json["misses"] = static_cast<Json::UInt64>(statistics.cache.misses);
  json["hit_rate"] = Rounded(statistics.cache.HitRate());
  json["evicted"] = static_cast<Json::UInt64>(statistics.cache.evicted);
  json["images"] = static_cast<Json::UInt64>(statistics.cache.images);
  json["bytes"] = static_cast<Json::UInt64>(statistics.cache.bytes);
  return json;
}

Response Show(Clinic& clinic, const Preview& preview, const Request& request)
{
  const Period period = ReadPeriod(request);
  std::map<std::string, Measured> steps;
  Measured all;
  for (const Measured& measured : Read(clinic.Database(), period, request.QueryText("operation")))
  {
    Measured& step = steps[measured.operation];
    step.operation = measured.operation;
    step.Add(measured);
    all.Add(measured);
  }
  Json::Value body;
  body["from"] = ToString(period.from);
  body["to"] = ToString(period.to);
  body["steps"] = Json::arrayValue;
  for (const auto& [operation, step] : steps)
  {
    body["steps"].append(ToJson(step, period));
  }
  const int64_t again = all.Count(StepOutcome::DoneAgain);
  const int64_t dead = all.Count(StepOutcome::Dead);
  Json::Value& retries = body["retries"];
  retries["failed_attempts"] = static_cast<Json::Int64>(all.Count(StepOutcome::Failed));
  retries["done_after_retry"] = static_cast<Json::Int64>(again);
  retries["given_up"] = static_cast<Json::Int64>(dead);
  retries["success_rate"] = again + dead == 0 ? Json::Value() : Json::Value(Share(again, again + dead));

  Json::Value& waiting = body["tasks"];
  waiting["due"] = 0;
  waiting["running"] = 0;
  waiting["dead"] = 0;
  Transaction transaction(clinic.Database(), Transaction::Mode::ReadOnly);
  for (const auto& [key, count] : TaskStore(transaction).Count())
  {
    const char* const name = key.second == TaskState::Due      ? "due"
                             : key.second == TaskState::Leased ? "running"
                                                               : "dead";
    waiting[name] = waiting[name].asInt64() + static_cast<Json::Int64>(count);
  }
  transaction.Commit();
  body["preview_cache"] = ToJson(preview.Count());
  body["storage"] = Storage(clinic.Orthanc());
  return Response::Json(body);
}
}  // namespace

void AddPerformanceRoutes(Clinic& clinic, const Preview& preview)
{
  std::vector<QueryParameter> query = PeriodParameters();
  query.push_back({"operation",
                   "Only this step (\"match.study\", \"upload\", \"preview\"), or all whose names begin so "
                   "(\"match\")",
                   JsonLiteral(R"({"type": "string", "maxLength": 128})")});

  clinic.Routes().Add(
      {.method = HttpMethod::Get,
       .path = "/api/v1/performance",
       .permission = Permission::ReadHealth,
       .summary = "Counts, rates and durations of each step over a period",
       .query = query,
       .handler = [&clinic, &preview](const Request& request) { return Show(clinic, preview, request); }});

  clinic.Routes().Add({.method = HttpMethod::Get,
                       .path = "/api/dental/xrays/performance",
                       .permission = Permission::ReadHealth,
                       .summary = "The same as the dental CRM reads it: milliseconds and percent",
                       .query = query,
                       .handler = [&database = clinic.Database()](const Request& request)
                       { return ShowDental(database, request); }});
}
}  // namespace OrthancClinic::Intake
