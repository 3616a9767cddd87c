// SPDX-License-Identifier: GPL-3.0-or-later
//
// Routes are declared once, as data: method, path, permission, parameters, schemas, handler. From that come
// the dispatcher, the validation of input with precise errors, 404, 405 with Allow, HEAD, OPTIONS,
// pagination, ETag, problem+json, and the OpenAPI description.
//
// A request is checked in this order, and the first failure is the answer:
//   unknown path                       404   (a literal segment wins over a parameter; "/patients/" is not
//   "/patients") OPTIONS                            204   with Allow method that the path does not have 405
//   with Allow authenticate throws Forbidden      401   with WWW-Authenticate permission 403 path parameters
//   400   1 to 128 characters, none of them a control character query parameters                   400
//   unknown, repeated, missing, wrong type or out of range body                               413 too large,
//   400 not expected / missing / not JSON, 415 another media type,
//                                      422 JSON that violates the schema (with `errors`)
//   If-None-Match (GET and HEAD)       304
// Permissions are given by practice. A caller who has one only in some reaches a handler, which must see to
// it that they get nothing of another practice: by Request::Scope() for a list, by Request::Require() or by
// an audit entry that names the practice for a record. A GET whose handler did none of them is 403 for such a
// caller. What belongs to another practice is answered as what does not exist.
// What a problem says to a person (title, detail, message, the errors' messages) is in the language that
// Accept-Language asks for, and has Content-Language and Vary.
// An error of the handler becomes: BadInput 400, or 422 when it names fields; Forbidden 403; NotFound 404;
// TooManyRequests 429; TooLarge 413; Conflict 409; TimedOut 504; Unavailable 503 with Retry-After; anything
// else 500 with the id under which the operator finds it.

#pragma once

#include <json/value.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Configuration/JsonSchema.h"
#include "Core/Identity/AuditEntry.h"
#include "Core/Rest/Http.h"
#include "Core/Rest/Upload.h"

namespace OrthancClinic
{
// A parameter of the query string. `schema` is a JSON Schema whose `type` is one scalar ("string", "integer",
// "number", "boolean"), against which the text is converted and checked. Where the schema has a `default`,
// that is the value of an absent parameter. A string may contain no control characters.
struct QueryParameter
{
  std::string name;
  std::string description;
  Json::Value schema;
  bool required = false;
};

struct ORTHANC_CLINIC_API Page
{
  int64_t limit = 50;
  int64_t offset = 0;
};

// A call that passed: it is authorised, its parameters and its body conform to the route's schemas.
class ORTHANC_CLINIC_API Request
{
public:
  const HttpRequest& Http() const;
  const Principal& Caller() const;

  // A name that the route does not declare throws std::logic_error: our own mistake.
  const std::string& Path(const std::string& name) const;  // a "{name}" of the route's path, decoded
  bool HasQuery(const std::string& name) const;            // whether the caller gave it
  std::string QueryText(const std::string& name, const std::string& otherwise = "") const;
  int64_t QueryInteger(const std::string& name, int64_t otherwise) const;
  bool QueryFlag(const std::string& name, bool otherwise = false) const;
  // Whether the caller has the answer with this validator (without quotes) already: it need not be made, only
  // an empty 200 with its ETag, which becomes 304.
  bool Has(const std::string& etag) const;
  Page GetPage() const;               // of a route that is `paged`
  const ::Json::Value& Body() const;  // null for a route without a body schema
  const Upload& GetUpload() const;    // of a route that is an `upload`

  // What to write into the audit trail with the caller filled in; for a handler that audits in its
  // transaction. With the practice that the handler fills in, it is checked before anything is stored or
  // shown. With a `scope`, for a search that was confined to it.
  AuditEntry Audit(const std::string& action) const;
  AuditEntry Audit(const std::string& action, const PracticeScope& scope) const;

  // The practices of which this call may show something: the one that the query names ("practice"; Forbidden
  // if the caller may not), else all those where the caller has the route's permission.
  PracticeScope Scope() const;

  // Throws NotFound if the caller does not have the route's permission in the practice.
  void Require(const std::string& practiceId) const;

  // Whether the caller has another permission everywhere.
  bool MayEverywhere(Permission permission) const;

  // An English sentence in the language that the caller reads (see Translations.h), for an answer that is no
  // problem but tells of one ("error" of an item). What is thrown, or made by Problem(), is translated
  // anyway. Of an error, with the fields that a BadInput names.
  std::string Translate(const std::string& sentence) const;
  std::string Translate(const Error& error) const;

  struct Content;
  explicit Request(const Content& content) : content_(content) {}

private:
  const Content& content_;
};

// What a handler answers.
class ORTHANC_CLINIC_API Response
{
public:
  static Response Json(::Json::Value body, int status = 200);
  static Response Text(std::string body, std::string contentType, int status = 200);
  static Response NoContent();

  // A page of a list: the body becomes {"items": [...], "total": n, "limit": l, "offset": o}.
  static Response List(::Json::Value items, int64_t total, const Page& page);

