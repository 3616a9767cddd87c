// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Identity/AuditTrail.h"
#include "Core/Records/Practice.h"
#include "Core/Rest/CoreRoutes.h"

namespace OrthancClinic
{
namespace
{
const Json::Value& PracticeSchema()
{
  // AE titles: PS3.5 6.2, at most 16 characters without backslash and control characters.
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object", "additionalProperties": false,
    "properties": {
      "id": {"type": "string", "minLength": 1, "maxLength": 128},
      "name": {"type": "string", "maxLength": 256},
      "calling_ae_titles": {"type": "array", "maxItems": 1000, "uniqueItems": true,
        "items": {"type": "string", "format": "ae-title"}},
      "called_ae_titles": {"type": "array", "maxItems": 1000, "uniqueItems": true,
        "items": {"type": "string", "format": "ae-title"}},
      "institution_names": {"type": "array", "maxItems": 1000,
        "items": {"type": "string", "minLength": 1, "maxLength": 256}},
      "time_zone": {"type": "string", "minLength": 1, "maxLength": 64},
      "language": {"enum": ["en", "fr", "es", "zh"]},
      "crm_user_id": {"type": "string", "maxLength": 128},
      "updated_at": {"type": "string", "format": "date-time"}
    }
  })");
  return SCHEMA;
}
}  // namespace

void AddPracticeRoutes(Router& router, const CoreParts& parts)
{
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/practices",
              .permission = Permission::ReadPractices,
              .summary = "All practices",
              .handler = [parts](const Request& request)
              {
                const PracticeScope scope = request.Scope();
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                auto practices = PracticeStore(transaction).List();
                transaction.Commit();
                std::erase_if(practices, [&](const Practice& practice) { return !scope.Has(practice.id); });
                Json::Value items(Json::arrayValue);
                for (const Practice& practice : practices)
                {
                  items.append(ToJson(practice));
                }
                const auto total = static_cast<int64_t>(practices.size());
                return Response::List(std::move(items), total, {total, 0});
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/practices/{id}",
              .permission = Permission::ReadPractices,
              .summary = "One practice",
              .answer = PracticeSchema(),
              .handler = [parts](const Request& request)
              {
                request.Require(request.Path("id"));
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const auto practice = PracticeStore(transaction).Find(request.Path("id"));
                transaction.Commit();
                if (!practice)
                {
                  throw NotFound("There is no such practice");
                }
                return Response::Json(ToJson(*practice));
              }});

  router.Add(
      {.method = HttpMethod::Put,
       .path = "/api/v1/practices/{id}",
       .permission = Permission::WritePractices,
       .summary = "Creates or replaces a practice; its AE titles and institution names lead to no other one",
       .body = PracticeSchema(),
       .answer = PracticeSchema(),
       .handler = [parts](const Request& request)
       {
         Practice practice = PracticeFromJson(request.Body());
         if (!practice.id.empty() && practice.id != request.Path("id"))
         {
           throw BadInput("The body's id is not the URL's", {{"id", "expected the id of the URL, or none"}});
         }
         practice.id = request.Path("id");
         request.Require(practice.id);
         Transaction transaction(parts.database);
         PracticeStore store(transaction);
         const bool isNew = store.Put(practice);
         const Json::Value stored = ToJson(store.Find(practice.id).value());
         AuditEntry entry = request.Audit(isNew ? "practice.create" : "practice.update");
         entry.practiceId = practice.id;
         AuditTrail::Append(transaction, entry);
         transaction.Commit();
         return Response::Json(stored, isNew ? 201 : 200);
       }});

  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/practices/{id}",
              .permission = Permission::WritePractices,
              .summary = "Deletes a practice to which no record belongs",
              .handler = [parts](const Request& request)
              {
                request.Require(request.Path("id"));
                Transaction transaction(parts.database);
                PracticeStore(transaction).Delete(request.Path("id"));
                AuditEntry entry = request.Audit("practice.delete");
                entry.practiceId = request.Path("id");
                AuditTrail::Append(transaction, entry);
                transaction.Commit();
                return Response::NoContent();
              }});
}
}  // namespace OrthancClinic
