// SPDX-License-Identifier: GPL-3.0-or-later

#include "ViewerRoutes.h"

#include <fmt/format.h>

#include <algorithm>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/StudyStore.h"
#include "Core/Uuid.h"

namespace OrthancClinic::Viewer
{
namespace
{
constexpr size_t MOST_COMPARED = 10;
constexpr int64_t LONGEST_LINK = 30LL * 24 * 3600;  // seconds

std::string BaseUrl(const Options& options, const Request& request)
{
  if (!options.publicUrl.empty())
  {
    return options.publicUrl;
  }
  const std::string host = FindHeader(request.Http(), "host");
  return host.empty() ? "" : (options.secureCookies ? "https://" : "http://") + host;
}

// Where OHIF shows the studies: one, or several side by side.
std::string OhifPath(const std::vector<std::string>& uids)
{
  std::string list;
  for (const std::string& uid : uids)
  {
    list += (list.empty() ? "" : ",") + uid;
  }
  return "/ohif/viewer?StudyInstanceUIDs=" + list +
         (uids.size() > 1 ? "&hangingprotocolId=@ohif/hpCompare" : "");
}

std::vector<std::string> Uids(const std::vector<LinkedStudy>& studies)
{
  std::vector<std::string> uids;
  for (const LinkedStudy& study : studies)
  {
    uids.push_back(study.uid);
  }
  return uids;
}

// The studies as the caller may share them; throws NotFound naming those that they may not, or that are not
// there.
std::vector<LinkedStudy> Find(Transaction& transaction, const Request& request,
                              const std::vector<std::string>& uids, Permission permission)
{
  std::vector<LinkedStudy> studies;
  std::string missing;
  for (const std::string& uid : uids)
  {
    try
    {
      const Study study = StudyStore(transaction).Get(uid);
      if (!request.Caller().May(permission, study.practiceId))
      {
        throw NotFound("");
      }
      studies.push_back({study.studyInstanceUid, study.practiceId});
    }
    catch (const NotFound&)
    {
      missing += (missing.empty() ? "" : ", ") + uid;
    }
  }
  if (!missing.empty())
  {
    throw NotFound("There is no such study: " + missing);
  }
  return studies;
}

std::string MakeLink(Transaction& transaction, const Request& request, Link& link)
{
  const std::string secret = RandomSecret();
  link.id = NewUuid();
  link.createdBy = request.Caller().name;
  link.createdAt = Now();
  LinkStore store(transaction);
  store.DeleteExpired();
  store.Insert(link, secret);
  for (const LinkedStudy& study : link.studies)
  {
    AuditEntry entry = request.Audit("viewer.link");
    entry.permission.reset();  // checked for each study
    entry.practiceId = study.practiceId;
    entry.studyInstanceUid = study.uid;
    entry.detail["link"] = link.id;
    AuditTrail::Append(transaction, entry);
  }
  return secret;
}

// The secret stands after the '#': a browser sends it to no server, so that no log has it.
std::string OpenUrl(const Options& options, const Request& request, const std::string& secret)
{
  return BaseUrl(options, request) + "/viewer/open#" + secret;
}

// An address that opens the studies for whoever has it, if the caller may share them all; else one for those
// who have signed in.
Json::Value Address(const ViewerParts& parts, Transaction& transaction, const Request& request,
                    const std::vector<LinkedStudy>& studies)
{
  Json::Value json;
  const bool mayShare = std::all_of(studies.begin(), studies.end(),
                                    [&](const LinkedStudy& study) {
                                      return request.Caller().May(Permission::ShareStudies, study.practiceId);
                                    });
  if (mayShare && !studies.empty())
  {
    Link link;
    link.studies = studies;
    link.expiresAt = Now() + std::chrono::minutes(parts.options.linkMinutes);
    json["url"] = OpenUrl(parts.options, request, MakeLink(transaction, request, link));
    json["expires_at"] = ToString(link.expiresAt);
  }
  else
  {
    json["url"] = BaseUrl(parts.options, request) + OhifPath(Uids(studies));
  }
  json["study_uids"] = Json::arrayValue;
  for (const LinkedStudy& study : studies)
  {
    json["study_uids"].append(study.uid);
  }
  json["study_count"] = static_cast<Json::UInt64>(studies.size());
  return json;
}

Response UrlOfStudy(const ViewerParts& parts, const Request& request)
{
  Transaction transaction(parts.database);
  const auto studies = Find(transaction, request, {request.Path("study_uid")}, Permission::ReadImages);
  request.Require(studies.front().practiceId);
  Json::Value json = Address(parts, transaction, request, studies);
  json["study_uid"] = studies.front().uid;
  transaction.Commit();
  return Response::Json(json);
}

Response UrlOfOrder(const ViewerParts& parts, const Request& request)
{
  Transaction transaction(parts.database);
  OrderStore orders(transaction);
  const Order order = orders.Get(request.Path("order_id"));
  request.Require(order.practiceId);
  std::vector<LinkedStudy> studies;
  for (const OrderLink& link : orders.LinksOfOrder(order.id))
  {
    const auto study = StudyStore(transaction).FindByOrthancId(link.orthancStudyId);
    if (link.linked && study)
    {
      studies.push_back({study->studyInstanceUid, study->practiceId});
    }
  }
  if (studies.empty())
  {
    throw NotFound("The order has no study yet");
  }
  Json::Value json = Address(parts, transaction, request, studies);
  json["order_id"] = order.id;
  transaction.Commit();
  return Response::Json(json);
}

Response UrlOfPatient(const ViewerParts& parts, const Request& request)
{
  Transaction transaction(parts.database);
  const auto patient = PatientStore(transaction).Find(request.Path("patient_id"));
  if (!patient)
  {
    throw NotFound("There is no such patient");
  }
  request.Require(patient->practiceId);
  StudyFilter filter;
  filter.practices = patient->practiceId;
  filter.patientId = patient->id;
  filter.limit = 100;
  std::vector<LinkedStudy> studies;
  for (const Study& study : StudyStore(transaction).Search(filter).first)
  {
    studies.push_back({study.studyInstanceUid, study.practiceId});
  }
  if (studies.empty())
  {
    throw NotFound("The patient has no study");
  }
  Json::Value json = Address(parts, transaction, request, studies);
  json["patient_id"] = patient->id;
  transaction.Commit();
  return Response::Json(json);
}

Response Compare(const ViewerParts& parts, const Request& request)
{
  std::vector<std::string> uids;
  std::string rest = request.QueryText("study_uids");
  while (!rest.empty())
  {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string uid = rest.substr(0, comma);
    if (!uid.empty() && std::find(uids.begin(), uids.end(), uid) == uids.end())
    {
      uids.push_back(uid);
    }
    rest.erase(0, comma + 1);
  }
  if (uids.size() < 2 || uids.size() > MOST_COMPARED)
  {
    // 400, as the EHR's clients expect it, and not 422.
    throw BadInput(fmt::format("study_uids: expected 2 to {} different StudyInstanceUIDs", MOST_COMPARED));
  }
  Transaction transaction(parts.database);
  const auto studies = Find(transaction, request, uids, Permission::ReadImages);
  for (const LinkedStudy& study : studies)
  {
    request.Require(study.practiceId);
  }
  const Json::Value json = Address(parts, transaction, request, studies);
  transaction.Commit();
  return Response::Json(json);
}

Response CreateToken(const ViewerParts& parts, const Request& request)
{
  const Json::Value& body = request.Body();
  std::vector<std::string> uids;
  for (const Json::Value& uid : body["study_uids"])
  {
    uids.push_back(uid.asString());
  }
  Link link;
  link.measurements = body["measurements"].asBool();
  link.usesLeft = body["uses"].isInt() ? body["uses"].asInt() : -1;
  link.expiresAt =
      Now() + (body["expires_in"].isIntegral() ? std::chrono::seconds(body["expires_in"].asInt64())
                                               : std::chrono::minutes(parts.options.linkMinutes));
  Transaction transaction(parts.database);
  link.studies = Find(transaction, request, uids, Permission::ShareStudies);
  if (link.measurements)
  {
    Find(transaction, request, uids, Permission::WriteMeasurements);
  }
  const std::string secret = MakeLink(transaction, request, link);
  transaction.Commit();
  Json::Value json = ToJson(link);
  json["token"] = secret;
  json["url"] = OpenUrl(parts.options, request, secret);
  return Response::Json(json, 201);
}

// A link belongs to who made it, and to those who may share everywhere.
Link FindOwn(LinkStore& store, const Request& request)
{
  const auto link = store.Find(request.Path("id"));
  if (!link || (link->createdBy != request.Caller().name && !request.MayEverywhere(Permission::ShareStudies)))
  {
    throw NotFound("There is no such link");
  }
  return *link;
}

Response ListTokens(const ViewerParts& parts, const Request& request)
{
  request.Scope();
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  const auto links = LinkStore(transaction).List();
  transaction.Commit();
  Json::Value items(Json::arrayValue);
  for (const Link& link : links)
  {
    if (link.createdBy == request.Caller().name || request.MayEverywhere(Permission::ShareStudies))
    {
      items.append(ToJson(link));
    }
  }
  const auto total = static_cast<int64_t>(items.size());
  return Response::List(std::move(items), total, {total, 0});
}

Response RevokeToken(const ViewerParts& parts, const Request& request)
{
  Transaction transaction(parts.database);
  LinkStore store(transaction);
  const Link link = FindOwn(store, request);
  store.Delete(link.id);
  AuditEntry entry = request.Audit("viewer.revoke");
  entry.permission.reset();  // checked above
  entry.detail["link"] = link.id;
  AuditTrail::Append(transaction, entry);
  transaction.Commit();
  parts.opening.Forget();
  return Response::NoContent();
}

Response Refuse(const std::string& code, const std::string& detail)
{
  Response response;
  response.http = Problem(403, detail);
  Json::Value body = ParseJson(response.http.body);
  body["reason"] = code;  // for the page, which says it in the person's language
  response.http.body = WriteJson(body);
  return response;
}

// The browser shows the secret of a link and gets a cookie of its own. The cookie is a new one each time:
// nobody can have planted it.
Response Open(const ViewerParts& parts, const Request& request)
{
  if (!IsFromOwnPage(request.Http()))
  {
    throw Forbidden("A link is opened by its own page");
  }
  parts.opening.LimitAttempts(request.Http().remoteAddress);
  Transaction transaction(parts.database);
  LinkStore store(transaction);
  const auto link = store.FindBySecretForUpdate(request.Body()["token"].asString());
  AuditEntry entry = request.Audit("viewer.open");
  entry.principal.name = link ? "link:" + link->id : "unknown";
  entry.principal.remoteAddress = request.Http().remoteAddress;
  const char* const reason = !link                      ? "unknown"
                             : link->expiresAt <= Now() ? "expired"
                             : link->usesLeft == 0      ? "used"
                                                        : nullptr;
  if (reason != nullptr)
  {
    entry.outcome = "denied";
    entry.detail["reason"] = reason;
    AuditTrail::Append(transaction, entry);
    transaction.Commit();
    return Refuse(reason, "The link is not valid, or not any longer");
  }
  const std::string session = RandomSecret();
  store.Open(*link, session, FindCookie(request.Http(), Opening::COOKIE).value_or("-"));
  entry.detail["made_by"] = link->createdBy;
  for (const LinkedStudy& study : link->studies)
  {
    entry.practiceId = study.practiceId;
    entry.studyInstanceUid = study.uid;
    AuditTrail::Append(transaction, entry);
  }
  transaction.Commit();
  parts.opening.Forget();

  const auto age = std::chrono::duration_cast<std::chrono::seconds>(link->expiresAt - Now()).count();
  const bool framed = parts.options.secureCookies && !parts.options.frameAncestors.empty();
  Json::Value json;
  json["url"] = OhifPath(Uids(link->studies));
  json["expires_at"] = ToString(link->expiresAt);
  return Response::Json(json).Header(
      "Set-Cookie",
      fmt::format("{}={}; Path=/viewer; HttpOnly; Max-Age={}; {}", Opening::COOKIE, session, age,
                  framed                        ? "SameSite=None; Secure; Partitioned"
                  : parts.options.secureCookies ? "SameSite=Strict; Secure"
                                                : "SameSite=Strict"));
}

Response Configuration(const ViewerParts& parts, const Request& request)
{
  const std::string base = BaseUrl(parts.options, request);
  Json::Value json;
  json["viewer_url"] = base + "/ohif/viewer";
  json["orthanc_url"] = base;
  json["dicomweb_url"] = base + "/viewer/dicom-web";
  json["max_studies_comparison"] = static_cast<Json::UInt64>(MOST_COMPARED);
  return Response::Json(json);
}

void AddLinkRoutes(Router& router, const ViewerParts& parts)
{
  for (const char* path : {"/api/v1/dicom/viewer-url/{study_uid}", "/api/v1/dicom/viewer/url/{study_uid}"})
  {
    router.Add({.method = HttpMethod::Get,
                .path = path,
                .permission = Permission::ReadImages,
                .summary = "The address that opens a study in the viewer",
                .handler = [parts](const Request& request) { return UrlOfStudy(parts, request); }});
  }
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/dicom/viewer/url/order/{order_id}",
              .permission = Permission::ReadImages,
              .summary = "The address that opens the studies of an order",
              .handler = [parts](const Request& request) { return UrlOfOrder(parts, request); }});
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/dicom/viewer/url/patient/{patient_id}",
              .permission = Permission::ReadImages,
              .summary = "The address that opens the studies of a patient",
              .handler = [parts](const Request& request) { return UrlOfPatient(parts, request); }});
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/dicom/viewer/compare",
              .permission = Permission::ReadImages,
              .summary = "The address that opens 2 to 10 studies side by side",
              .query = {{"study_uids", "StudyInstanceUIDs, with commas between them",
                         JsonLiteral(R"({"type": "string", "maxLength": 1024})")}},
              .handler = [parts](const Request& request) { return Compare(parts, request); }});
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/dicom/viewer/config",
              .permission = Permission::SignedIn,
              .summary = "Where the viewer is",
              .handler = [parts](const Request& request) { return Configuration(parts, request); }});
  Json::Value token = JsonLiteral(R"({
    "type": "object", "additionalProperties": false, "required": ["study_uids"],
    "properties": {
      "study_uids": {"type": "array", "minItems": 1, "maxItems": 100, "uniqueItems": true, "items": {"type": "string", "minLength": 1, "maxLength": 128}},
      "uses": {"type": ["integer", "null"], "minimum": 1, "maximum": 1000, "description": "How often it can be opened; default: until it expires."},
      "measurements": {"type": ["boolean", "null"], "description": "Whether what is measured may be stored."}
    }
  })");
  token["properties"]["expires_in"] =
      JsonLiteral(R"({"type": ["integer", "null"], "minimum": 1, "description": "Seconds."})");
  token["properties"]["expires_in"]["maximum"] = static_cast<Json::Int64>(LONGEST_LINK);
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/dicom/viewer-token",
              .permission = Permission::ShareStudies,
              .summary = "Makes a link that opens exactly these studies",
              .body = token,
              .handler = [parts](const Request& request) { return CreateToken(parts, request); }});
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/dicom/viewer-token",
              .permission = Permission::ShareStudies,
              .summary = "The links that have not expired: one's own, or all for who may share everywhere",
              .handler = [parts](const Request& request) { return ListTokens(parts, request); }});
  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/dicom/viewer-token/{id}",
              .permission = Permission::ShareStudies,
              .summary = "Revokes a link, also where it is open",
              .handler = [parts](const Request& request) { return RevokeToken(parts, request); }});
  router.Add({.method = HttpMethod::Post,
              .path = "/viewer/open",
              .permission = Permission::Public,
              .summary = "Opens a link in this browser",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["token"],
                "properties": {"token": {"type": "string", "minLength": 1, "maxLength": 256}}
              })"),
              .maxBody = 4096,
              .handler = [parts](const Request& request) { return Open(parts, request); }});
}
}  // namespace

