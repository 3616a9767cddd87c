// SPDX-License-Identifier: GPL-3.0-or-later

#include <chrono>
#include <thread>

#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/Filing.h"
#include "Core/Records/PatientStore.h"
#include "ServerRoutes.h"

namespace OrthancClinic::Intake
{
namespace
{
// The CRM's user waits for so long; after that it is told that the import runs on. A thread of Orthanc's HTTP
// server waits with it.
constexpr std::chrono::seconds PATIENCE(5);
constexpr std::chrono::milliseconds LOOK_AGAIN(100);

AuditEntry Audit(const Request& request, const std::string& action, const Import& import)
{
  AuditEntry entry = request.Audit(action);
  entry.practiceId = import.practiceId;
  entry.patientId = import.patientId;
  entry.studyInstanceUid = import.studyInstanceUid;
  entry.detail["import_id"] = import.id;
  entry.detail["server_id"] = import.serverId;
  return entry;
}

// Throws NotFound if the practice has no such patient.
void CheckPatient(Transaction& transaction, const std::string& patientId, const std::string& practiceId)
{
  const auto patient = PatientStore(transaction).Find(patientId);
  if (!patient || patient->practiceId != practiceId)
  {
    throw NotFound("The server's practice has no such patient");
  }
}

Import Start(const ServerParts& parts, const Request& request, const std::string& serverId,
             const std::string& studyInstanceUid, const std::string& patientId)
{
  Transaction transaction(parts.database);
  const RemoteServer server = ServerStore(transaction).Get(serverId);
  request.Require(server.practiceId);
  parts.directory.RequireUsable(server);
  if (!patientId.empty())
  {
    CheckPatient(transaction, patientId, server.practiceId);
  }
  const Import import =
      Importer::Request(transaction, server, studyInstanceUid, patientId, request.Caller().name);
  AuditTrail::Append(transaction, Audit(request, "study.import", import));
  transaction.Commit();
  return import;
}

Import Find(const ServerParts& parts, const std::string& id)
{
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  const Import import = ImportStore(transaction).Get(id);
  transaction.Commit();
  return import;
}

// With the error in the caller's language.
Json::Value Describe(const Request& request, const Import& import)
{
  Json::Value json = ToJson(import);
  if (!import.error.empty())
  {
    json["error"] = request.Translate(import.error);
  }
  return json;
}

Response List(const ServerParts& parts, const Request& request)
{
  const Page page = request.GetPage();
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  const auto [imports, total] = ImportStore(transaction)
                                    .Search({.practices = request.Scope(),
                                             .serverId = request.QueryText("server_id"),
                                             .studyInstanceUid = request.QueryText("study_instance_uid"),
                                             .state = request.QueryText("state"),
                                             .limit = page.limit,
                                             .offset = page.offset});
  transaction.Commit();
  Json::Value items(Json::arrayValue);
  for (const Import& import : imports)
  {
    items.append(Describe(request, parts.importer.WithProgress(import)));
  }
  return Response::List(items, total, page);
}

// Which of the practice's servers has the study; with only one, that one.
std::string ServerWith(const ServerParts& parts, const std::string& practiceId,
                       const std::string& studyInstanceUid)
{
  std::vector<RemoteServer> servers;
  {
    Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
    servers = ServerStore(transaction).List(practiceId);
    transaction.Commit();
  }
  if (servers.empty())
  {
    throw NotFound("The practice has no remote server");
  }
  std::string silent;
  for (const RemoteServer& server : servers)
  {
    if (servers.size() == 1)
    {
      return server.id;
    }
    try
    {
      const auto archive = OpenArchive(parts.surroundings, server);
      if (!Asked([&] { return archive->Find({.studyInstanceUid = studyInstanceUid}, 1); }).studies.empty())
      {
        return server.id;
      }
    }
    catch (const Unavailable& error)
    {
      silent += (silent.empty() ? "" : "; ") + server.id + ": " + error.what();
    }
  }
  if (!silent.empty())
  {
    throw Unavailable("No server that answers has this study. " + silent);
  }
  throw NotFound("None of the practice's servers has this study");
}

Response CrmImport(const ServerParts& parts, const Request& request)
{
  const Json::Value& body = request.Body();
  const std::string lead = body["leadId"].asString();
  const std::string uid = body["studyInstanceUid"].asString();
  std::string practice;
  {
    Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
    const auto patient = PatientStore(transaction).Find(lead);
    transaction.Commit();
    if (!patient)
    {
      throw NotFound("There is no such lead");
    }
    practice = patient->practiceId;
  }
  request.Require(practice);
  const std::string given = body["serverId"].asString();
  Import import = Start(parts, request, given.empty() ? ServerWith(parts, practice, uid) : given, uid, lead);
  const auto until = std::chrono::steady_clock::now() + PATIENCE;
  while (import.IsOpen() && import.error.empty() && std::chrono::steady_clock::now() < until)
  {
    std::this_thread::sleep_for(LOOK_AGAIN);
    import = Find(parts, import.id);
  }
  if (import.state == "failed" && import.error == FILED_ELSEWHERE)
  {
    throw Conflict(import.error);
  }
  if (import.state == "failed")
  {
    throw NotFound(import.error);
  }
  const bool runsOn = import.state != "completed";
  Json::Value answer;
  answer["success"] = true;
  answer["message"] =
      request.Translate(!runsOn                ? "The study was imported"
                        : import.error.empty() ? "The import runs on"
                                               : "The import is tried again soon: " + import.error);
  answer["jobId"] = import.id;
  answer["studyInstanceUid"] = uid;
  return Response::Json(answer, runsOn ? 202 : 200);
}
}  // namespace

void AddImportRoutes(Router& router, const ServerParts& parts)
{
  const Json::Value text = JsonLiteral(R"({"type": "string", "minLength": 1, "maxLength": 128})");

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/servers/{id}/import",
              .permission = Permission::WriteImages,
              .summary = "Fetches a study from the server; `patient_id` is whose it is said to be",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["study_instance_uid"],
                "properties": {
                  "study_instance_uid": {"type": "string", "format": "dicom-uid"},
                  "patient_id": {"type": ["string", "null"], "maxLength": 128}
                }
              })"),
              .handler = [parts](const Request& request)
              {
                const Json::Value& body = request.Body();
                const Import import =
                    Start(parts, request, request.Path("id"), body["study_instance_uid"].asString(),
                          body["patient_id"].asString());
                return Response::Json(Describe(request, import), 202)
                    .Header("Location", "/api/v1/imports/" + import.id);
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/imports",
              .permission = Permission::ReadServers,
              .summary = "What was asked for from remote servers, the latest first",
              .query = {{"practice", "Only this practice's", text},
                        {"server_id", "Only from this server", text},
                        {"study_instance_uid", "Only this study", text},
                        {"state", "Only in this state", JsonLiteral(R"({"type": "string",
                           "enum": ["queued", "running", "completed", "failed", "cancelled"]})")}},
              .paged = true,
              .handler = [parts](const Request& request) { return List(parts, request); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/imports/{id}",
              .permission = Permission::ReadServers,
              .summary = "How far an import is",
              .handler = [parts](const Request& request)
              {
                const Import import = Find(parts, request.Path("id"));
                request.Require(import.practiceId);
                return Response::Json(Describe(request, parts.importer.WithProgress(import)));
              }});

  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/imports/{id}",
              .permission = Permission::WriteImages,
              .summary = "Cancels an import; what is here stays",
              .handler = [parts](const Request& request)
              {
                Transaction transaction(parts.database);
                request.Require(ImportStore(transaction).Get(request.Path("id")).practiceId);
                const Import import = Importer::Cancel(transaction, request.Path("id"));
                AuditTrail::Append(transaction, Audit(request, "study.import.cancel", import));
                transaction.Commit();
                return Response::Json(Describe(request, import));
              }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/dental/dicom/import",
              .permission = Permission::WriteImages,
              .summary = "Fetches a study for a lead, as the dental CRM asks; without `serverId` from the "
                         "practice's server that has it",
              .body = JsonLiteral(R"({
                "type": "object", "required": ["studyInstanceUid", "leadId"],
                "properties": {
                  "studyInstanceUid": {"type": "string", "format": "dicom-uid"},
                  "leadId": {"type": "string", "minLength": 1, "maxLength": 128},
                  "serverId": {"type": ["string", "null"], "maxLength": 64}
                }
              })"),
              .handler = [parts](const Request& request) { return CrmImport(parts, request); }});
}
}  // namespace OrthancClinic::Intake
