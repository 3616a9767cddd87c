// SPDX-License-Identifier: GPL-3.0-or-later

#include "UploadRoutes.h"

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/Practice.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr std::chrono::milliseconds DECIDED_WITHIN(1500);

// What the form says of whose the files are, checked against what the caller may do.
UploadRequest ReadRequest(const Request& request, Database& database, const Options& options)
{
  const Upload& upload = request.GetUpload();
  UploadRequest read{.patientId = upload.Field("patient_id"), .orderId = upload.Field("order_id")};
  const std::string source = upload.Field("upload_source");
  if (!source.empty())
  {
    if (source != "manual" && source != "api" && source != "cd_import")
    {
      throw BadInput("A field of the form is not valid",
                     {{"upload_source", "expected one of: manual, api, cd_import"}});
    }
    read.source = source;
  }
  read.changes = ReadTagChanges(upload, options);
  read.by = request.Audit("upload.store");
  read.practiceId = upload.Field("practice_id");
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  Uploader::Address(transaction, read);
  if (read.practiceId.empty())
  {
    // Nobody said whose it is: of the caller's only practice, or of the default one.
    const std::string single = request.Scope().Single();
    read.practiceId = single.empty() ? PracticeStore::DEFAULT : single;
  }
  request.Require(read.practiceId);
  if (!PracticeStore(transaction).Find(read.practiceId))
  {
    throw NotFound("There is no such practice");
  }
  transaction.Commit();
  return read;
}

// With what the machine says of it, so that the user confirms or overrules.
Json::Value Describe(const UploadEntry& entry, const std::map<std::string, Json::Value>& decisions)
{
  Json::Value json = ToUploadResponse(entry);
  const auto decision = decisions.find(entry.orthancStudyId);
  if (decision != decisions.end())
  {
    for (const std::string& field : decision->second.getMemberNames())
    {
      json[field] = decision->second[field];
    }
  }
  return json;
}

// Why a file was not stored, in the caller's language.
Json::Value Translated(const Request& request, Json::Value json, const char* field)
{
  if (json[field].isString())
  {
    json[field] = request.Translate(json[field].asString());
  }
  return json;
}

Json::Value JobJson(const Request& request, const UploadJob& job, const std::map<int, Json::Value>& results)
{
  Json::Value json;
  json["id"] = job.id;
  json["job_id"] = job.id;
  json["status"] = job.state;
  json["total_files"] = job.total;
  json["progress"] = job.Progress(results.size());
  json["results"] = Json::arrayValue;
  for (const auto& [number, result] : results)
  {
    json["results"].append(Translated(request, result, "error"));
  }
  json["uploads"] = job.answer.isArray() ? job.answer : Json::Value(Json::arrayValue);
  json["created_at"] = ToString(job.createdAt);
  json["completed_at"] = job.completedAt ? Json::Value(ToString(*job.completedAt)) : Json::Value();
  return json;
}

class UploadHandlers
{
public:
  UploadHandlers(Database& database, Uploader& uploader, std::function<bool()> matches)
      : database_(database), uploader_(uploader), matches_(std::move(matches))
  {
  }

  // One file; an archive of one study's files is taken as well.
  Response One(const Request& request) const
  {
    const UploadRequest read = ReadRequest(request, database_, uploader_.GetOptions());
    CheckFiles(request.GetUpload(), 1);
    const UploadOutcome outcome = uploader_.Store(request.GetUpload(), read);
    outcome.RequireStored();
    const auto decisions = Decisions(outcome);
    Json::Value json = Describe(outcome.entries.front(), decisions);
    json["files"] = Json::arrayValue;
    for (const FileResult& file : outcome.files)
    {
      json["files"].append(Translated(request, ToJson(file), "error"));
    }
    return Response::Json(json);
  }

  Response Many(const Request& request) const
  {
    const UploadRequest read = ReadRequest(request, database_, uploader_.GetOptions());
    const Upload& upload = request.GetUpload();
    CheckFiles(upload, static_cast<size_t>(uploader_.GetOptions().mostFiles));
    if (upload.Field("async") == "true")
    {
      const UploadJob job = uploader_.Begin(upload, read);
      Json::Value json = JobJson(request, job, {});
      json["message"] = request.Translate("The upload is being stored");
      return Response::Json(json, 202).Header("Location", "/api/v1/dicom/upload-jobs/" + job.id);
    }
    const UploadOutcome outcome = uploader_.Store(upload, read);
    const auto decisions = Decisions(outcome);
    Json::Value json;
    json["studies"] = json["uploads"] = json["errors"] = json["skipped"] = json["files"] = Json::arrayValue;
    int successful = 0;
    int failed = 0;
    for (const FileResult& file : outcome.files)
    {
      json["files"].append(Translated(request, ToJson(file), "error"));
      successful += file.IsStored() ? 1 : 0;
      failed += file.status == "failed" ? 1 : 0;
      if (!file.IsStored())
      {
        Json::Value error;
        error["filename"] = file.name;
        error["error"] = request.Translate(file.error);
        json[file.status == "skipped" ? "skipped" : "errors"].append(error);
      }
    }
    json["total_files"] = static_cast<Json::Int64>(outcome.files.size());
    json["successful"] = successful;
    json["failed"] = failed;
    for (const UploadEntry& entry : outcome.entries)
    {
      if (!entry.studyInstanceUid.empty())
      {
        json["studies"].append(entry.studyInstanceUid);
        json["uploads"].append(Describe(entry, decisions));
      }
    }
    return Response::Json(json);
  }

