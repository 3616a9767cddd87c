// SPDX-License-Identifier: GPL-3.0-or-later

#include "AnalysisRoutes.h"

#include <fmt/format.h>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "Core/Records/Xray.h"
#include "DecisionRecord.h"
#include "Finding.h"
#include "XrayResult.h"

namespace OrthancClinic::Analysis
{
namespace
{
// The one whose answer the result is; null if there is none.
Json::Value UsedDispatch(const Analysis& analysis, const std::vector<Dispatch>& dispatches)
{
  for (const Dispatch& dispatch : dispatches)
  {
    if (dispatch.id == analysis.dispatchId)
    {
      return dispatch.document;
    }
  }
  return {};
}

Analysis Find(AnalysisStore& store, const std::string& id)
{
  auto analysis = store.Find(id);
  if (!analysis)
  {
    throw NotFound("There is no such analysis");
  }
  return *std::move(analysis);
}

AuditEntry Audit(const Request& request, const std::string& action, const Analysis& analysis)
{
  AuditEntry entry = request.Audit(action);
  entry.practiceId = analysis.practiceId;
  entry.studyInstanceUid = analysis.studyInstanceUid;
  entry.detail["analysis_id"] = analysis.id;
  return entry;
}

Response Create(Database& database, Analyzer& analyzer, const Request& request)
{
  const Json::Value& body = request.Body();
  Study study;
  {
    Transaction transaction(database, Transaction::Mode::ReadOnly);
    study = StudyStore(transaction).Get(body["study_uid"].asString());
    transaction.Commit();
  }
  request.Require(study.practiceId);
  const std::string provider =
      body["provider"].asString().empty() ? analyzer.ChooseProvider(study) : body["provider"].asString();
  Transaction transaction(database);
  const Analysis analysis =
      analyzer.Request(transaction, study, provider, body["language"].asString(), request.Caller().name);
  AuditTrail::Append(transaction, Audit(request, "analysis.request", analysis));
  transaction.Commit();
  return Response::Json(ToJson(analysis, {}), 202).Header("Location", "/api/v1/analyses/" + analysis.id);
}

// The analysis of an X-ray that is under way with this provider; else a new one.
Analysis StartOrJoin(Transaction& transaction, Analyzer& analyzer, const Study& study, const Xray& xray,
                     const std::string& provider, const Request& request)
{
  StudyStore(transaction).FindForUpdate(study.orthancStudyId);  // one such call after the other
  for (const Analysis& analysis :
       AnalysisStore(transaction).Search({.orthancStudyId = study.orthancStudyId, .limit = 1000}).first)
  {
    if (analysis.xrayId == xray.id && analysis.provider == provider &&
        (analysis.status == "requested" || analysis.status == "sent" || analysis.status == "answered"))
    {
      return analysis;
    }
  }
  return analyzer.Request(transaction, study, provider, request.Body()["language"].asString(),
                          request.Caller().name, xray.id);
}

// What the dental CRM is told of an analysis that failed.
Response FailedXray(const Analysis& analysis, const std::string& path)
{
  Response response;
  const int status = analysis.failure == Failure::NOT_SENT     ? 422
                     : analysis.failure == Failure::BAD_ANSWER ? 502
                                                               : 503;
  response.http = Problem(status, analysis.error, {}, path);
  return response;
}

Response AnalyzeXray(Database& database, Analyzer& analyzer, const Request& request)
{
  std::optional<Xray> xray;
  std::optional<Study> study;
  {
    Transaction transaction(database, Transaction::Mode::ReadOnly);
    xray = XrayStore(transaction).Find(request.Path("id"));
    study = xray ? StudyStore(transaction).FindByOrthancId(xray->orthancStudyId) : std::nullopt;
    transaction.Commit();
  }
  if (!xray)
  {
    throw NotFound("There is no such X-ray");
  }
  request.Require(xray->practiceId);
  if (!study)
  {
    throw Unavailable("The X-ray has just arrived: try again in a moment");
  }
  const Json::Value& body = request.Body();
  const std::string provider = body.isObject() && body["provider"].isString()
                                   ? body["provider"].asString()
                                   : analyzer.ChooseProvider(*study, xray->id);
  Analysis analysis;
  {
    Transaction transaction(database);
    analysis = StartOrJoin(transaction, analyzer, *study, *xray, provider, request);
    AuditTrail::Append(transaction, Audit(request, "analysis.request", analysis));
    transaction.Commit();
  }
  const auto ended = analyzer.Await(analysis.id);
  if (!ended)
  {
    throw NotFound("The analysis was deleted");
  }
  if (ended->status == "failed")
  {
    return FailedXray(*ended, request.Http().path);
  }
  if (ended->status == "cancelled")
  {
    throw Conflict("The analysis was cancelled");
  }
  Json::Value json;
  json["success"] = true;
  if (!ended->completedAt)
  {
    json["analysisId"] = ended->id;
    json["message"] = request.Translate(ended->error.empty() ? "The analysis goes on"
                                                             : "The analysis waits: " + ended->error);
    return Response::Json(json, 202).Header("Location", "/api/v1/analyses/" + ended->id);
  }
  Transaction transaction(database);
  AnalysisStore store(transaction);
  const auto practice = PracticeStore(transaction).Find(xray->practiceId);
  xray = XrayStore(transaction).Find(xray->id);
  const auto dispatch = store.FindDispatch(ended->dispatchId);
  store.NoteView(ended->id, request.Caller().name);
  transaction.Commit();
  json["xray"] = xray ? ToCrmJson(*xray, practice.value_or(Practice())) : Json::Value();
  json["analysis"] = CrmResult(*ended, dispatch.value_or(Dispatch()), request.Path("id"));
  AuditEntry entry = Audit(request, "analysis.view", *ended);
  entry.patientId = xray ? xray->patientId : "";
  return Response::Json(json).Viewed(entry);
}

Response List(Database& database, const Request& request)
{
  const Page page = request.GetPage();
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  AnalysisFilter filter;
  filter.practices = request.Scope();
  filter.status = request.QueryText("status");
  filter.limit = page.limit;
  filter.offset = page.offset;
  if (request.HasQuery("study_uid"))
  {
    filter.orthancStudyId = StudyStore(transaction).Get(request.QueryText("study_uid")).orthancStudyId;
  }
  AnalysisStore store(transaction);
  const auto [analyses, total] = store.Search(filter);
  Json::Value items(Json::arrayValue);
  AuditEntry entry = request.Audit("analysis.search", filter.practices);
  for (const Analysis& analysis : analyses)
  {
    items.append(ToJson(analysis, store.DispatchesOf(analysis.id)));
    entry.detail["studies"].append(analysis.studyInstanceUid);
  }
  transaction.Commit();
  return Response::List(std::move(items), total, page).Viewed(entry);
}

Response Show(Database& database, const Request& request)
{
  Transaction transaction(database);
  AnalysisStore store(transaction);
  const Analysis analysis = Find(store, request.Path("id"));
  request.Require(analysis.practiceId);
  const auto dispatches = store.DispatchesOf(analysis.id);
  if (!analysis.result.isNull())
  {
    store.NoteView(analysis.id, request.Caller().name);
  }
  transaction.Commit();
  return Response::Json(ToJson(analysis, dispatches)).Viewed(Audit(request, "analysis.view", analysis));
}

Response Print(Database& database, const Request& request)
{
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  AnalysisStore store(transaction);
  const Analysis analysis = Find(store, request.Path("id"));
  const auto dispatch = store.FindDispatch(analysis.dispatchId);
  transaction.Commit();
  return Response::Text(DecisionRecord(analysis, dispatch ? dispatch->document : Json::Value(),
                                       request.QueryText("language", analysis.language)),
                        "text/html; charset=utf-8")
      .Viewed(Audit(request, "analysis.print", analysis));
}

Response Review(Database& database, Analyzer& analyzer, const Request& request)
{
  const std::string reviewer = request.Caller().name;
  if (reviewer == Principal().name)
  {
    throw Conflict("A review needs a person with a name: Orthanc runs without authentication");
  }
  {
    Transaction transaction(database, Transaction::Mode::ReadOnly);
    AnalysisStore store(transaction);
    request.Require(Find(store, request.Path("id")).practiceId);
    transaction.Commit();
  }
  if (request.Body()["findings"].isArray())
  {
    analyzer.CheckEdit(request.Path("id"), request.Body()["findings"]);
  }
  Transaction transaction(database);
  const std::string decision = request.Body()["decision"].asString();
  const Analysis analysis =
      analyzer.Review(transaction, request.Path("id"), reviewer, decision, request.Body());
  AuditEntry entry = Audit(request, "analysis.review", analysis);
  entry.detail["decision"] = decision;
  AuditTrail::Append(transaction, entry);
  const Json::Value json = ToJson(analysis, AnalysisStore(transaction).DispatchesOf(analysis.id));
  transaction.Commit();
  return Response::Json(json);
}

Response Cancel(Database& database, Analyzer& analyzer, const Request& request)
{
  Transaction transaction(database);
  AnalysisStore store(transaction);
  const Analysis analysis = Find(store, request.Path("id"));
  request.Require(analysis.practiceId);
  analyzer.Cancel(transaction, analysis.id);
  AuditTrail::Append(transaction, Audit(request, "analysis.cancel", analysis));
  transaction.Commit();
  return Response::NoContent();
}

Json::Value ReviewSchema()
{
  Json::Value schema = JsonLiteral(R"({
    "type": "object", "additionalProperties": false, "required": ["decision"],
    "properties": {
      "decision": {"type": "string", "enum": ["accept", "edit", "reject"]},
      "comment": {"type": "string", "maxLength": 4000},
      "patient_informed": {"type": "boolean", "description": "Whether the patient was told that software was used."},
      "findings": {"type": "array", "maxItems": 200, "description": "With \"edit\": what is left, changed or added."}
    }
  })");
  schema["properties"]["findings"]["items"] = FindingSchema();
  return schema;
}
}  // namespace

