// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Host/RestBridge.h"

#include <atomic>

#include "Core/Host/OrthancSdk.h"

namespace OrthancClinic
{
namespace
{
OrthancPluginContext* context_ = nullptr;
std::atomic<const Router*> router_{nullptr};

// Orthanc 1.10.1 gives a plugin the query as it stands in the URL, other versions decode it first.
std::atomic<bool> queriesAreEncoded_{false};
thread_local std::string* probe_ = nullptr;

std::string DecodeQuery(const char* text)
{
  const auto digit = [](char c)
  {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string decoded;
  for (const char* c = text; *c != '\0'; c++)
  {
    if (*c == '%' && digit(c[1]) >= 0 && digit(c[2]) >= 0)
    {
      decoded += static_cast<char>(digit(c[1]) * 16 + digit(c[2]));
      c += 2;
    }
    else
    {
      decoded += (*c == '+') ? ' ' : *c;
    }
  }
  return decoded;
}

HttpRequest ReadRequest(const char* url, const OrthancPluginHttpRequest& request)
{
  HttpRequest read;
  switch (request.method)
  {
    case OrthancPluginHttpMethod_Get:
      read.method = HttpMethod::Get;
      break;
    case OrthancPluginHttpMethod_Post:
      read.method = HttpMethod::Post;
      break;
    case OrthancPluginHttpMethod_Put:
      read.method = HttpMethod::Put;
      break;
    case OrthancPluginHttpMethod_Delete:
      read.method = HttpMethod::Delete;
      break;
    default:
      throw BadInput("This HTTP method is not known");
  }
  read.path = url;
  for (uint32_t i = 0; i < request.getCount; i++)
  {
    if (queriesAreEncoded_)
    {
      read.query.emplace_back(DecodeQuery(request.getKeys[i]), DecodeQuery(request.getValues[i]));
    }
    else
    {
      read.query.emplace_back(request.getKeys[i], request.getValues[i]);
    }
  }
  for (uint32_t i = 0; i < request.headersCount; i++)
  {
    read.headers[request.headersKeys[i]] = request.headersValues[i];
  }
  if (request.bodySize != 0)
  {
    read.body.assign(static_cast<const char*>(request.body), request.bodySize);
  }
  return read;
}

// Statuses that Orthanc 1.10.1 refuses in SendHttpStatus, since it has functions of their own for them (and
// one that it does not know).
constexpr int OK = 200;
constexpr int UNAUTHORIZED = 401;
constexpr int METHOD_NOT_ALLOWED = 405;
constexpr int PERMANENT_REDIRECT = 308;

std::string HeaderOf(const HttpResponse& response, const std::string& name)
{
  const auto header = response.headers.find(name);
  return header == response.headers.end() ? "" : header->second;
}

void SendResponse(OrthancPluginRestOutput* output, const HttpResponse& response)
{
  const auto size = static_cast<uint32_t>(response.body.size());
  switch (response.status)
  {
    case METHOD_NOT_ALLOWED:
      OrthancPluginSendMethodNotAllowed(context_, output, HeaderOf(response, "Allow").c_str());
      return;
    case UNAUTHORIZED:
      OrthancPluginSendUnauthorized(context_, output, "Orthanc Clinic");
      return;
    case PERMANENT_REDIRECT:
      OrthancPluginRedirect(context_, output, HeaderOf(response, "Location").c_str());
      return;
    default:
      break;
  }

  for (const auto& [name, value] : response.headers)
  {
    OrthancPluginSetHttpHeader(context_, output, name.c_str(), value.c_str());
  }
  if (response.status == OK)
  {
    OrthancPluginAnswerBuffer(context_, output, response.body.data(), size, response.contentType.c_str());
    return;
  }
  if (!response.body.empty())
  {
    OrthancPluginSetHttpHeader(context_, output, "Content-Type", response.contentType.c_str());
  }
  OrthancPluginSendHttpStatus(context_, output, static_cast<uint16_t>(response.status), response.body.data(),
                              size);
}

OrthancPluginErrorCode Answer(OrthancPluginRestOutput* output, const char* url,
                              const OrthancPluginHttpRequest* request) noexcept
{
  return Guarded("REST",
                 [&]
                 {
                   if (probe_ != nullptr)
                   {
                     *probe_ = request->getCount == 1 ? request->getValues[0] : "";
                     OrthancPluginAnswerBuffer(context_, output, "", 0, "text/plain");
                     return;
                   }
                   const Router* const router = router_.load();
                   if (router == nullptr)
                   {
                     SendResponse(output, Problem(503, "Orthanc is starting or stopping"));
                     return;
                   }
                   SendResponse(output, router->Dispatch(ReadRequest(url, *request)));
                 });
}
}  // namespace

void ProbeQueryDecoding()
{
  // A call within the process is handled in its own thread, and by the same code as one over HTTP.
  std::string seen;
  probe_ = &seen;
  OrthancBuffer answer(context_);
  OrthancPluginRestApiGetAfterPlugins(context_, answer.Out(), "/api?probe=%41");
  probe_ = nullptr;
  queriesAreEncoded_ = (seen == "%41");
}

void RegisterRestBridge(OrthancPluginContext* context, const Router& router)
{
  context_ = context;
  router_ = &router;
  // The expression is anchored by Orthanc; "/api/(.*)" alone would not match "/api".
  OrthancPluginRegisterRestCallbackNoLock(context, "/api", Answer);
  OrthancPluginRegisterRestCallbackNoLock(context, "/api/(.*)", Answer);
}
}  // namespace OrthancClinic