  Response Job(const Request& request) const
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    UploadStore store(transaction);
    const UploadJob job = Own(request, store);
    const auto results = store.JobResults(job.id);
    transaction.Commit();
    AuditEntry audit = request.Audit("upload.view");
    audit.practiceId = job.practiceId;
    return Response::Json(JobJson(request, job, results)).Viewed(audit);
  }

  Response CancelJob(const Request& request) const
  {
    Transaction transaction(database_);
    UploadStore store(transaction);
    const UploadJob job = Own(request, store);
    Uploader::Cancel(transaction, job.id);
    AuditEntry audit = request.Audit("upload.cancel");
    audit.practiceId = job.practiceId;
    AuditTrail::Append(transaction, audit);
    transaction.Commit();
    return Response::NoContent();
  }

  Response Log(const Request& request, const std::string& patientId) const
  {
    UploadFilter filter{.practices = request.Scope(),
                        .patientId = patientId.empty() ? request.QueryText("patient_id") : patientId,
                        .orderId = request.QueryText("order_id"),
                        .uploadedBy = request.QueryText("uploaded_by"),
                        .text = request.QueryText("q"),
                        .limit = request.QueryInteger("limit", 50),
                        .offset = request.QueryInteger("skip", 0)};
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    const auto [entries, total] = UploadStore(transaction).Search(filter);
    transaction.Commit();
    Json::Value json(Json::arrayValue);
    for (const UploadEntry& entry : entries)
    {
      json.append(Translated(request, ToJson(entry), "error_message"));
    }
    AuditEntry audit = request.Audit("upload.list", filter.practices);
    audit.patientId = filter.patientId;
    Response response = Response::Json(json);
    response.Header("X-Total-Count", std::to_string(total)).Viewed(audit);
    return response;
  }

  Response Entry(const Request& request) const
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    const auto entries =
        UploadStore(transaction).Search({.practices = request.Scope(), .id = request.Path("id")}).first;
    transaction.Commit();
    if (entries.empty())
    {
      throw NotFound("There is no such upload");
    }
    const UploadEntry& entry = entries.front();
    AuditEntry audit = request.Audit("upload.view");
    audit.practiceId = entry.practiceId;
    audit.patientId = entry.patientId;
    audit.studyInstanceUid = entry.studyInstanceUid;
    return Response::Json(Translated(request, ToJson(entry), "error_message")).Viewed(audit);
  }

private:
  static void CheckFiles(const Upload& upload, size_t most)
  {
    const size_t files = upload.Files().size();
    if (files == 0)
    {
      throw BadInput("The form has no file", {{most == 1 ? "file" : "files", "missing"}});
    }
    if (files > most)
    {
      throw BadInput(most == 1 ? "This call takes one file, upload-multiple takes several"
                               : "The upload has more than " + std::to_string(most) + " files");
    }
  }

  // A job is shown to whoever began it.
  static UploadJob Own(const Request& request, UploadStore& store)
  {
    const auto job = store.FindJob(request.Path("id"));
    if (!job || job->owner != request.Caller().name)
    {
      throw NotFound("There is no such upload");
    }
    request.Require(job->practiceId);
    return *job;
  }

  std::map<std::string, Json::Value> Decisions(const UploadOutcome& outcome) const
  {
    return matches_() ? uploader_.AwaitDecisions(outcome, DECIDED_WITHIN)
                      : std::map<std::string, Json::Value>();
  }

  Database& database_;
  Uploader& uploader_;
  const std::function<bool()> matches_;
};

Json::Value FormSchema(bool many)
{
  Json::Value schema = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "patient_id": {"type": "string", "description": "To whom it is filed; without it, the images decide."},
      "order_id": {"type": "string", "description": "Which order it fulfils."},
      "practice_id": {"type": "string", "description": "Whose it is, where no patient is named."},
      "upload_source": {"type": "string", "enum": ["manual", "api", "cd_import"], "default": "manual"},
      "tag_modifications": {"type": "string", "description": "A JSON object of keywords and new values."}
    }
  })");
  AddFiles(schema, many);
  if (many)
  {
    schema["properties"]["async"] =
        JsonLiteral(R"({"type": "string", "description": "\"true\": answered 202 at once, with a job."})");
  }
  return schema;
}

