// SPDX-License-Identifier: GPL-3.0-or-later

#include "ServerRoutes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <tuple>

#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr size_t LONGEST_ID = 64;
constexpr size_t MOST_OF_CRM = 500;

const Json::Value& ServerSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object", "additionalProperties": false, "required": ["kind"],
    "properties": {
      "id": {"type": "string", "minLength": 1, "maxLength": 64},
      "practice_id": {"type": "string", "minLength": 1, "maxLength": 128},
      "name": {"type": "string", "maxLength": 128},
      "kind": {"enum": ["dicom", "dicomweb", "orthanc"]},
      "timeout_seconds": {"type": "integer", "minimum": 1, "maximum": 120},
      "ae_title": {"type": "string", "format": "ae-title"},
      "host": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,255}$"},
      "port": {"type": "integer", "minimum": 1, "maximum": 65534},
      "manufacturer": {"enum": ["Generic", "GenericNoWildcardInDates", "GenericNoUniversalWildcard", "Vitrea", "GE"]},
      "local_ae_title": {"type": ["string", "null"], "format": "ae-title"},
      "tls": {"type": "boolean"},
      "allow": {"type": "array", "uniqueItems": true,
                "items": {"enum": ["echo", "store", "find", "find_worklist", "move", "get"]}},
      "retrieve_by": {"enum": ["move", "get"]},
      "utf8": {"type": "boolean"},
      "url": {"type": "string", "maxLength": 2048, "pattern": "^https?://[A-Za-z0-9._~:/%\\[\\]-]+$"},
      "user": {"type": ["string", "null"], "maxLength": 255, "pattern": "^[^:]*$"},
      "password": {"type": ["string", "null"], "maxLength": 1024, "writeOnly": true},
      "token": {"type": ["string", "null"], "maxLength": 8192, "pattern": "^[!-~]*$", "writeOnly": true},
      "has_password": {"type": "boolean", "readOnly": true},
      "has_token": {"type": "boolean", "readOnly": true},
      "problem": {"type": ["string", "null"], "readOnly": true},
      "updated_at": {"type": ["string", "null"], "format": "date-time"}
    }
  })");
  return SCHEMA;
}

// Throws BadInput if the kind lacks what it needs, or has what it cannot use.
void CheckFields(const Json::Value& body)
{
  static constexpr std::tuple<const char*, bool, bool> FIELDS[] = {
      // of a DICOM server, and needed
      {"ae_title", true, true},        {"host", true, true},
      {"port", true, false},           {"manufacturer", true, false},
      {"local_ae_title", true, false}, {"tls", true, false},
      {"allow", true, false},          {"retrieve_by", true, false},
      {"utf8", true, false},           {"url", false, true},
      {"user", false, false},          {"password", false, false},
      {"token", false, false}};
  const std::string kind = body["kind"].asString();
  std::vector<FieldError> errors;
  for (const auto& [field, ofDicom, needed] : FIELDS)
  {
    const bool fits = ofDicom == (kind == "dicom");
    if (fits && needed && !body.isMember(field))
    {
      errors.push_back({field, "expected, for a server of the kind " + kind});
    }
    if (!fits && body.isMember(field))
    {
      errors.push_back({field, "expected none, for a server of the kind " + kind});
    }
  }
  if (!body["token"].asString().empty() && !body["user"].asString().empty())
  {
    errors.push_back({"token", "expected none beside a user"});
  }
  if (!errors.empty())
  {
    throw BadInput("The server is not valid", errors);
  }
}