  // A strong validator, without its quotes; the router turns a matching If-None-Match of a GET into 304.
  // Without it, a GET's 200 gets the hash of its body as validator.
  Response& ETag(const std::string& tag);
  Response& Header(const std::string& name, const std::string& value);

  // Patient data that this answer shows: written to the audit trail before the answer is sent; if that fails,
  // the answer is 503.
  Response& Viewed(AuditEntry entry);

  HttpResponse http;
  std::vector<AuditEntry> viewed;
};

using Handler = std::function<Response(const Request&)>;

// Has no default: a route that does not name its permission does not compile.
struct NeededPermission
{
  NeededPermission(Permission p) : value(p) {}  // NOLINT: implicit on purpose
  Permission value;
};

struct ORTHANC_CLINIC_API Route
{
  HttpMethod method;
  std::string path;  // "/api/v1/patients/{id}": a parameter is one whole segment; "{rest*}" at the end is
                     // one or more segments
  NeededPermission permission;
  std::string summary;
  std::vector<QueryParameter> query = {};
  bool anyQuery = false;                   // parameters that are not declared are the handler's affair
  bool paged = false;                      // adds `limit` (1 to 1000, default 50) and `offset`
  std::optional<::Json::Value> body = {};  // JSON Schema of the body; without it a body is refused. A schema
                                           // that accepts null makes the body optional
  bool rawBody = false;                    // the body is anything, and the handler's affair
  bool upload = false;                     // the body is anything, and goes to a file: Request::GetUpload().
                                           // `body` then only describes the fields of the form
  uint64_t maxBody = 1 << 20;              // bytes; more is 413
  ::Json::Value answer = {};               // JSON Schema of the 200 answer, for the description
  Handler handler;
};

class ORTHANC_CLINIC_API Router
{
public:
  struct Security
  {
    // Who calls; throws Forbidden if the credentials are bad, or missing and needed.
    std::function<Principal(const HttpRequest&)> authenticate;
    // Writes the entries to the audit trail; throws if it cannot.
    std::function<void(const std::vector<AuditEntry>&)> audit;
    // Tells the operator of an error that is our own mistake (status 500); no patient data in `message`.
    std::function<void(const std::string& message)> logError;
  };

  explicit Router(Security security);
  ~Router();

  // Only before the first Dispatch. Throws std::logic_error if the method and path exist already or a schema
  // is bad.
  void Add(Route route);

  // Serves the OpenAPI description at /api/openapi.json and, from the files of `swaggerUi` (name → content;
  // an empty function for none), Swagger UI at /api/index.html, to which /api and /api/ redirect. `swaggerUi`
  // is only ever asked for the names of a fixed list (see SwaggerUi.cpp), and may be called by several
  // threads.
  void AddDescription(const std::string& version,
                      std::function<std::optional<std::string>(const std::string& file)> swaggerUi);

  // The WWW-Authenticate of a 401; without it, Basic. Only before the first Dispatch.
  void SetChallenge(const std::string& challenge);

  // Where uploads lie while they are worked on. Only before the first of them.
  void SetUploadFolder(const std::string& folder);

  // Whether the route of this path takes an upload. Before the first request, too.
  bool IsUpload(HttpMethod method, const std::string& path) const;

  // A request whose body comes piece by piece.
  class Incoming
  {
  public:
    virtual ~Incoming() = default;
    virtual void Add(std::string_view bytes) noexcept = 0;
    virtual HttpResponse Finish() noexcept = 0;  // at the end, once
  };

  // Begins an upload; `head` is the request without its body. Who may not, or sends too much, is told at the
  // end and nothing of it is kept. The router must outlive it.
  std::unique_ptr<Incoming> Receive(HttpRequest head) const;

  // The answer to any request whatever, errors included. Thread-safe.
  HttpResponse Dispatch(const HttpRequest& request) const noexcept;

  ::Json::Value OpenApi(const std::string& version) const;
  std::vector<const Route*> Routes() const;

private:
  struct Pimpl;
  std::unique_ptr<Pimpl> pimpl_;
};

// A call that may succeed when the time has passed: 429.
class ORTHANC_CLINIC_API TooManyRequests : public Error
{
public:
  TooManyRequests(const std::string& message, std::chrono::seconds wait) : Error(message), wait_(wait) {}
  std::chrono::seconds Wait() const { return wait_; }

private:
  std::chrono::seconds wait_;
};

// What the caller sent is more than is taken: 413.
class ORTHANC_CLINIC_API TooLarge : public Error
{
public:
  using Error::Error;
};

// The body and headers of an error, also for those outside of the router (a filter's denial). For a `path`
// under /api/dental/ the body also carries what the dental CRM reads: `code`, `message` and `error`.
ORTHANC_CLINIC_API HttpResponse Problem(int status, const std::string& detail,
                                        const std::vector<FieldError>& errors = {},
                                        const std::string& path = "");
}  // namespace OrthancClinic
