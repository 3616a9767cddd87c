// SPDX-License-Identifier: GPL-3.0-or-later

#include "WorklistRoutes.h"

#include "Core/Dicom/LocalTime.h"
#include "Core/Errors.h"
#include "Core/Records/Practice.h"

namespace OrthancClinic::Worklist
{
namespace
{
constexpr size_t MOST = 10'000;
constexpr const char* STEP = "0040,0100";

std::string Compact(std::string date)
{
  std::erase(date, '-');
  return date;
}

std::string Text(const Json::Value& item, const char* tag)
{
  return item[tag].asString();
}

// An item as our own route shows it.
Json::Value ToJson(const Json::Value& item)
{
  const Json::Value& step = item[STEP][0];
  Json::Value json;
  json["patient_id"] = Text(item, "0010,0020");
  json["patient_name"] = Text(item, "0010,0010");
  json["patient_birth_date"] = Text(item, "0010,0030");
  json["patient_sex"] = Text(item, "0010,0040");
  json["accession_number"] = Text(item, "0008,0050");
  json["study_instance_uid"] = Text(item, "0020,000d");
  json["requested_procedure_id"] = Text(item, "0040,1001");
  json["requested_procedure_description"] = Text(item, "0032,1060");
  json["requested_procedure_priority"] = Text(item, "0040,1003");
  json["referring_physician_name"] = Text(item, "0008,0090");
  json["modality"] = Text(step, "0008,0060");
  json["scheduled_station_ae_title"] = Text(step, "0040,0001");
  json["scheduled_procedure_step_start_date"] = Text(step, "0040,0002");
  json["scheduled_procedure_step_start_time"] = Text(step, "0040,0003");
  json["scheduled_procedure_step_description"] = Text(step, "0040,0007");
  json["scheduled_procedure_step_id"] = Text(step, "0040,0009");
  json["scheduled_procedure_step_location"] = Text(step, "0040,0011");
  json["scheduled_performing_physician_name"] = Text(step, "0040,0006");
  return json;
}

// The same in the dental CRM's words.
Json::Value ToDental(const Json::Value& item, const std::string& appointmentId)
{
  const Json::Value& step = item[STEP][0];
  Json::Value json;
  json["id"] = Text(step, "0040,0009");
  json["patientId"] = Text(item, "0010,0020");
  json["patientName"] = Text(item, "0010,0010");
  json["scheduledProcedureStepStartDate"] = Text(step, "0040,0002");
  json["scheduledProcedureStepStartTime"] = Text(step, "0040,0003");
  json["modality"] = Text(step, "0008,0060");
  json["scheduledProcedureStepDescription"] = Text(step, "0040,0007");
  json["requestedProcedureDescription"] = Text(item, "0032,1060");
  json["accessionNumber"] = Text(item, "0008,0050");
  json["appointmentId"] = appointmentId;
  return json;
}

AuditEntry Audit(const Request& request, const std::string& practice, const Answers& answers)
{
  AuditEntry entry = request.Audit("worklist.view");
  entry.practiceId = practice;
  for (const std::string& order : answers.orders)
  {
    entry.detail["orders"].append(order);
  }
  return entry;
}
// The caller's practice, if they have only one.
std::string OwnPractice(const Request& request)
{
  const std::string own = request.Scope().Single();
  return own.empty() ? PracticeStore::DEFAULT : own;
}
}  // namespace

void AddWorklistRoutes(Router& router, Database& database, Schedule& schedule)
{
  const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 128})");
  const Json::Value date = JsonLiteral(R"({"type": "string", "format": "date"})");

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/worklist",
              .permission = Permission::ReadAppointments,
              .summary = "What the modalities of a practice see of a day",
              .query = {{"date", "YYYY-MM-DD; default: the practice's today", date},
                        {"date_to", "Up to this day; default: the same", date},
                        {"practice", "Default: the default practice", text},
                        {"station", "Only what this AE title sees", text},
                        {"modality", "Only of this modality", text}},
              .handler = [&schedule](const Request& request)
              {
                const std::string practice = request.QueryText("practice", OwnPractice(request));
                const Answers answers = schedule.List(
                    practice, Compact(request.QueryText("date")), Compact(request.QueryText("date_to")),
                    request.QueryText("station"), request.QueryText("modality"), MOST);
                Json::Value items(Json::arrayValue);
                for (size_t i = 0; i < answers.items.size(); i++)
                {
                  items.append(ToJson(answers.items[i]));
                  items[static_cast<int>(i)]["order_id"] = answers.orders[i];
                  items[static_cast<int>(i)]["appointment_id"] = answers.appointments[i];
                }
                Json::Value body;
                body["total"] = items.size();
                body["items"] = std::move(items);
                body["complete"] = answers.complete;
                return Response::Json(body).Viewed(Audit(request, practice, answers));
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/dental/dicom/worklist",
              .permission = Permission::ReadAppointments,
              .summary = "The worklist as the dental CRM reads it",
              .query = {{"startDate", "YYYY-MM-DD; default: today", date},
                        {"endDate", "YYYY-MM-DD; default: startDate", date},
                        {"modality", "Only of this modality", text},
                        {"userId", "The CRM's user of the practice; default: the default practice", text}},
              .handler = [&schedule, &database](const Request& request)
              {
                std::string practice = OwnPractice(request);
                if (const std::string user = request.QueryText("userId"); !user.empty())
                {
                  Transaction transaction(database, Transaction::Mode::ReadOnly);
                  const auto practices = PracticeStore(transaction).List();
                  transaction.Commit();
                  const auto found = std::find_if(practices.begin(), practices.end(),
                                                  [&](const Practice& one) { return one.crmUserId == user; });
                  if (found == practices.end())
                  {
                    throw NotFound("No practice has this user");
                  }
                  practice = found->id;
                }
                const Answers answers = schedule.List(practice, Compact(request.QueryText("startDate")),
                                                      Compact(request.QueryText("endDate")), "",
                                                      request.QueryText("modality"), MOST);
                Json::Value body;
                body["success"] = true;
                body["worklist"] = Json::arrayValue;
                for (size_t i = 0; i < answers.items.size(); i++)
                {
                  body["worklist"].append(ToDental(answers.items[i], answers.appointments[i]));
                }
                body["count"] = body["worklist"].size();
                return Response::Json(body).Viewed(Audit(request, practice, answers));
              }});
}
}  // namespace OrthancClinic::Worklist
