// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Router.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/core/demangle.hpp>
#include <cctype>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <typeinfo>

#include "Core/Digest.h"
#include "Core/Rest/OpenApi.h"
#include "Core/Rest/RequestContent.h"
#include "Core/Rest/SwaggerUi.h"
#include "Core/Rest/Translations.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t kLongestPathParameter = 128;
constexpr const char* REST_OF_PATH = "{*}";
constexpr const char* PROBLEM = "application/problem+json";

// An answer that ends the processing of a request before or instead of its handler.
struct Stop
{
  int status;
  std::string detail;
  std::vector<FieldError> errors = {};
};

struct Endpoint
{
  Route route;
  std::vector<std::string> segments = {};  // with this route's own parameter names
  std::vector<QueryParameter> query = {};
  std::map<std::string, JsonSchema> querySchemas = {};
  std::optional<JsonSchema> body = {};
  bool described = true;  // in the OpenAPI document
};

// The routes that share a path, up to the names of its parameters.
struct Resource
{
  std::vector<std::string> segments;  // "{}" for a parameter
  std::map<HttpMethod, Endpoint> endpoints;

  bool Matches(const std::vector<std::string>& path) const
  {
    const auto matches = [](const std::string& pattern, const std::string& segment)
    { return IsParameter(pattern) ? !segment.empty() : pattern == segment; };
    if (segments.back() == REST_OF_PATH)
    {
      return path.size() >= segments.size() &&
             std::equal(segments.begin(), segments.end() - 1, path.begin(), matches);
    }
    return std::equal(segments.begin(), segments.end(), path.begin(), path.end(), matches);
  }

  // Whether this has a literal where, for the first time, the two differ; or a parameter where the other one
  // has the rest of the path.
  bool IsMoreSpecificThan(const Resource& other) const
  {
    const auto [mine, theirs] =
        std::mismatch(segments.begin(), segments.end(), other.segments.begin(), other.segments.end());
    return mine != segments.end() &&
           (!IsParameter(*mine) || (theirs != other.segments.end() && *theirs == REST_OF_PATH));
  }

  std::string Allow() const
  {
    std::string methods;
    for (const auto& [method, endpoint] : endpoints)
    {
      methods += std::string(ToString(method)) + ", ";
      if (method == HttpMethod::Get && !endpoints.contains(HttpMethod::Head))
      {
        methods += "HEAD, ";
      }
    }
    return methods + "OPTIONS";
  }

  // HEAD is answered by GET.
  const Endpoint* Find(HttpMethod method) const
  {
    auto found = endpoints.find(method);
    if (found == endpoints.end() && method == HttpMethod::Head)
    {
      found = endpoints.find(HttpMethod::Get);
    }
    return found == endpoints.end() ? nullptr : &found->second;
  }
};

