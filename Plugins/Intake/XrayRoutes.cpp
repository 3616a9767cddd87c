// SPDX-License-Identifier: GPL-3.0-or-later

#include "XrayRoutes.h"

#include <cmath>
#include <map>

#include "Core/Errors.h"
#include "Core/Identity/LookLog.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/Practice.h"
#include "Core/Records/Xray.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr unsigned FULL = 2048;  // pixels of the longer edge: what the CRM calls the full image

Practice PracticeOf(Transaction& transaction, const std::string& id)
{
  return PracticeStore(transaction).Find(id).value_or(Practice{.id = id});
}

Response ListXrays(Database& database, const Request& request)
{
  const PracticeScope scope = request.Scope();
  XrayFilter filter;
  filter.practices = scope;
  filter.clinicId = request.QueryText("clinicId");
  filter.limit = request.QueryInteger("limit", 0);
  filter.offset = request.QueryInteger("offset", 0);
  AuditEntry entry = request.Audit("xray.list", scope);

  Transaction transaction(database, Transaction::Mode::ReadOnly);
  if (const std::string lead = request.QueryText("leadId"); !lead.empty())
  {
    filter.patientId = PatientStore(transaction).SurvivorOf(lead);
    entry.patientId = filter.patientId;
  }
  const auto [xrays, total] = XrayStore(transaction).Search(filter);
  std::map<std::string, Practice> practices;
  Json::Value items(Json::arrayValue);
  for (const Xray& xray : xrays)
  {
    auto practice = practices.find(xray.practiceId);
    if (practice == practices.end())
    {
      practice = practices.emplace(xray.practiceId, PracticeOf(transaction, xray.practiceId)).first;
    }
    items.append(ToCrmJson(xray, practice->second));
    entry.detail["xrays"].append(xray.id);
  }
  transaction.Commit();
  return Response::Json(std::move(items)).Header("X-Total-Count", std::to_string(total)).Viewed(entry);
}

// The X-ray that the path names.
Xray GetXray(Transaction& transaction, const Request& request)
{
  auto xray = XrayStore(transaction).Find(request.Path("id"));
  if (!xray)
  {
    throw NotFound("There is no such X-ray");
  }
  request.Require(xray->practiceId);
  return *std::move(xray);
}

AuditEntry Audit(const Request& request, const std::string& action, const Xray& xray)
{
  AuditEntry entry = request.Audit(action);
  entry.practiceId = xray.practiceId;
  entry.patientId = xray.patientId;
  entry.studyInstanceUid = xray.studyInstanceUid;
  entry.detail["xray"] = xray.id;
  return entry;
}

Response ShowXray(Database& database, const Request& request)
{
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  const Xray xray = GetXray(transaction, request);
  const Practice practice = PracticeOf(transaction, xray.practiceId);
  transaction.Commit();
  return Response::Json(ToCrmJson(xray, practice)).Viewed(Audit(request, "xray.view", xray));
}

// What the CRM shows beside the image: how much smaller the one is that its users look at.
void NoteSize(Database& database, const Xray& xray, int64_t size)
{
  const double original = xray.document["original_size"].asDouble();
  if (xray.document.isMember("compressed_size") || original <= 0)
  {
    return;
  }
  Transaction transaction(database);
  XrayStore store(transaction);
  // Only of one that is still there.
  if (store.Find(xray.id))
  {
    Xray now = store.Lock(xray);
    now.document["compressed_size"] = static_cast<Json::Int64>(size);
    now.document["compression_ratio"] = std::round(original / static_cast<double>(size) * 100) / 100;
    store.Put(now);
  }
  transaction.Commit();
}

Response ShowImage(Database& database, Preview& preview, LookLog& looks, Measurements& measurements,
                   const Request& request)
{
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  const Xray xray = GetXray(transaction, request);
  transaction.Commit();
  PreviewWish wish;
  wish.longEdge = static_cast<unsigned>(request.QueryInteger("size", FULL));
  wish.format = request.QueryText("format") == "png" ? PreviewWish::Format::Png : PreviewWish::Format::Jpeg;
  looks.Write(Audit(request, "xray.view_image", xray));

  const std::string etag = preview.ETag(xray.orthancInstanceId, wish);
  if (request.Has(etag))
  {
    return Response::Text("", "image/jpeg").ETag(etag);  // the router makes 304 of it: nothing is rendered
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto image = preview.Make(xray.orthancInstanceId, wish);
  measurements.Add("preview", std::chrono::steady_clock::now() - begin, StepOutcome::Done);
  if (wish.longEdge == FULL && wish.format == PreviewWish::Format::Jpeg)
  {
    NoteSize(database, xray, static_cast<int64_t>(image->bytes.size()));
  }
  return Response::Text(image->bytes, image->contentType)
      .ETag(image->etag)
      .Header("Cache-Control", "private, no-cache");
}
}  // namespace

void AddXrayRoutes(Clinic& clinic, Preview& preview)
{
  static LookLog looks(clinic.Database());
  Router& router = clinic.Routes();
  Database& database = clinic.Database();
  const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 128})");

  router.Add(
      {.method = HttpMethod::Get,
       .path = "/api/dental/xrays",
       .permission = Permission::ReadStudies,
       .summary = "The dental X-rays of a lead, the last taken first; the total in X-Total-Count",
       .query = {{"leadId", "Only of this lead or patient", text},
                 {"clinicId", "Only those that were filed to this clinic of the CRM", text},
                 {"limit", "At most so many",
                  JsonLiteral(R"({"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000})")},
                 {"offset", "Without the first so many",
                  JsonLiteral(R"({"type": "integer", "minimum": 0, "default": 0})")}},
       .answer = JsonLiteral(R"({"type": "array", "items": {"type": "object"}})"),
       .handler = [&database](const Request& request) { return ListXrays(database, request); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/dental/xrays/{id}",
              .permission = Permission::ReadStudies,
              .summary = "One dental X-ray",
              .handler = [&database](const Request& request) { return ShowXray(database, request); }});

  router.Add(
      {.method = HttpMethod::Get,
       .path = "/api/dental/xrays/{id}/image",
       .permission = Permission::ReadImages,
       .summary = "The image of a dental X-ray; of a volume, its middle one",
       .query = {{"size", "Pixels at most of the longer edge; 0: as many as the image has",
                  JsonLiteral(R"({"type": "integer", "minimum": 0, "maximum": 8192, "default": 2048})")},
                 {"format", "jpeg (progressive) or png",
                  JsonLiteral(R"({"type": "string", "enum": ["jpeg", "png"], "default": "jpeg"})")}},
       .handler = [&database, &preview, &measurements = clinic.Tasks().Measurements()](const Request& request)
       { return ShowImage(database, preview, looks, measurements, request); }});
}
}  // namespace OrthancClinic::Intake
