// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a handler is given and what it gives back.

#include <algorithm>
#include <stdexcept>

#include "Core/Rest/RequestContent.h"
#include "Core/Rest/Translations.h"

namespace OrthancClinic
{
namespace
{
const QueryValue& Find(const std::map<std::string, QueryValue>& query, const std::string& name)
{
  const auto found = query.find(name);
  if (found == query.end())
  {
    throw std::logic_error("The route declares no query parameter " + name);
  }
  return found->second;
}
}  // namespace

const HttpRequest& Request::Http() const
{
  return content_.http;
}

const Principal& Request::Caller() const
{
  return content_.caller;
}

const std::string& Request::Path(const std::string& name) const
{
  const auto found = content_.path.find(name);
  if (found == content_.path.end())
  {
    throw std::logic_error("The route declares no path parameter " + name);
  }
  return found->second;
}

bool Request::HasQuery(const std::string& name) const
{
  return Find(content_.query, name).given;
}

std::string Request::QueryText(const std::string& name, const std::string& otherwise) const
{
  const QueryValue& query = Find(content_.query, name);
  return query.value.isNull()     ? otherwise
         : query.value.isString() ? query.value.asString()
                                  : WriteJson(query.value);
}

int64_t Request::QueryInteger(const std::string& name, int64_t otherwise) const
{
  const QueryValue& query = Find(content_.query, name);
  return query.value.isNull() ? otherwise : query.value.asInt64();
}

bool Request::QueryFlag(const std::string& name, bool otherwise) const
{
  const QueryValue& query = Find(content_.query, name);
  return query.value.isNull() ? otherwise : query.value.asBool();
}

bool Request::Has(const std::string& etag) const
{
  return HasEntityTag(content_.http, "\"" + etag + "\"");
}

Page Request::GetPage() const
{
  return {QueryInteger("limit", Page().limit), QueryInteger("offset", Page().offset)};
}

const Json::Value& Request::Body() const
{
  return content_.body;
}

const Upload& Request::GetUpload() const
{
  if (content_.upload == nullptr)
  {
    throw std::logic_error("The route takes no upload");
  }
  return *content_.upload;
}

AuditEntry Request::Audit(const std::string& action) const
{
  AuditEntry entry;
  entry.principal = content_.caller;
  entry.action = action;
  if (!content_.open)
  {
    entry.permission = content_.permission;
  }
  return entry;
}

AuditEntry Request::Audit(const std::string& action, const PracticeScope& scope) const
{
  AuditEntry entry = Audit(action);
  entry.practiceId = scope.Single();
  entry.permission.reset();
  return entry;
}

PracticeScope Request::Scope() const
{
  content_.scoped = true;
  const auto named = content_.query.find("practice");
  if (named == content_.query.end() || !named->second.given)
  {
    return content_.caller.grants->Where(content_.permission);
  }
  const std::string practice = named->second.value.asString();
  if (!practice.empty() && !content_.caller.May(content_.permission, practice))
  {
    throw Forbidden("You are not allowed to do this in that practice");
  }
  return practice.empty() ? content_.caller.grants->Where(content_.permission) : PracticeScope(practice);
}

void Request::Require(const std::string& practiceId) const
{
  content_.scoped = true;
  AuditEntry entry = Audit("");
  entry.practiceId = practiceId;
  entry.Check();
}

bool Request::MayEverywhere(Permission permission) const
{
  return content_.caller.grants->AllowEverywhere(permission);
}

std::string Request::Translate(const std::string& sentence) const
{
  content_.spoke = true;
  return Translations::Get().Translate(sentence, ChooseLanguage(FindHeader(Http(), "accept-language")));
}

std::string Request::Translate(const Error& error) const
{
  std::string text = Translate(error.what());
  if (const auto* const input = dynamic_cast<const BadInput*>(&error))
  {
    for (const FieldError& field : input->Fields())
    {
      text += "; " + field.field + ": " + Translate(field.message);
    }
  }
  return text;
}

Response Response::Json(::Json::Value body, int status)
{
  Response response;
  response.http.status = status;
  response.http.body = WriteJson(body);
  return response;
}

Response Response::Text(std::string body, std::string contentType, int status)
{
  Response response;
  response.http.status = status;
  response.http.contentType = std::move(contentType);
  response.http.body = std::move(body);
  return response;
}

Response Response::NoContent()
{
  Response response;
  response.http.status = 204;
  response.http.contentType.clear();
  return response;
}

Response Response::List(::Json::Value items, int64_t total, const Page& page)
{
  ::Json::Value body;
  body["items"] = items.isNull() ? ::Json::Value(::Json::arrayValue) : std::move(items);
  body["total"] = static_cast<::Json::Int64>(total);
  body["limit"] = static_cast<::Json::Int64>(page.limit);
  body["offset"] = static_cast<::Json::Int64>(page.offset);
  return Json(std::move(body));
}

Response& Response::ETag(const std::string& tag)
{
  if (tag.find('"') != std::string::npos)
  {
    throw std::logic_error("An entity tag is given without quotes");
  }
  return Header("ETag", "\"" + tag + "\"");
}

Response& Response::Header(const std::string& name, const std::string& value)
{
  const auto isControl = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::any_of(name.begin(), name.end(), isControl) || std::any_of(value.begin(), value.end(), isControl))
  {
    throw std::logic_error("A header with a control character: " + Abbreviate(name));
  }
  http.headers[name] = value;
  return *this;
}

Response& Response::Viewed(AuditEntry entry)
{
  viewed.push_back(std::move(entry));
  return *this;
}
}  // namespace OrthancClinic