bool HasControlCharacter(std::string_view text)
{
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::map<std::string, std::string> ReadPathParameters(const Endpoint& endpoint,
                                                      const std::vector<std::string>& path)
{
  std::map<std::string, std::string> values;
  std::vector<FieldError> errors;
  for (size_t i = 0; i < endpoint.segments.size(); i++)
  {
    if (IsRestOfPath(endpoint.segments[i]))
    {
      std::string& rest = values[endpoint.segments[i].substr(1, endpoint.segments[i].size() - 3)];
      for (size_t j = i; j < path.size(); j++)
      {
        rest += (j == i ? "" : "/") + path[j];
      }
      if (HasControlCharacter(rest))
      {
        errors.push_back({"path", "control characters are not allowed"});
      }
      continue;
    }
    if (!IsParameter(endpoint.segments[i]))
    {
      continue;
    }
    const std::string name = endpoint.segments[i].substr(1, endpoint.segments[i].size() - 2);
    const auto length = CountCodePoints(path[i]);
    if (!length || *length > kLongestPathParameter || HasControlCharacter(path[i]))
    {
      errors.push_back({name, fmt::format("expected 1 to {} characters, none of them a control character",
                                          kLongestPathParameter)});
    }
    values[name] = path[i];
  }
  if (!errors.empty())
  {
    throw Stop{400, "A part of the path is not valid", errors};
  }
  return values;
}

// The value of a query parameter's text; nothing if it is not of the type.
std::optional<Json::Value> Convert(const std::string& text, const std::string& type)
{
  const char* const first = text.data();
  const char* const last = first + text.size();
  if (type == "integer")
  {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(first, last, value);
    return error == std::errc() && end == last ? std::optional<Json::Value>(static_cast<Json::Int64>(value))
                                               : std::nullopt;
  }
  if (type == "number")
  {
    double value = 0;
    const auto [end, error] = std::from_chars(first, last, value);
    return error == std::errc() && end == last && std::isfinite(value) ? std::optional<Json::Value>(value)
                                                                       : std::nullopt;
  }
  if (type == "boolean")
  {
    return text == "true" || text == "false" ? std::optional<Json::Value>(text == "true") : std::nullopt;
  }
  return text;
}

void ReadQueryParameter(QueryValue& target, const Endpoint& endpoint, const std::string& name,
                        const std::string& text, std::vector<FieldError>& errors)
{
  const JsonSchema& schema = endpoint.querySchemas.at(name);
  if (target.given)
  {
    errors.push_back({name, "given more than once"});
    return;
  }
  target.given = true;
  if (HasControlCharacter(text))
  {
    errors.push_back({name, "control characters are not allowed"});
    return;
  }
  const auto value = Convert(text, schema.Document()["type"].asString());
  if (!value)
  {
    errors.push_back({name, "expected " + DescribeSchema(schema.Document())});
    return;
  }
  for (const FieldError& error : schema.Validate(*value))
  {
    errors.push_back({name, error.message});
  }
  target.value = *value;
}

std::map<std::string, QueryValue> ReadQuery(const Endpoint& endpoint, const HttpRequest& request)
{
  std::map<std::string, QueryValue> values;
  std::string known;
  for (const QueryParameter& parameter : endpoint.query)
  {
    values[parameter.name] = {};
    known += (known.empty() ? "; known are " : ", ") + parameter.name;
  }
  std::vector<FieldError> errors;
  for (const auto& [name, text] : request.query)
  {
    const auto target = values.find(name);
    if (target == values.end())
    {
      if (!endpoint.route.anyQuery)
      {
        errors.push_back({Abbreviate(name), "unknown parameter" + known});
      }
    }
    else
    {
      ReadQueryParameter(target->second, endpoint, name, text, errors);
    }
  }
  for (const QueryParameter& parameter : endpoint.query)
  {
    QueryValue& value = values[parameter.name];
    if (!value.given)
    {
      value.value = parameter.schema["default"];
      if (parameter.required)
      {
        errors.push_back({parameter.name, "missing"});
      }
    }
  }
  if (!errors.empty())
  {
    throw Stop{400, "A parameter of the query is not valid", errors};
  }
  return values;
}

bool IsJson(const HttpRequest& request)
{
  const std::string type = MediaType(FindHeader(request, "content-type"));
  return type.empty() || type == "application/json";
}

Json::Value ReadBody(const Endpoint& endpoint, const HttpRequest& request)
{
  if (request.body.size() > endpoint.route.maxBody)
  {
    throw Stop{413, fmt::format("The body is larger than {} bytes", endpoint.route.maxBody)};
  }
  if (!endpoint.body)
  {
    // "{}" is what many clients send where there is nothing to say.
    if (!request.body.empty() && request.body != "{}" && !endpoint.route.rawBody)
    {
      throw Stop{400, "This call takes no body"};
    }
    return Json::nullValue;
  }
  Json::Value body;
  if (request.body.empty())
  {
    if (!endpoint.body->Validate(body).empty())
    {
      throw Stop{400, "This call needs a JSON body"};
    }
    return body;
  }
  if (!IsJson(request))
  {
    throw Stop{415, "The body must be application/json"};
  }
  try
  {
    body = ParseJson(request.body);
  }
  catch (const BadInput& e)
  {
    throw Stop{400, std::string("The body is not JSON: ") + e.what()};
  }
  const std::vector<FieldError> errors = endpoint.body->Validate(body);
  if (!errors.empty())
  {
    throw Stop{422, "The body is not as this call expects it", errors};
  }
  return body;
}

// Adds the validator and the cache rules, and turns a 200 that the caller has already into a 304.
HttpResponse Finish(const HttpRequest& request, HttpResponse response)
{
  response.headers.emplace("X-Content-Type-Options", "nosniff");
  // A browser may keep patient data for its user, but must ask before it shows them again.
  response.headers.emplace("Cache-Control", "private, no-cache");
  const bool reads = request.method == HttpMethod::Get || request.method == HttpMethod::Head;
  if (reads && response.status == 200)
  {
    if (!response.headers.contains("ETag"))
    {
      response.headers["ETag"] = "\"" + Sha256Of(response.body).substr(0, 32) + "\"";
    }
    if (HasEntityTag(request, response.headers["ETag"]))
    {
      response.status = 304;
      response.contentType.clear();
      response.body.clear();
    }
  }
  return response;
}

void SetLanguage(HttpResponse& response, const std::string& language)
{
  response.headers["Content-Language"] = language;
  std::string& vary = response.headers["Vary"];
  vary += vary.empty() ? "Accept-Language" : ", Accept-Language";
}

// What a problem says to a person, in that person's language.
void TranslateProblem(HttpResponse& response, const std::string& acceptLanguage)
{
  const std::string language = ChooseLanguage(acceptLanguage);
  SetLanguage(response, language);
  if (language == "en")
  {
    return;
  }
  const auto translate = [&](Json::Value& parent, const char* name)
  {
    if (parent[name].isString())
    {
      parent[name] = Translations::Get().Translate(parent[name].asString(), language);
    }
  };
  Json::Value body = ParseJson(response.body);
  for (const char* name : {"title", "detail", "message", "error"})
  {
    if (body.isMember(name))
    {
      translate(body, name);
    }
  }
  for (Json::Value& error : body["errors"])
  {
    translate(error, "message");
  }
  if (body["errors"].isNull())
  {
    body.removeMember("errors");
  }
  response.body = WriteJson(body);
}

void CheckQueryDeclarations(const Endpoint& endpoint)
{
  for (const QueryParameter& parameter : endpoint.query)
  {
    static const std::vector<std::string> kScalars = {"string", "integer", "number", "boolean"};
    const Json::Value& type = parameter.schema["type"];
    if (!type.isString() || std::find(kScalars.begin(), kScalars.end(), type.asString()) == kScalars.end())
    {
      throw std::logic_error(
          fmt::format("{}: the parameter {} needs one scalar type", endpoint.route.path, parameter.name));
    }
  }
}
}  // namespace