const std::vector<QueryParameter>& LogQuery()
{
  static const std::vector<QueryParameter> QUERY = {
      {"skip", "How many to skip",
       JsonLiteral(R"({"type": "integer", "minimum": 0, "maximum": 1000000000, "default": 0})")},
      {"limit", "How many at most",
       JsonLiteral(R"({"type": "integer", "minimum": 1, "maximum": 1000, "default": 50})")},
      {"patient_id", "Filed to this patient", JsonLiteral(R"({"type": "string"})")},
      {"order_id", "Filed to this order", JsonLiteral(R"({"type": "string"})")},
      {"uploaded_by", "By this user", JsonLiteral(R"({"type": "string"})")},
      {"q", "Words of the patient's name or number, the accession number or the description",
       JsonLiteral(R"({"type": "string"})")},
      {"practice", "Of this practice", JsonLiteral(R"({"type": "string"})")}};
  return QUERY;
}
}  // namespace

void AddFiles(Json::Value& schema, bool many)
{
  schema["properties"][many ? "files" : "file"] =
      JsonLiteral(many ? R"({"type": "array", "items": {"type": "string", "format": "binary"}})"
                       : R"({"type": "string", "format": "binary"})");
}

TagChanges ReadTagChanges(const Upload& upload, const Options& options)
{
  std::optional<TagChanges> changes;
  for (const char* field : {"tag_modifications", "tags"})
  {
    const auto text = upload.FindField(field);
    if (!text || text->empty())
    {
      continue;
    }
    try
    {
      TagChanges read = ReadTagChanges(ParseJson(*text), options.modifiableTags);
      if (changes && *changes != read)
      {
        throw BadInput("A field of the form is not valid",
                       {{field, "says something else than tag_modifications"}});
      }
      changes = std::move(read);
    }
    catch (const BadInput& error)
    {
      throw error.Fields().empty() ? BadInput("A field of the form is not valid", {{field, error.what()}})
                                   : error;
    }
  }
  return changes.value_or(TagChanges());
}

void AddUploadRoutes(Router& router, Database& database, Uploader& uploader, std::function<bool()> matches)
{
  const auto handlers = std::make_shared<UploadHandlers>(database, uploader, std::move(matches));
  const uint64_t most = uploader.GetOptions().LongestUploadForm();
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/dicom/upload",
              .permission = Permission::WriteImages,
              .summary = "Store a DICOM file",
              .body = FormSchema(false),
              .upload = true,
              .maxBody = most,
              .handler = [handlers](const Request& request) { return handlers->One(request); }});
  for (const char* path : {"/api/v1/dicom/upload-multiple", "/api/v1/dicom/upload-zip"})
  {
    router.Add({.method = HttpMethod::Post,
                .path = path,
                .permission = Permission::WriteImages,
                .summary = "Store DICOM files, and those in ZIP archives",
                .body = FormSchema(true),
                .upload = true,
                .maxBody = most,
                .handler = [handlers](const Request& request) { return handlers->Many(request); }});
  }
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/dicom/upload-jobs/{id}",
              .permission = Permission::WriteImages,
              .summary = "How far an upload is that runs as a job",
              .handler = [handlers](const Request& request) { return handlers->Job(request); }});
  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/dicom/upload-jobs/{id}",
              .permission = Permission::WriteImages,
              .summary = "Cancel an upload that runs as a job; what is stored stays",
              .handler = [handlers](const Request& request) { return handlers->CancelJob(request); }});
  for (const std::string log : {"/api/v1/dicom/uploads", "/api/v1/dicom/upload-logs"})
  {
    router.Add({.method = HttpMethod::Get,
                .path = log,
                .permission = Permission::ReadStudies,
                .summary = "The log of uploads, the last first",
                .query = LogQuery(),
                .handler = [handlers](const Request& request) { return handlers->Log(request, ""); }});
    router.Add({.method = HttpMethod::Get,
                .path = log + "/patient/{patient_id}",
                .permission = Permission::ReadStudies,
                .summary = "What was uploaded for a patient",
                .query = LogQuery(),
                .handler = [handlers](const Request& request)
                { return handlers->Log(request, request.Path("patient_id")); }});
    router.Add({.method = HttpMethod::Get,
                .path = log + "/{id}",
                .permission = Permission::ReadStudies,
                .summary = "One entry of the log",
                .handler = [handlers](const Request& request) { return handlers->Entry(request); }});
  }
}
}  // namespace OrthancClinic::Intake
