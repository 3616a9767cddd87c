// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Identity/AuditTrail.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/Practice.h"
#include "Core/Rest/CoreRoutes.h"

namespace OrthancClinic
{
namespace
{
const Json::Value& PatientSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object", "additionalProperties": false,
    "properties": {
      "id": {"type": "string", "minLength": 1, "maxLength": 128},
      "practice_id": {"type": "string", "minLength": 1, "maxLength": 128},
      "kind": {"enum": ["patient", "lead"]},
      "identifiers": {"type": "array", "maxItems": 50, "items": {
        "type": "object", "additionalProperties": false, "required": ["value"],
        "properties": {
          "value": {"type": "string", "minLength": 1, "maxLength": 128},
          "issuer": {"type": ["string", "null"], "maxLength": 128},
          "type": {"type": ["string", "null"], "maxLength": 64}
        }}},
      "names": {"type": "array", "maxItems": 20, "items": {
        "type": "object", "additionalProperties": false,
        "properties": {
          "use": {"enum": ["official", "usual", "maiden", "nickname", "old", "temp", "anonymous"]},
          "family": {"type": ["string", "null"], "maxLength": 256},
          "given": {"type": ["string", "null"], "maxLength": 256},
          "middle": {"type": ["string", "null"], "maxLength": 256},
          "prefix": {"type": ["string", "null"], "maxLength": 64},
          "suffix": {"type": ["string", "null"], "maxLength": 64},
          "ideographic": {"type": ["string", "null"], "maxLength": 256},
          "phonetic": {"type": ["string", "null"], "maxLength": 256}
        }}},
      "contact_person": {"type": ["string", "null"], "maxLength": 512},
      "business_name": {"type": ["string", "null"], "maxLength": 512},
      "birth_date": {"anyOf": [{"type": "string", "format": "partial-date"}, {"enum": ["", null]}]},
      "sex": {"enum": ["M", "F", "O", "", null]},
      "email": {"type": ["string", "null"], "maxLength": 320},
      "phone": {"type": ["string", "null"], "maxLength": 64},
      "address": {"type": ["object", "null"], "additionalProperties": false, "properties": {
        "line": {"type": ["string", "null"], "maxLength": 512},
        "city": {"type": ["string", "null"], "maxLength": 256},
        "province": {"type": ["string", "null"], "maxLength": 64},
        "postal_code": {"type": ["string", "null"], "maxLength": 32},
        "country": {"type": ["string", "null"], "maxLength": 64}
      }},
      "language": {"type": ["string", "null"], "maxLength": 16},
      "active": {"type": "boolean"},
      "deceased": {"type": "boolean"},
      "merged_into": {"type": ["string", "null"], "maxLength": 128},
      "updated_at": {"type": ["string", "null"], "format": "date-time"}
    }
  })");
  return SCHEMA;
}

Patient ReadPatient(const Json::Value& json)
{
  Patient patient = PatientFromJson(json);
  if (patient.practiceId.empty())
  {
    patient.practiceId = PracticeStore::DEFAULT;
  }
  if (!json["updated_at"].isString())
  {
    patient.updatedAt = Now();
  }
  return patient;
}

void Record(Transaction& transaction, const EventLog& events, AuditEntry entry, const std::string& action,
            const Patient& patient)
{
  entry.action = "patient." + action;
  entry.practiceId = patient.practiceId;
  entry.patientId = patient.id;
  AuditTrail::Append(transaction, std::move(entry));
  Json::Value data;
  data["patient_id"] = patient.id;
  events.Emit(transaction, "patient." + action, patient.practiceId, data);
}

// The patient that the path names, of a practice where the caller may do this.
Patient Require(PatientStore& store, const Request& request)
{
  auto patient = store.Find(request.Path("id"));
  if (!patient)
  {
    throw NotFound("There is no such patient");
  }
  request.Require(patient->practiceId);
  return *std::move(patient);
}

// Stores one patient with its audit record and event; returns what became of it.
PutOutcome Put(Transaction& transaction, const EventLog& events, const AuditEntry& by, const Patient& patient)
{
  const PutOutcome outcome = PatientStore(transaction).Put(patient);
  if (outcome != PutOutcome::Unchanged)
  {
    Record(transaction, events, by, outcome == PutOutcome::Created ? "create" : "update", patient);
  }
  return outcome;
}

std::string ToString(PutOutcome outcome)
{
  return outcome == PutOutcome::Created   ? "created"
         : outcome == PutOutcome::Updated ? "updated"
                                          : "unchanged";
}

// A document with its id, as a batch has it.
Patient ReadWhole(const Json::Value& json)
{
  static const JsonSchema SCHEMA(PatientSchema());
  if (const auto errors = SCHEMA.Validate(json); !errors.empty())
  {
    throw BadInput("The patient is not valid", errors);
  }
  if (!json.isMember("id"))
  {
    throw BadInput("The patient has no id");
  }
  return ReadPatient(json);
}
}  // namespace