struct Router::Pimpl
{
  Security security;
  std::vector<Resource> resources;
  std::string challenge = {};
  std::string uploadFolder = {};
  mutable std::atomic<bool> dispatching = false;

  const Resource* Find(const std::vector<std::string>& path) const
  {
    const Resource* best = nullptr;
    for (const Resource& resource : resources)
    {
      if (resource.Matches(path) && (!best || resource.IsMoreSpecificThan(*best)))
      {
        best = &resource;
      }
    }
    return best;
  }

  void Add(Route route, bool described)
  {
    if (dispatching)
    {
      throw std::logic_error("A route was added after the first request");
    }
    Endpoint endpoint{.route = std::move(route)};
    endpoint.segments = SplitPath(endpoint.route.path);
    endpoint.query = AllQueryParameters(endpoint.route);
    endpoint.described = described;
    const std::string name = std::string(ToString(endpoint.route.method)) + " " + endpoint.route.path;
    if (endpoint.route.path.empty() || endpoint.route.path.front() != '/' || !endpoint.route.handler ||
        endpoint.route.method == HttpMethod::Options)
    {
      throw std::logic_error(name + ": a route needs a path, a handler and a method other than OPTIONS");
    }
    CheckQueryDeclarations(endpoint);
    for (const QueryParameter& parameter : endpoint.query)
    {
      if (!endpoint.querySchemas.emplace(parameter.name, JsonSchema(parameter.schema)).second)
      {
        throw std::logic_error(name + ": the parameter " + parameter.name + " is declared twice");
      }
    }
    if (endpoint.route.body && !endpoint.route.upload)
    {
      endpoint.body.emplace(*endpoint.route.body);
    }

    std::vector<std::string> shape = endpoint.segments;
    std::vector<std::string> names;
    for (std::string& segment : shape)
    {
      if (IsParameter(segment))
      {
        names.push_back(segment);
        segment = IsRestOfPath(segment) ? REST_OF_PATH : "{}";
      }
    }
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end())
    {
      throw std::logic_error(name + ": a name stands twice in the path");
    }
    auto resource = std::find_if(resources.begin(), resources.end(),
                                 [&](const Resource& r) { return r.segments == shape; });
    if (resource == resources.end())
    {
      resource = resources.insert(resources.end(), Resource{shape, {}});
    }
    if (!resource->endpoints.emplace(endpoint.route.method, std::move(endpoint)).second)
    {
      throw std::logic_error(name + " exists already");
    }
  }

  // Who calls, and whether they may; and what the path and the query say. Throws Stop.
  Request::Content Admit(const Endpoint& endpoint, const HttpRequest& request,
                         const std::vector<std::string>& path) const
  {
    Request::Content content{request};
    content.permission = endpoint.route.permission.value;
    content.open = content.permission == Permission::Public || content.permission == Permission::SignedIn;
    try
    {
      content.caller = security.authenticate(request);
    }
    catch (const Forbidden& e)
    {
      if (content.permission != Permission::Public)
      {
        throw Stop{401, e.what()};
      }
      content.caller.grants = Grants::None();
    }
    if (!content.open && !content.caller.grants->AllowSomewhere(content.permission))
    {
      AuditEntry denied = Request(content).Audit("access.denied");
      denied.permission.reset();
      denied.outcome = "denied";
      denied.detail["route"] = std::string(ToString(request.method)) + " " + endpoint.route.path;
      security.audit({denied});
      throw Stop{403,
                 "You are not allowed to do this: it needs the permission " + ToString(content.permission)};
    }
    content.path = ReadPathParameters(endpoint, path);
    content.query = ReadQuery(endpoint, request);
    return content;
  }

  // The answer of the endpoint's handler; throws Stop or whatever the handler throws.
  HttpResponse Call(const Endpoint& endpoint, const Request::Content& content) const
  {
    const HttpRequest& request = content.http;
    const bool confined = !content.open && !content.caller.grants->AllowEverywhere(content.permission);
    std::optional<Response> answer;
    try
    {
      answer = endpoint.route.handler(Request(content));
      for (const AuditEntry& entry : answer->viewed)
      {
        entry.Check();
      }
    }
    catch (const Conflict&)
    {
      // A handler that has not yet looked whose record it is does not tell in what state it is.
      if (confined && !content.scoped)
      {
        throw Stop{404, "There is no such record"};
      }
      throw;
    }
    catch (const NotFound&)
    {
      if (confined)
      {
        throw Stop{404, "There is no such record"};  // the words do not tell whether another practice has it
      }
      throw;
    }
    Response response = *std::move(answer);
    const bool reads = request.method == HttpMethod::Get || request.method == HttpMethod::Head;
    if (confined && reads && !content.scoped && response.viewed.empty())
    {
      throw Stop{403, "This needs the permission " + ToString(content.permission) + " in every practice"};
    }
    if (!response.viewed.empty())
    {
      try
      {
        security.audit(response.viewed);
      }
      catch (const std::exception& e)
      {
        LogError(endpoint.route.path + ": the audit trail cannot be written: " + Describe(e));
        throw Unavailable("The audit trail cannot be written now, and nothing is shown without it");
      }
    }
    if (content.spoke && response.http.contentType != PROBLEM)
    {
      SetLanguage(response.http, ChooseLanguage(FindHeader(request, "accept-language")));
    }
    return Finish(request, std::move(response.http));
  }

  // A request that was found an endpoint, or what to answer without one.
  struct Target
  {
    const Endpoint* endpoint = nullptr;
    std::vector<std::string> path = {};
    HttpResponse otherwise = {};
  };

  Target Locate(const HttpRequest& request) const
  {
    Target target;
    target.path = request.path.starts_with('/') ? SplitPath(request.path) : std::vector<std::string>();
    const Resource* const resource = target.path.empty() ? nullptr : Find(target.path);
    if (!resource)
    {
      target.otherwise = Problem(404, "There is nothing at this path", {}, request.path);
    }
    else if (request.method == HttpMethod::Options)
    {
      target.otherwise = Response::NoContent().http;
      target.otherwise.headers["Allow"] = resource->Allow();
    }
    else if (!(target.endpoint = resource->Find(request.method)))
    {
      target.otherwise = Problem(405, "This path takes " + resource->Allow(), {}, request.path);
      target.otherwise.headers["Allow"] = resource->Allow();
    }
    return target;
  }

  // With what every answer to this caller has: a problem in their language, how to sign in with a 401.
  HttpResponse ForCaller(const HttpRequest& request, HttpResponse response) const
  {
    if (response.contentType == PROBLEM)
    {
      TranslateProblem(response, FindHeader(request, "accept-language"));
    }
    if (response.status == 401 && !challenge.empty())
    {
      response.headers["WWW-Authenticate"] = challenge;
    }
    return response;
  }

  HttpResponse Answer(const HttpRequest& request) const
  {
    const Target target = Locate(request);
    if (!target.endpoint)
    {
      return target.otherwise;
    }
    if (target.endpoint->route.upload)
    {
      IncomingUpload upload(*this, request);
      upload.Add(request.body);
      return upload.Finish();
    }
    return Translate(*target.endpoint, request,
                     [&]
                     {
                       Request::Content content = Admit(*target.endpoint, request, target.path);
                       content.body = ReadBody(*target.endpoint, request);
                       return Call(*target.endpoint, content);
                     });
  }

  // An upload while it comes. What is wrong with it is remembered until all of it has come: only then Orthanc
  // lets a plugin answer.
  class IncomingUpload : public Router::Incoming
  {
  public:
    // The body of `head` is not looked at.
    IncomingUpload(const Pimpl& router, HttpRequest head) : router_(router), head_(std::move(head))
    {
      target_ = router_.Locate(head_);
      if (!target_.endpoint)
      {
        refusal_ = target_.otherwise;
        return;
      }
      Try(
          [&]
          {
            content_.emplace(router_.Admit(*target_.endpoint, head_, target_.path));
            const std::string length = FindHeader(head_, "content-length");
            declared_ = length.empty() ? std::nullopt : Convert(length, "integer");
            Check(declared_ ? declared_->asUInt64() : 0);
            reader_.emplace(router_.uploadFolder, FindHeader(head_, "content-type"));
          });
    }

    void Add(std::string_view bytes) noexcept override
    {
      received_ += bytes.size();
      if (!refusal_)
      {
        Try(
            [&]
            {
              Check(received_);
              reader_->Add(bytes);
            });
      }
    }

    HttpResponse Finish() noexcept override
    {
      HttpResponse response;
      if (!refusal_)
      {
        Try(
            [&]
            {
              if (declared_ && declared_->asUInt64() != received_)
              {
                throw Stop{400, "The upload was cut off"};
              }
              if (received_ == 0)
              {
                throw Stop{400, "This call needs a body"};
              }
              const auto upload = reader_->Finish();
              content_->upload = upload.get();
              response = router_.Call(*target_.endpoint, *content_);
            });
      }
      reader_.reset();
      return router_.ForCaller(head_, refusal_ ? *std::move(refusal_) : std::move(response));
    }

  private:
    void Check(uint64_t size) const
    {
      if (size > target_.endpoint->route.maxBody)
      {
        throw Stop{413, fmt::format("The upload is larger than {} megabytes",
                                    target_.endpoint->route.maxBody / (1 << 20))};
      }
    }

    template <typename Action>
    void Try(Action&& action) noexcept
    {
      bool succeeded = false;
      HttpResponse response = router_.Translate(*target_.endpoint, head_,
                                                [&]
                                                {
                                                  action();
                                                  succeeded = true;
                                                  return HttpResponse();
                                                });
      if (!succeeded)
      {
        refusal_ = std::move(response);
        reader_.reset();  // the disk space
      }
    }

    const Pimpl& router_;
    const HttpRequest head_;
    Target target_;
    std::optional<Request::Content> content_;
    std::optional<Json::Value> declared_;
    std::optional<UploadReader> reader_;
    uint64_t received_ = 0;
    std::optional<HttpResponse> refusal_;
  };

  // What `call` answers, or the problem that its exception stands for.
  template <typename Function>
  HttpResponse Translate(const Endpoint& endpoint, const HttpRequest& request, Function&& call) const
  {
    const auto problem =
        [&](int status, const std::string& detail, const std::vector<FieldError>& errors = {})
    { return Problem(status, detail, errors, request.path); };
    try
    {
      return call();
    }
    catch (const TooManyRequests& e)
    {
      HttpResponse response = problem(429, e.what());
      response.headers["Retry-After"] = std::to_string(e.Wait().count());
      return response;
    }
    catch (const TooLarge& e)
    {
      return problem(413, e.what());
    }
    catch (const Stop& stop)
    {
      return problem(stop.status, stop.detail, stop.errors);
    }
    catch (const BadInput& e)
    {
      return problem(e.Fields().empty() ? 400 : 422, e.what(), e.Fields());
    }
    catch (const Forbidden& e)
    {
      return problem(403, e.what());
    }
    catch (const NotFound& e)
    {
      return problem(404, e.what());
    }
    catch (const Conflict& e)
    {
      return problem(409, e.what());
    }
    catch (const TimedOut& e)
    {
      return problem(504, e.what());
    }
    catch (const Unavailable& e)
    {
      return problem(503, e.what());
    }
    catch (const std::exception& e)
    {
      return OurMistake(request, endpoint, Describe(e));
    }
    catch (...)
    {
      return OurMistake(request, endpoint, "an exception of an unknown type");
    }
  }

  static std::string Describe(const std::exception& e)
  {
    return boost::core::demangle(typeid(e).name()) + ": " + e.what();
  }

  HttpResponse OurMistake(const HttpRequest& request, const Endpoint& endpoint, const std::string& what) const
  {
    const std::string id = ToHexadecimal(RandomBytes(8));
    // The path of the route, not of the request, which may contain a person's number.
    LogError(fmt::format("Error {} in {} {}: {}", id, ToString(request.method), endpoint.route.path, what));
    return Problem(
        500, fmt::format("Something went wrong on our side; the operator finds it in the log as {}", id), {},
        request.path);
  }

  void LogError(const std::string& message) const noexcept
  {
    try
    {
      security.logError(message);
    }
    catch (...)
    {
      // Nobody is left to be told, and the caller's answer must not depend on the log.
    }
  }
};

