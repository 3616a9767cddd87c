// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/OpenApi.h"

#include <algorithm>
#include <cctype>

#include "Core/LetterCase.h"

namespace OrthancClinic
{
namespace
{
// GET /api/v1/patients/{id} → "getV1PatientsById".
std::string OperationId(const Route& route)
{
  std::string id = ToLower(ToString(route.method));
  for (const std::string& segment : SplitPath(route.path))
  {
    if (segment == "api")
    {
      continue;
    }
    bool upper = true;
    id += IsParameter(segment) ? "By" : "";
    for (const char c : segment)
    {
      if (std::isalnum(static_cast<unsigned char>(c)))
      {
        id += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      }
      upper = !std::isalnum(static_cast<unsigned char>(c));
    }
  }
  return id;
}

// What the route is about: "patients" of /api/v1/patients/{id}, "dental" of /api/dental/xrays.
std::string Tag(const Route& route)
{
  std::vector<std::string> segments = SplitPath(route.path);
  std::erase(segments, "api");
  const bool versioned = segments.size() > 1 && segments[0].size() > 1 && segments[0][0] == 'v' &&
                         std::isdigit(static_cast<unsigned char>(segments[0][1]));
  return segments.empty() ? "api" : segments[versioned ? 1 : 0];
}

Json::Value Reference(const std::string& target)
{
  Json::Value reference;
  reference["$ref"] = target;
  return reference;
}

Json::Value Parameters(const Route& route)
{
  Json::Value parameters = Json::arrayValue;
  for (const std::string& segment : SplitPath(route.path))
  {
    if (IsParameter(segment))
    {
      Json::Value parameter;
      parameter["name"] = segment.substr(1, segment.size() - (IsRestOfPath(segment) ? 3 : 2));
      parameter["in"] = "path";
      parameter["required"] = true;
      parameter["schema"] = JsonLiteral(R"({"type": "string", "minLength": 1, "maxLength": 128})");
      parameters.append(parameter);
    }
  }
  for (const QueryParameter& query : AllQueryParameters(route))
  {
    Json::Value parameter;
    parameter["name"] = query.name;
    parameter["in"] = "query";
    parameter["description"] = query.description;
    parameter["required"] = query.required;
    parameter["schema"] = query.schema;
    parameters.append(parameter);
  }
  return parameters;
}

Json::Value Responses(const Route& route, bool hasParameters)
{
  Json::Value responses;
  // A handler may answer 200, 201, 202 or 204; all of them carry the same document, if any.
  Json::Value& success = responses["2XX"];
  success["description"] = "Success";
  if (!route.answer.isNull())
  {
    success["content"]["application/json"]["schema"] = route.answer;
  }
  std::vector<const char*> failures;
  if (hasParameters || route.body)
  {
    failures = {"400"};
  }
  if (route.permission.value != Permission::Public)
  {
    failures.insert(failures.end(), {"401", "403"});
  }
  if (route.path.find('{') != std::string::npos)
  {
    failures.push_back("404");
  }
  if (route.body)
  {
    failures.insert(failures.end(), {"413", "415", "422"});
  }
  failures.push_back("default");
  for (const char* const status : failures)
  {
    responses[status] = Reference("#/components/responses/Problem");
  }
  return responses;
}

Json::Value Operation(const Route& route)
{
  Json::Value operation;
  operation["operationId"] = OperationId(route);
  operation["summary"] = route.summary;
  operation["tags"].append(Tag(route));
  operation["x-permission"] = ToString(route.permission.value);
  operation["security"] = Json::arrayValue;
  if (route.permission.value != Permission::Public)
  {
    operation["security"][0]["basic"] = Json::arrayValue;
  }
  const Json::Value parameters = Parameters(route);
  if (!parameters.empty())
  {
    operation["parameters"] = parameters;
  }
  if (route.body && !route.upload)
  {
    operation["requestBody"]["required"] = !JsonSchema(*route.body).Validate(Json::nullValue).empty();
    operation["requestBody"]["content"]["application/json"]["schema"] = *route.body;
  }
  if (route.upload)
  {
    operation["requestBody"]["required"] = true;
    Json::Value& content = operation["requestBody"]["content"];
    content["multipart/form-data"]["schema"] = route.body.value_or(Json::objectValue);
    content["application/octet-stream"] = Json::objectValue;
  }
  operation["responses"] = Responses(route, !parameters.empty());
  return operation;
}
}  // namespace

std::vector<QueryParameter> AllQueryParameters(const Route& route)
{
  std::vector<QueryParameter> parameters = route.query;
  if (route.paged)
  {
    parameters.push_back(
        {"limit", "How many items to answer at most",
         JsonLiteral(R"({"type": "integer", "minimum": 1, "maximum": 1000, "default": 50})")});
    parameters.push_back(
        {"offset", "How many items to skip",
         JsonLiteral(R"({"type": "integer", "minimum": 0, "maximum": 1000000000, "default": 0})")});
  }
  return parameters;
}

std::vector<std::string> SplitPath(const std::string& path)
{
  std::vector<std::string> segments;
  for (size_t slash = path.find('/'); slash != std::string::npos;)
  {
    const size_t next = path.find('/', slash + 1);
    segments.push_back(path.substr(slash + 1, next == std::string::npos ? next : next - slash - 1));
    slash = next;
  }
  return segments;
}

bool IsParameter(const std::string& segment)
{
  return segment.starts_with('{') && segment.ends_with('}');
}

bool IsRestOfPath(const std::string& segment)
{
  return segment.starts_with('{') && segment.ends_with("*}");
}

Json::Value DescribeRoutes(const std::vector<const Route*>& routes, const std::string& version)
{
  Json::Value document = JsonLiteral(R"json({
    "openapi": "3.1.0",
    "info": {
      "title": "Orthanc Clinic",
      "description": "Patients, studies, matching and the operation of a clinic's imaging archive.",
      "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"}
    },
    "servers": [{"url": "/"}],
    "components": {
      "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
      "responses": {
        "Problem": {
          "description": "What went wrong, as RFC 9457 has it",
          "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        }
      },
      "schemas": {
        "Problem": {
          "type": "object",
          "required": ["type", "title", "status", "detail"],
          "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}}
              }
            }
          }
        }
      }
    }
  })json");
  document["info"]["version"] = version;
  document["paths"] = Json::objectValue;
  for (const Route* const route : routes)
  {
    document["paths"][route->path][ToLower(ToString(route->method))] = Operation(*route);
  }
  return document;
}
}  // namespace OrthancClinic