Json::Value ToJson(const Analysis& analysis, const std::vector<Dispatch>& dispatches)
{
  Json::Value json;
  json["id"] = analysis.id;
  json["practice_id"] = analysis.practiceId;
  json["study_uid"] = analysis.studyInstanceUid;
  json["orthanc_study_id"] = analysis.orthancStudyId;
  json["xray_id"] = OrNull(analysis.xrayId);
  json["provider"] = analysis.provider;
  json["language"] = analysis.language;
  json["xray_type"] = OrNull(analysis.xrayType);
  json["status"] = analysis.status;
  json["failure"] = OrNull(analysis.failure);
  json["error"] = OrNull(analysis.error);
  json["requested_by"] = analysis.requestedBy;
  json["requested_at"] = ToString(analysis.requestedAt);
  json["completed_at"] = analysis.completedAt ? Json::Value(ToString(*analysis.completedAt)) : Json::Value();
  json["images"] = analysis.images;
  json["findings"] = analysis.result.isObject() ? analysis.result["findings"] : Json::Value(Json::arrayValue);
  json["summary"] = analysis.result.isObject() ? analysis.result["summary"] : Json::Value();
  const Json::Value used = UsedDispatch(analysis, dispatches);
  json["model"] = used.isObject() ? used["model"] : Json::Value();
  json["prompt_version"] = used.isObject() ? used["prompt_version"] : Json::Value();
  json["made_by_software"] = true;  // and no diagnosis
  const bool hasReport = !analysis.result.isNull() && analysis.completedAt && analysis.error.empty();
  json["report_uid"] = hasReport ? Json::Value(analysis.ReportUid()) : Json::Value();
  const bool isVerified = analysis.status == "accepted" || analysis.status == "edited";
  json["verified_report_uid"] = isVerified ? Json::Value(analysis.VerifiedReportUid()) : Json::Value();
  json["rejection_note_uid"] =
      hasReport && analysis.status == "rejected" ? Json::Value(analysis.RejectionNoteUid()) : Json::Value();
  json["review"] = analysis.review;
  if (analysis.reviewedAt)
  {
    json["review"]["reviewed_by"] = analysis.reviewedBy;
    json["review"]["reviewed_at"] = ToString(*analysis.reviewedAt);
  }
  json["dispatches"] = Json::arrayValue;
  for (const Dispatch& dispatch : dispatches)
  {
    Json::Value item = dispatch.document;
    item["id"] = dispatch.id;
    item["outcome"] = dispatch.outcome;
    item["tokens"] = static_cast<Json::Int64>(dispatch.tokens);
    item["cost"] = static_cast<double>(dispatch.costMicros) / 1e6;
    json["dispatches"].append(item);
  }
  return json;
}