Router::Router(Security security) : pimpl_(std::make_unique<Pimpl>())
{
  pimpl_->security = std::move(security);
}

Router::~Router() = default;

void Router::Add(Route route)
{
  pimpl_->Add(std::move(route), true);
}

void Router::AddDescription(const std::string& version,
                            std::function<std::optional<std::string>(const std::string& file)> swaggerUi)
{
  const auto describe = [this, version](const Request&) { return Response::Json(OpenApi(version)); };
  pimpl_->Add({.method = HttpMethod::Get,
               .path = "/api/openapi.json",
               .permission = Permission::SignedIn,
               .summary = "This description",
               .handler = describe},
              false);
  if (swaggerUi)
  {
    for (Route& route : SwaggerUiRoutes(std::move(swaggerUi)))
    {
      pimpl_->Add(std::move(route), false);
    }
  }
}

void Router::SetChallenge(const std::string& challenge)
{
  pimpl_->challenge = challenge;
}

void Router::SetUploadFolder(const std::string& folder)
{
  pimpl_->uploadFolder = folder;
}

bool Router::IsUpload(HttpMethod method, const std::string& path) const
{
  // Asked for every request, also for those that are not ours.
  const Resource* const resource =
      path.starts_with('/') && method != HttpMethod::Get ? pimpl_->Find(SplitPath(path)) : nullptr;
  const Endpoint* const endpoint = resource ? resource->Find(method) : nullptr;
  return endpoint && endpoint->route.upload;
}

std::unique_ptr<Router::Incoming> Router::Receive(HttpRequest head) const
{
  pimpl_->dispatching = true;
  return std::make_unique<Pimpl::IncomingUpload>(*pimpl_, std::move(head));
}

HttpResponse Router::Dispatch(const HttpRequest& request) const noexcept
{
  HttpResponse response;
  try
  {
    pimpl_->dispatching = true;
    response = pimpl_->ForCaller(request, pimpl_->Answer(request));
  }
  catch (...)
  {
    // Only memory that is exhausted leads here.
    pimpl_->LogError("A request could not be answered at all");
    response.status = 500;
    response.body.clear();
  }
  if (request.method == HttpMethod::Head)
  {
    response.body.clear();
  }
  return response;
}

Json::Value Router::OpenApi(const std::string& version) const
{
  return DescribeRoutes(Routes(), version);
}

std::vector<const Route*> Router::Routes() const
{
  std::vector<const Route*> routes;
  for (const Resource& resource : pimpl_->resources)
  {
    for (const auto& [method, endpoint] : resource.endpoints)
    {
      if (endpoint.described)
      {
        routes.push_back(&endpoint.route);
      }
    }
  }
  return routes;
}
}  // namespace OrthancClinic
