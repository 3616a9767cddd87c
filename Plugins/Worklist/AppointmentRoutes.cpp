// SPDX-License-Identifier: GPL-3.0-or-later

#include "AppointmentRoutes.h"

#include "Core/Dicom/LocalTime.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/AppointmentStore.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/Practice.h"

namespace OrthancClinic::Worklist
{
namespace
{
const Json::Value& AppointmentSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object", "additionalProperties": false, "required": ["patient_id", "start"],
    "properties": {
      "id": {"type": "string", "minLength": 1, "maxLength": 128},
      "practice_id": {"type": "string", "minLength": 1, "maxLength": 128},
      "patient_id": {"type": "string", "minLength": 1, "maxLength": 128},
      "order_id": {"type": ["string", "null"], "maxLength": 128},
      "scheduled_procedure_step_id": {"type": "string", "readOnly": true, "maxLength": 16},
      "status": {"enum": ["scheduled", "arrived", "in_progress", "completed", "cancelled", "no_show"]},
      "start": {"type": "string", "format": "date-time"},
      "duration_minutes": {"type": "integer", "minimum": 1, "maximum": 1440},
      "time_zone": {"type": ["string", "null"], "maxLength": 64},
      "room": {"type": ["string", "null"], "maxLength": 64},
      "station_ae_title": {"type": ["string", "null"], "maxLength": 16},
      "modality": {"type": ["string", "null"], "pattern": "^[A-Z0-9 _]{0,16}$"},
      "procedure_code": {"type": ["object", "null"], "additionalProperties": false,
        "required": ["value", "scheme", "meaning"], "properties": {
          "value": {"type": "string", "minLength": 1, "maxLength": 16},
          "scheme": {"type": "string", "minLength": 1, "maxLength": 16},
          "meaning": {"type": "string", "minLength": 1, "maxLength": 64}}},
      "procedure_text": {"type": ["string", "null"], "maxLength": 64},
      "performing_physician": {"type": ["string", "null"], "maxLength": 64},
      "referring_physician": {"type": ["string", "null"], "maxLength": 64},
      "priority": {"enum": ["routine", "urgent", "stat", null]},
      "notes": {"type": ["string", "null"], "maxLength": 10240},
      "pregnancy_status": {"enum": ["not_pregnant", "possible", "definite", "unknown", null]},
      "allergies": {"type": ["string", "null"], "maxLength": 64},
      "weight_kg": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1000},
      "updated_at": {"type": ["string", "null"], "format": "date-time"}
    }
  })");
  return SCHEMA;
}

Appointment Read(const Json::Value& json)
{
  Appointment appointment = AppointmentFromJson(json);
  if (!appointment.timeZone.empty() && !IsTimeZone(appointment.timeZone))
  {
    throw BadInput("The appointment's time zone is not known",
                   {{"time_zone", "expected a name of the IANA database, such as America/Toronto"}});
  }
  if (!json["updated_at"].isString())
  {
    appointment.updatedAt = Now();
  }
  return appointment;
}

void Record(Transaction& transaction, const EventLog& events, AuditEntry entry, const std::string& action,
            const Appointment& appointment)
{
  entry.action = "appointment." + action;
  entry.practiceId = appointment.practiceId;
  entry.patientId = appointment.patientId;
  entry.detail["appointment_id"] = appointment.id;
  AuditTrail::Append(transaction, std::move(entry));
  Json::Value data;
  data["appointment_id"] = appointment.id;
  data["patient_id"] = appointment.patientId;
  data["order_id"] = appointment.orderId;
  data["status"] = ToString(appointment.status);
  events.Emit(transaction, "appointment." + action, appointment.practiceId, data);
}

// True if it is new.
bool Put(Transaction& transaction, const EventLog& events, const AuditEntry& by, Appointment appointment)
{
  const auto patient = PatientStore(transaction).Find(appointment.patientId);
  if (!patient)
  {
    throw NotFound("There is no such patient");
  }
  if (appointment.practiceId.empty())
  {
    appointment.practiceId = patient->practiceId;
  }
  if (appointment.practiceId != patient->practiceId)
  {
    throw Conflict("The patient belongs to another practice");
  }
  AppointmentStore store(transaction);
  if (appointment.orderId.empty())
  {
    const auto known = store.Find(appointment.id);
    appointment.orderId = known ? known->orderId : "";
  }
  const bool isNew = store.Put(appointment);
  Record(transaction, events, by, isNew ? "create" : "update", appointment);
  return isNew;
}

// A document with its id, as a batch has it.
Appointment ReadWhole(const Json::Value& json)
{
  static const JsonSchema SCHEMA(AppointmentSchema());
  if (const auto errors = SCHEMA.Validate(json); !errors.empty())
  {
    throw BadInput("The appointment is not valid", errors);
  }
  if (!json.isMember("id"))
  {
    throw BadInput("The appointment has no id");
  }
  return Read(json);
}

void Delete(Transaction& transaction, const EventLog& events, const AuditEntry& by, const std::string& id)
{
  AppointmentStore store(transaction);
  const auto appointment = store.Find(id);
  store.Delete(id);
  Record(transaction, events, by, "delete", appointment.value());
}