std::string Metrics(Database& database)
{
  std::string text =
      "# HELP orthanc_clinic_analyses Analyses by provider and state.\n# TYPE orthanc_clinic_analyses "
      "gauge\n";
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  std::string provider;
  std::string status;
  long long count = 0;
  Query(
      transaction, "SELECT provider, status, COUNT(*) FROM analyses GROUP BY provider, status ORDER BY 1, 2",
      {},
      [&]
      {
        text += fmt::format("orthanc_clinic_analyses{{provider=\"{}\",status=\"{}\"}} {}\n", provider, status,
                            count);
      },
      provider, status, count);
  long long tokens = 0;
  long long cost = 0;
  std::string costs =
      "# HELP orthanc_clinic_analysis_cost_total Money, by the configured prices.\n"
      "# TYPE orthanc_clinic_analysis_cost_total counter\n";
  text +=
      "# HELP orthanc_clinic_analysis_tokens_total Tokens that were paid for.\n"
      "# TYPE orthanc_clinic_analysis_tokens_total counter\n";
  Query(
      transaction,
      "SELECT provider, CAST(SUM(tokens) AS BIGINT), CAST(SUM(cost_micros) AS BIGINT) FROM "
      "analysis_dispatches GROUP BY "
      "provider ORDER BY 1",
      {},
      [&]
      {
        text += fmt::format("orthanc_clinic_analysis_tokens_total{{provider=\"{}\"}} {}\n", provider, tokens);
        costs += fmt::format("orthanc_clinic_analysis_cost_total{{provider=\"{}\"}} {}\n", provider,
                             static_cast<double>(cost) / 1e6);
      },
      provider, tokens, cost);
  transaction.Commit();
  return text + costs;
}