void AddPatientRoutes(Router& router, const CoreParts& parts)
{
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/patients",
              .permission = Permission::ReadPatients,
              .summary = "Searches the directory",
              .query = {{"q", "Words that begin words of the name, e-mail or phone",
                         JsonLiteral(R"({"type": "string", "maxLength": 256})")},
                        {"practice", "Only of this practice",
                         JsonLiteral(R"({"type": "string", "maxLength": 128})")},
                        {"identifier", "An identifier's value, or the patient's id",
                         JsonLiteral(R"({"type": "string", "maxLength": 128})")}},
              .paged = true,
              .handler = [parts](const Request& request)
              {
                const Page page = request.GetPage();
                const PracticeScope scope = request.Scope();
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const auto [patients, total] =
                    PatientStore(transaction)
                        .Search({scope, request.QueryText("q"), request.QueryText("identifier"), page.limit,
                                 page.offset});
                transaction.Commit();
                Json::Value items(Json::arrayValue);
                for (const Patient& patient : patients)
                {
                  items.append(ToJson(patient));
                }
                AuditEntry entry = request.Audit("patient.search", scope);
                for (const Patient& patient : patients)
                {
                  entry.detail["patients"].append(patient.id);
                }
                return Response::List(std::move(items), total, page).Viewed(entry);
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/patients/{id}",
              .permission = Permission::ReadPatients,
              .summary = "One patient or lead",
              .answer = PatientSchema(),
              .handler = [parts](const Request& request)
              {
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const auto patient = PatientStore(transaction).Find(request.Path("id"));
                transaction.Commit();
                if (!patient)
                {
                  throw NotFound("There is no such patient");
                }
                AuditEntry entry = request.Audit("patient.view");
                entry.practiceId = patient->practiceId;
                entry.patientId = patient->id;
                return Response::Json(ToJson(*patient)).Viewed(entry);
              }});

  router.Add(
      {.method = HttpMethod::Put,
       .path = "/api/v1/patients/{id}",
       .permission = Permission::WritePatients,
       .summary = "Creates or replaces a patient; an `updated_at` older than the stored one is refused (409)",
       .body = PatientSchema(),
       .answer = PatientSchema(),
       .handler = [parts](const Request& request)
       {
         Patient patient = ReadPatient(request.Body());
         if (!patient.id.empty() && patient.id != request.Path("id"))
         {
           throw BadInput("The body's id is not the URL's", {{"id", "expected the id of the URL, or none"}});
         }
         patient.id = request.Path("id");
         Transaction transaction(parts.database);
         const PutOutcome outcome = Put(transaction, parts.events, request.Audit(""), patient);
         const Json::Value stored = ToJson(PatientStore(transaction).Find(patient.id).value());
         transaction.Commit();
         return Response::Json(stored, outcome == PutOutcome::Created ? 201 : 200);
       }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/patients/batch",
              .permission = Permission::WritePatients,
              .summary = "Creates or replaces many; each is stored whole or not at all, with a report",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["patients"],
                "properties": {"patients": {"type": "array", "maxItems": 20000}}
              })"),
              .maxBody = 64 << 20,
              .handler = [parts, writer = MakePatientWriter(parts.events)](const Request& request)
              {
                return PutEach(parts.database, request, request.Body()["patients"], writer,
                               {"created", "updated", "unchanged"});
              }});

  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/patients/{id}",
              .permission = Permission::WritePatients,
              .summary = "Removes a patient from the directory; studies filed under it are decided anew",
              .handler = [parts](const Request& request)
              {
                Transaction transaction(parts.database);
                PatientStore store(transaction);
                const auto patient = Require(store, request);
                store.Delete(request.Path("id"));
                Record(transaction, parts.events, request.Audit(""), "delete", patient);
                transaction.Commit();
                return Response::NoContent();
              }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/patients/{id}/merge",
              .permission = Permission::WritePatients,
              .summary = "Makes the patient part of another one; the studies move",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["into"],
                "properties": {"into": {"type": "string", "minLength": 1, "maxLength": 128}}
              })"),
              .handler = [parts](const Request& request)
              {
                Transaction transaction(parts.database);
                PatientStore store(transaction);
                Require(store, request);
                const auto moved =
                    store.Merge(request.Path("id"), request.Body()["into"].asString(), request.Caller().name);
                const Patient patient = store.Find(request.Path("id")).value();
                Record(transaction, parts.events, request.Audit(""), "merge", patient);
                transaction.Commit();
                Json::Value body = ToJson(patient);
                body["moved_studies"] = static_cast<Json::UInt64>(moved.size());
                return Response::Json(body);
              }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/patients/{id}/unmerge",
              .permission = Permission::WritePatients,
              .summary = "Takes the last merge of the patient back; the studies that it moved return",
              .handler = [parts](const Request& request)
              {
                Transaction transaction(parts.database);
                PatientStore store(transaction);
                Require(store, request);
                store.Unmerge(request.Path("id"));
                const Patient patient = store.Find(request.Path("id")).value();
                Record(transaction, parts.events, request.Audit(""), "unmerge", patient);
                transaction.Commit();
                return Response::Json(ToJson(patient));
              }});
}

RecordWriter MakePatientWriter(const EventLog& events)
{
  RecordWriter writer;
  writer.put = [&events](Transaction& transaction, const AuditEntry& by, const Json::Value& document)
  { return ToString(Put(transaction, events, by, ReadWhole(document))); };
  writer.remove = [&events](Transaction& transaction, const AuditEntry& by, const std::string& id)
  {
    PatientStore store(transaction);
    const auto patient = store.Find(id);
    store.Delete(id);
    Record(transaction, events, by, "delete", patient.value());
  };
  writer.merge = [&events](Transaction& transaction, const AuditEntry& by, const std::string& id,
                           const std::string& into)
  {
    PatientStore store(transaction);
    store.Merge(id, into, by.principal.name);
    Record(transaction, events, by, "merge", store.Find(id).value());
  };
  writer.unmerge = [&events](Transaction& transaction, const AuditEntry& by, const std::string& id)
  {
    PatientStore store(transaction);
    store.Unmerge(id);
    Record(transaction, events, by, "unmerge", store.Find(id).value());
  };
  return writer;
}
}  // namespace OrthancClinic