Response Search(Database& database, const Request& request)
{
  const Page page = request.GetPage();
  AppointmentFilter filter;
  filter.practices = request.Scope();
  filter.patientId = request.QueryText("patient_id");
  filter.stationAeTitle = request.QueryText("station");
  filter.status = request.QueryText("status");
  filter.limit = page.limit;
  filter.offset = page.offset;
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  if (const std::string date = request.QueryText("date"); !date.empty())
  {
    // The day as the practice's clocks have it.
    const auto practice =
        PracticeStore(transaction)
            .Find(filter.practices.Single().empty() ? PracticeStore::DEFAULT : filter.practices.Single());
    const std::string zone = practice ? practice->timeZone : Practice().timeZone;
    std::string day = date;
    std::erase(day, '-');
    filter.from = StartOfDay(day, zone);
    filter.to = StartOfDay(AddDays(day, 1), zone);
  }
  const auto [appointments, total] = AppointmentStore(transaction).Search(filter);
  transaction.Commit();
  Json::Value items(Json::arrayValue);
  AuditEntry entry = request.Audit("appointment.search", filter.practices);
  entry.patientId = filter.patientId;
  for (const Appointment& appointment : appointments)
  {
    items.append(ToJson(appointment));
    entry.detail["appointments"].append(appointment.id);
  }
  return Response::List(std::move(items), total, page).Viewed(entry);
}
}  // namespace

void AddAppointmentRoutes(Router& router, Database& database, const EventLog& events)
{
  const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 128})");

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/appointments",
              .permission = Permission::ReadAppointments,
              .summary = "Appointments, the earliest first",
              .query = {{"date", "Only of this day, YYYY-MM-DD, by the practice's clocks",
                         JsonLiteral(R"({"type": "string", "format": "date"})")},
                        {"practice", "Only of this practice", text},
                        {"station", "Only for this station's AE title", text},
                        {"patient_id", "Only of this patient", text},
                        {"status", "Only in this status",
                         JsonLiteral(R"({"type": "string", "enum": ["scheduled", "arrived", "in_progress",
                                        "completed", "cancelled", "no_show"]})")}},
              .paged = true,
              .handler = [&database](const Request& request) { return Search(database, request); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/appointments/{id}",
              .permission = Permission::ReadAppointments,
              .summary = "One appointment",
              .answer = AppointmentSchema(),
              .handler = [&database](const Request& request)
              {
                Transaction transaction(database, Transaction::Mode::ReadOnly);
                const auto appointment = AppointmentStore(transaction).Find(request.Path("id"));
                transaction.Commit();
                if (!appointment)
                {
                  throw NotFound("There is no such appointment");
                }
                AuditEntry entry = request.Audit("appointment.view");
                entry.practiceId = appointment->practiceId;
                entry.patientId = appointment->patientId;
                return Response::Json(ToJson(*appointment)).Viewed(entry);
              }});

  router.Add(
      {.method = HttpMethod::Put,
       .path = "/api/v1/appointments/{id}",
       .permission = Permission::WriteAppointments,
       .summary = "Creates or replaces an appointment; without `order_id` an order is made for it",
       .body = AppointmentSchema(),
       .answer = AppointmentSchema(),
       .handler = [&database, &events](const Request& request)
       {
         Appointment appointment = Read(request.Body());
         if (!appointment.id.empty() && appointment.id != request.Path("id"))
         {
           throw BadInput("The body's id is not the URL's", {{"id", "expected the id of the URL, or none"}});
         }
         appointment.id = request.Path("id");
         Transaction transaction(database);
         const bool isNew = Put(transaction, events, request.Audit(""), appointment);
         const Json::Value stored = ToJson(AppointmentStore(transaction).Find(appointment.id).value());
         transaction.Commit();
         return Response::Json(stored, isNew ? 201 : 200);
       }});

  router.Add(
      {.method = HttpMethod::Post,
       .path = "/api/v1/appointments/batch",
       .permission = Permission::WriteAppointments,
       .summary = "Creates or replaces many; each is stored whole or not at all, with a report",
       .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["appointments"],
                "properties": {"appointments": {"type": "array", "maxItems": 20000}}
              })"),
       .maxBody = 64 << 20,
       .handler = [&database, writer = MakeAppointmentWriter(events)](const Request& request) {
         return PutEach(database, request, request.Body()["appointments"], writer, {"created", "updated"});
       }});

  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/appointments/{id}",
              .permission = Permission::WriteAppointments,
              .summary = "Removes an appointment; an order that was made for it is cancelled",
              .handler = [&database, &events](const Request& request)
              {
                Transaction transaction(database);
                Delete(transaction, events, request.Audit(""), request.Path("id"));
                transaction.Commit();
                return Response::NoContent();
              }});
}

RecordWriter MakeAppointmentWriter(const EventLog& events)
{
  RecordWriter writer;
  writer.put = [&events](Transaction& transaction, const AuditEntry& by, const Json::Value& document)
  { return Put(transaction, events, by, ReadWhole(document)) ? "created" : "updated"; };
  writer.remove = [&events](Transaction& transaction, const AuditEntry& by, const std::string& id)
  { Delete(transaction, events, by, id); };
  return writer;
}
}  // namespace OrthancClinic::Worklist