void AddViewerRoutes(Router& router, const ViewerParts& parts)
{
  AddLinkRoutes(router, parts);
  router.Add(
      {.method = HttpMethod::Get,
       .path = "/viewer/open",
       .permission = Permission::Public,
       .summary = "The page that opens a link",
       .handler = [parts](const Request& request) { return parts.app.Answer(request.Http(), "open.html"); }});
  for (const char* path : {"/clinic", "/clinic/{rest*}"})
  {
    router.Add({.method = HttpMethod::Get,
                .path = path,
                .permission = Permission::Public,
                .summary = "The web application",
                .handler = [parts, whole = std::string(path) == "/clinic"](const Request& request)
                { return parts.app.Answer(request.Http(), whole ? "index.html" : request.Path("rest")); }});
  }
  // OHIF's own addresses have no extension: for them it is always the same page.
  router.Add({.method = HttpMethod::Get,
              .path = "/ohif",
              .permission = Permission::Public,
              .summary = "OHIF",
              .anyQuery = true,
              .handler = [parts](const Request& request)
              { return parts.ohif.Answer(request.Http(), "index.html"); }});
  router.Add({.method = HttpMethod::Get,
              .path = "/ohif/{rest*}",
              .permission = Permission::Public,
              .summary = "OHIF",
              .anyQuery = true,
              .handler = [parts](const Request& request)
              {
                const std::string& name = request.Path("rest");
                const bool isPage = name.find('.', name.rfind('/') + 1) == std::string::npos;
                return parts.ohif.Answer(request.Http(),
                                         isPage && !parts.ohif.Has(name) ? "index.html" : name);
              }});
}
}  // namespace OrthancClinic::Viewer