void AddAnalysisRoutes(Router& router, Database& database, Analyzer& analyzer)
{
  const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 128})");

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/analyses",
              .permission = Permission::WriteAnalyses,
              .summary = "Has a study analysed: 202 with the analysis, whose progress its GET tells",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["study_uid"],
                "properties": {
                  "study_uid": {"type": "string", "minLength": 1, "maxLength": 128, "description": "StudyInstanceUID or orthanc_study_id."},
                  "provider": {"type": "string", "maxLength": 32, "description": "Default: by the rules, else the first that is configured."},
                  "language": {"type": "string", "enum": ["en", "fr", "es", "zh"], "description": "Of the texts; default: the practice's."}
                }
              })"),
              .handler = [&database, &analyzer](const Request& request)
              { return Create(database, analyzer, request); }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/dental/xrays/{id}/analyze",
              .permission = Permission::WriteAnalyses,
              .summary = "Has an X-ray analysed and waits for the result; 202 when that takes longer",
              .body = JsonLiteral(R"({
                "type": ["object", "null"],
                "properties": {
                  "provider": {"type": "string", "minLength": 1, "maxLength": 32, "description": "Default: by the rules, else the first that is configured."},
                  "language": {"type": "string", "enum": ["en", "fr", "es", "zh"], "description": "Of the texts; default: the practice's."}
                }
              })"),
              .handler = [&database, &analyzer](const Request& request)
              { return AnalyzeXray(database, analyzer, request); }});

  router.Add(
      {.method = HttpMethod::Get,
       .path = "/api/v1/analyses",
       .permission = Permission::ReadAnalyses,
       .summary = "Analyses, the last requested first",
       .query = {{"study_uid", "Only of this study", text},
                 {"practice", "Only of this practice", text},
                 {"status", "Only in this state",
                  JsonLiteral(
                      R"({"type": "string", "enum": ["requested", "sent", "answered", "completed", "failed",
                                         "cancelled", "accepted", "edited", "rejected"]})")}},
       .paged = true,
       .handler = [&database](const Request& request) { return List(database, request); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/analyses/{id}",
              .permission = Permission::ReadAnalyses,
              .summary = "One analysis: state, findings, what was sent, who reviewed it",
              .handler = [&database](const Request& request) { return Show(database, request); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/analyses/{id}/record",
              .permission = Permission::ReadAnalyses,
              .summary = "The record of an automated decision (Law 25 s. 12.1), a page to print",
              .query = {{"language", "Of the labels",
                         JsonLiteral(R"({"type": "string", "enum": ["en", "fr", "es", "zh"]})")}},
              .handler = [&database](const Request& request) { return Print(database, request); }});

  router.Add(
      {.method = HttpMethod::Post,
       .path = "/api/v1/analyses/{id}/review",
       .permission = Permission::ReviewAnalyses,
       .summary = "What a person says of a result; it writes a verified report, or a note that rejects it",
       .body = ReviewSchema(),
       .handler = [&database, &analyzer](const Request& request)
       { return Review(database, analyzer, request); }});

  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/analyses/{id}",
              .permission = Permission::WriteAnalyses,
              .summary = "Cancels an analysis that has no answer yet",
              .handler = [&database, &analyzer](const Request& request)
              { return Cancel(database, analyzer, request); }});
}
}  // namespace OrthancClinic::Analysis