void CheckId(const std::string& id)
{
  const bool good = id.size() <= LONGEST_ID &&
                    std::all_of(id.begin(), id.end(),
                                [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
  if (!good)
  {
    throw BadInput("Orthanc allows only letters, digits, '-' and '_' in the name of a server");
  }
}

bool CanGet(IOrthanc& orthanc)
{
  // "mainline" or "1.12.10".
  const std::string version = orthanc.Get("/system")["Version"].asString();
  int numbers[3] = {0, 0, 0};
  if (std::sscanf(version.c_str(), "%d.%d.%d", &numbers[0], &numbers[1], &numbers[2]) != 3)
  {
    return version == "mainline";
  }
  return std::tie(numbers[0], numbers[1], numbers[2]) >= std::make_tuple(1, 12, 7);
}

Json::Value Describe(const ServerParts& parts, const RemoteServer& server)
{
  const auto problems = parts.directory.Problems();
  const auto problem = problems.find(server.id);
  Json::Value json = ToJson(server);
  json["problem"] = problem == problems.end() ? Json::Value() : Json::Value(problem->second);
  return json;
}

AuditEntry Audit(const Request& request, const std::string& action, const RemoteServer& server)
{
  AuditEntry entry = request.Audit(action);
  entry.practiceId = server.practiceId;
  entry.detail["server_id"] = server.id;
  return entry;
}

// The server, if the caller has the route's permission in its practice.
RemoteServer Find(const ServerParts& parts, const Request& request, const std::string& id)
{
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  RemoteServer server = ServerStore(transaction).Get(id);
  transaction.Commit();
  request.Require(server.practiceId);
  return server;
}

// The same, ready to be called.
RemoteServer FindUsable(const ServerParts& parts, const Request& request, const std::string& id)
{
  RemoteServer server = Find(parts, request, id);
  parts.directory.RequireUsable(server);
  return server;
}

Response Put(const ServerParts& parts, const Request& request)
{
  const Json::Value& body = request.Body();
  CheckFields(body);
  RemoteServer server = ServerFromJson(body);
  if (!server.id.empty() && server.id != request.Path("id"))
  {
    throw BadInput("The body's id is not the URL's", {{"id", "expected the id of the URL, or none"}});
  }
  server.id = request.Path("id");
  CheckId(server.id);
  if (server.practiceId.empty())
  {
    const std::string own = request.Scope().Single();
    server.practiceId = own.empty() ? PracticeStore::DEFAULT : own;
  }
  request.Require(server.practiceId);
  if (server.getInsteadOfMove && !CanGet(parts.surroundings.orthanc))
  {
    throw BadInput("This Orthanc cannot fetch by C-GET: its version 1.12.7 is the first that can",
                   {{"retrieve_by", "expected \"move\""}});
  }
  parts.directory.CheckName(server);
  server.updatedAt = Now();

  Transaction transaction(parts.database);
  ServerStore store(transaction);
  const auto known = store.Find(server.id);
  if (known)
  {
    request.Require(known->practiceId);
  }
  if (!PracticeStore(transaction).Find(server.practiceId))
  {
    throw BadInput("There is no such practice", {{"practice_id", "expected the id of a practice"}});
  }
  // A secret that is not given again stays, but never goes to another address or under another name.
  if (known && known->kind == server.kind && known->url == server.url && known->user == server.user)
  {
    server.password = body.isMember("password") ? server.password : known->password;
    server.token = body.isMember("token") ? server.token : known->token;
  }
  const bool isNew = store.Put(server);
  AuditTrail::Append(transaction, Audit(request, isNew ? "server.create" : "server.update", server));
  transaction.Commit();
  parts.directory.Synchronise();
  return Response::Json(Describe(parts, server), isNew ? 201 : 200);
}

Response Delete(const ServerParts& parts, const Request& request)
{
  Transaction transaction(parts.database);
  ServerStore store(transaction);
  const RemoteServer server = store.Get(request.Path("id"));
  store.Delete(server.id);
  AuditTrail::Append(transaction, Audit(request, "server.delete", server));
  transaction.Commit();
  parts.directory.Synchronise();
  return Response::NoContent();
}

Response Echo(const ServerParts& parts, const Request& request)
{
  const RemoteServer server = FindUsable(parts, request, request.Path("id"));
  const auto archive = OpenArchive(parts.surroundings, server);
  Json::Value body;
  const auto begin = std::chrono::steady_clock::now();
  try
  {
    Asked([&] { archive->Echo(); });
    body["reachable"] = true;
    body["error"] = Json::Value();
  }
  catch (const Unavailable& error)
  {
    body["reachable"] = false;
    body["error"] = request.Translate(error);
  }
  const auto passed = std::chrono::steady_clock::now() - begin;
  body["latency_ms"] =
      static_cast<Json::Int64>(std::chrono::duration_cast<std::chrono::milliseconds>(passed).count());
  return Response::Json(body);
}

FoundStudies Query(const ServerParts& parts, const RemoteServer& server, const StudyQuery& query,
                   size_t limit)
{
  Check(query);
  return Asked([&] { return OpenArchive(parts.surroundings, server)->Find(query, limit); });
}

AuditEntry QueryAudit(const Request& request, const RemoteServer& server, const FoundStudies& found)
{
  AuditEntry entry = Audit(request, "server.query", server);
  entry.detail["studies"] = static_cast<Json::UInt64>(found.studies.size());
  return entry;
}

Response QueryRoute(const ServerParts& parts, const Request& request)
{
  const RemoteServer server = FindUsable(parts, request, request.Path("id"));
  const Json::Value& body = request.Body();
  const auto text = [&](const char* name) { return body[name].asString(); };
  const StudyQuery query = {.patientId = text("patient_id"),
                            .patientName = text("patient_name"),
                            .patientBirthDate = text("patient_birth_date"),
                            .dateFrom = text("study_date_from"),
                            .dateTo = text("study_date_to"),
                            .modality = text("modality"),
                            .accessionNumber = text("accession_number"),
                            .studyDescription = text("study_description"),
                            .studyInstanceUid = text("study_instance_uid")};
  const FoundStudies found =
      Query(parts, server, query, static_cast<size_t>(body.get("limit", 100).asUInt64()));
  Json::Value answer;
  answer["studies"] = Json::arrayValue;
  for (const RemoteStudy& study : found.studies)
  {
    answer["studies"].append(ToJson(study));
  }
  answer["count"] = static_cast<Json::UInt64>(found.studies.size());
  answer["complete"] = found.complete;
  return Response::Json(answer).Viewed(QueryAudit(request, server, found));
}

// "2026-02-08", "20260208", "20260101-20260208", "20260101-": the CRM's one field.
void ReadDates(const std::string& text, StudyQuery& query)
{
  std::string dates = text;
  if (dates.size() == 10 && dates[4] == '-' && dates[7] == '-')
  {
    std::erase(dates, '-');
  }
  const size_t dash = dates.find('-');
  query.dateFrom = dates.substr(0, dash);
  query.dateTo = dash == std::string::npos ? dates : dates.substr(dash + 1);
}

// The same faults, in the CRM's names of the fields.
[[noreturn]] void RefuseInCrmsWords(const BadInput& refusal)
{
  static const std::map<std::string, std::string> NAMES = {{"patient_id", "patientId"},
                                                           {"patient_name", "patientName"},
                                                           {"study_date_from", "studyDate"},
                                                           {"study_date_to", "studyDate"}};
  std::vector<FieldError> errors = refusal.Fields();
  for (FieldError& error : errors)
  {
    const auto name = NAMES.find(error.field);
    error.field = name == NAMES.end() ? error.field : name->second;
  }
  throw BadInput(refusal.what(), errors);
}

Response CrmQuery(const ServerParts& parts, const Request& request)
{
  const Json::Value& body = request.Body();
  const RemoteServer server = FindUsable(parts, request, body["serverId"].asString());
  StudyQuery query = {.patientId = body["patientId"].asString(),
                      .patientName = body["patientName"].asString(),
                      .modality = body["modality"].asString()};
  ReadDates(body["studyDate"].asString(), query);
  try
  {
    Check(query);
  }
  catch (const BadInput& refusal)
  {
    RefuseInCrmsWords(refusal);
  }
  const FoundStudies found = Query(parts, server, query, MOST_OF_CRM);
  Json::Value answer;
  answer["success"] = true;
  answer["studies"] = Json::arrayValue;
  for (const RemoteStudy& study : found.studies)
  {
    Json::Value json;
    json["studyInstanceUid"] = study.studyInstanceUid;
    json["patientId"] = study.patientId;
    json["patientName"] = study.patientName;
    json["studyDate"] = study.date;
    json["studyTime"] = study.time;
    json["modality"] = study.modalities.empty() ? "" : study.modalities.front();
    json["studyDescription"] = study.description;
    json["seriesCount"] = study.series;
    json["instanceCount"] = study.instances;
    answer["studies"].append(json);
  }
  answer["count"] = static_cast<Json::UInt64>(found.studies.size());
  return Response::Json(answer).Viewed(QueryAudit(request, server, found));
}
}  // namespace

void AddServerRoutes(Router& router, const ServerParts& parts)
{
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/servers",
              .permission = Permission::ReadServers,
              .summary = "The remote servers of the caller's practices",
              .query = {{"practice", "Only this practice's",
                         JsonLiteral(R"({"type": "string", "minLength": 1, "maxLength": 128})")}},
              .handler = [parts](const Request& request)
              {
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const auto servers = ServerStore(transaction).List(request.Scope());
                transaction.Commit();
                Json::Value body;
                body["items"] = Json::arrayValue;
                for (const RemoteServer& server : servers)
                {
                  body["items"].append(Describe(parts, server));
                }
                body["total"] = static_cast<Json::UInt64>(servers.size());
                return Response::Json(body);
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/servers/{id}",
              .permission = Permission::ReadServers,
              .summary = "A remote server, without its secrets",
              .answer = ServerSchema(),
              .handler = [parts](const Request& request)
              { return Response::Json(Describe(parts, Find(parts, request, request.Path("id")))); }});

  router.Add({.method = HttpMethod::Put,
              .path = "/api/v1/servers/{id}",
              .permission = Permission::WriteServers,
              .summary = "Creates or replaces a remote server; secrets that are not given stay as they are, "
                         "unless URL or user change",
              .body = ServerSchema(),
              .answer = ServerSchema(),
              .handler = [parts](const Request& request) { return Put(parts, request); }});

  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/servers/{id}",
              .permission = Permission::WriteServers,
              .summary = "Forgets a remote server; what came from it stays",
              .handler = [parts](const Request& request) { return Delete(parts, request); }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/servers/{id}/echo",
              .permission = Permission::ReadServers,
              .summary = "Whether the server answers, how fast, and if not, why",
              .handler = [parts](const Request& request) { return Echo(parts, request); }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/servers/{id}/query",
              .permission = Permission::ReadServers,
              .summary = "The studies that the server has",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false,
                "properties": {
                  "patient_id": {"type": "string", "maxLength": 64},
                  "patient_name": {"type": "string", "maxLength": 64},
                  "patient_birth_date": {"type": "string", "maxLength": 8},
                  "study_date_from": {"type": "string", "maxLength": 8},
                  "study_date_to": {"type": "string", "maxLength": 8},
                  "modality": {"type": "string", "pattern": "^[A-Z0-9_]{0,16}$"},
                  "accession_number": {"type": "string", "maxLength": 16},
                  "study_description": {"type": "string", "maxLength": 64},
                  "study_instance_uid": {"type": "string", "format": "dicom-uid"},
                  "limit": {"type": "integer", "minimum": 1, "maximum": 1000}
                }
              })"),
              .handler = [parts](const Request& request) { return QueryRoute(parts, request); }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/dental/dicom/query",
              .permission = Permission::ReadServers,
              .summary = "The studies that a server has, as the dental CRM asks",
              .body = JsonLiteral(R"({
                "type": "object", "required": ["serverId"],
                "properties": {
                  "serverId": {"type": "string", "minLength": 1, "maxLength": 64},
                  "patientId": {"type": ["string", "null"], "maxLength": 64},
                  "patientName": {"type": ["string", "null"], "maxLength": 64},
                  "studyDate": {"type": ["string", "null"], "maxLength": 17},
                  "modality": {"type": ["string", "null"], "pattern": "^[A-Z0-9_]{0,16}$"}
                }
              })"),
              .handler = [parts](const Request& request) { return CrmQuery(parts, request); }});
}
}  // namespace OrthancClinic::Intake
