// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Host/RestBridge.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <set>
#include <stdexcept>

#include "Core/Host/OrthancSdk.h"
#include "Core/LetterCase.h"
#include "Core/Rest/OpenApi.h"

namespace OrthancClinic
{
namespace
{
constexpr const char* REALM = "Orthanc Clinic";

OrthancPluginContext* context_ = nullptr;
std::atomic<const Router*> router_{nullptr};

// Orthanc 1.10.1 gives a plugin the query as it stands in the URL, other versions decode it first.
std::atomic<bool> queriesAreEncoded_{false};
thread_local std::string* probe_ = nullptr;

// Only the filter is told from where a request comes; it runs in the thread of the callback that follows.
thread_local std::string remoteAddress_;

std::function<bool(const HttpRequest&)> admits_;

// Orthanc takes a form (multipart/form-data) apart before any plugin sees it: it hands over each part as a
// request of its own and answers the client with an empty 200. And it reads a body whose length was announced
// as a whole into memory. Neither happens to a body of another type and of unknown length. The filter is
// asked before both decisions are made, and sees the very texts that they are made from; so for the router's
// uploads it marks them, by one character each, and ReadHead takes the marks away. (A name keeps its place in
// Orthanc's sorted map.) Where some Orthanc hands over copies, uploads work as before: bodies that are no
// form, in memory.
constexpr std::string_view FORM = "multipart/form-data";
constexpr std::string_view MARKED_FORM = "multipart/form_data";
constexpr std::string_view LENGTH = "content-length";
constexpr std::string_view MARKED_LENGTH = "content-lengti";

HttpMethod ReadMethod(OrthancPluginHttpMethod method)
{
  switch (method)
  {
    case OrthancPluginHttpMethod_Get:
      return HttpMethod::Get;
    case OrthancPluginHttpMethod_Post:
      return HttpMethod::Post;
    case OrthancPluginHttpMethod_Put:
      return HttpMethod::Put;
    case OrthancPluginHttpMethod_Delete:
      return HttpMethod::Delete;
    default:
      throw BadInput("This HTTP method is not known");
  }
}

HttpRequest ReadHead(OrthancPluginHttpMethod method, const char* url, uint32_t headers,
                     const char* const* headerKeys, const char* const* headerValues, uint32_t arguments,
                     const char* const* argumentKeys, const char* const* argumentValues)
{
  HttpRequest read;
  read.method = ReadMethod(method);
  read.path = url;
  read.remoteAddress = remoteAddress_;
  for (uint32_t i = 0; i < arguments; i++)
  {
    if (queriesAreEncoded_)
    {
      read.query.emplace_back(DecodeQueryText(argumentKeys[i]), DecodeQueryText(argumentValues[i]));
    }
    else
    {
      read.query.emplace_back(argumentKeys[i], argumentValues[i]);
    }
  }
  for (uint32_t i = 0; i < headers; i++)
  {
    const bool isLength = headerKeys[i] == MARKED_LENGTH;
    std::string& value = read.headers[isLength ? std::string(LENGTH) : headerKeys[i]];
    value = headerValues[i];
    if (value.starts_with(MARKED_FORM))
    {
      value.replace(0, FORM.size(), FORM);
    }
  }
  return read;
}

void Mark(const char* text, std::string_view from, std::string_view to)
{
  if (std::string_view(text).substr(0, from.size()) == from)
  {
    std::copy(to.begin(), to.end(), const_cast<char*>(text));
  }
}

void MarkUpload(uint32_t headers, const char* const* keys, const char* const* values)
{
  for (uint32_t i = 0; i < headers; i++)
  {
    if (keys[i] == LENGTH)
    {
      Mark(keys[i], LENGTH, MARKED_LENGTH);
    }
    else if (keys[i] == std::string_view("content-type") && ToLower(values[i]).starts_with(FORM))
    {
      Mark(values[i], std::string_view(values[i], FORM.size()), MARKED_FORM);
    }
  }
}

int32_t Filter(OrthancPluginHttpMethod method, const char* url, const char* remoteAddress, uint32_t headers,
               const char* const* headerKeys, const char* const* headerValues, uint32_t arguments,
               const char* const* argumentKeys, const char* const* argumentValues) noexcept
{
  bool admitted = false;
  Guarded("HTTP filter",
          [&]
          {
            remoteAddress_ = remoteAddress;
            const HttpRequest head = ReadHead(method, url, headers, headerKeys, headerValues, arguments,
                                              argumentKeys, argumentValues);
            admitted = admits_(head);
            const Router* const router = router_.load();
            if (admitted && router != nullptr && router->IsUpload(head.method, head.path))
            {
              MarkUpload(headers, headerKeys, headerValues);
            }
          });
  return admitted ? 1 : 0;
}

HttpRequest ReadRequest(const char* url, const OrthancPluginHttpRequest& request)
{
  HttpRequest read = ReadHead(request.method, url, request.headersCount, request.headersKeys,
                              request.headersValues, request.getCount, request.getKeys, request.getValues);
  if (request.bodySize != 0)
  {
    read.body.assign(static_cast<const char*>(request.body), request.bodySize);
  }
  return read;
}

// The SDK's inline functions drop the code that Orthanc returns: a refused answer would reach the client as
// nothing.
template <typename Parameters>
bool Invoke(_OrthancPluginService service, const Parameters& parameters)
{
  return context_->InvokeService(context_, service, &parameters) == OrthancPluginErrorCode_Success;
}

void SetHeader(OrthancPluginRestOutput* output, const std::string& name, const std::string& value)
{
  if (!Invoke(_OrthancPluginService_SetHttpHeader,
              _OrthancPluginSetHttpHeader{output, name.c_str(), value.c_str()}))
  {
    throw std::runtime_error("Orthanc refuses the header " + name);
  }
}

bool SendStatus(OrthancPluginRestOutput* output, int status, const std::string& body)
{
  return Invoke(_OrthancPluginService_SendHttpStatus,
                _OrthancPluginSendHttpStatus{output, static_cast<uint16_t>(status), body.data(),
                                             static_cast<uint32_t>(body.size())});
}

// What Orthanc's enumeration of statuses lacks, by what tells a client the same.
int KnownStatus(int status)
{
  if (status == 429)
  {
    return 503;  // with the Retry-After of the original
  }
  return status < 500 ? 400 : 500;
}

void Refused(int status)
{
  throw std::runtime_error(fmt::format("Orthanc refuses to answer {}", status));
}

void SendResponse(OrthancPluginRestOutput* output, const HttpResponse& response)
{
  if (response.body.size() > std::numeric_limits<uint32_t>::max())
  {
    throw std::length_error("An answer is larger than 4 GiB");
  }
  // Orthanc sends these only by services of their own, which take neither another header nor a body. It has
  // no 308.
  if (response.status == 301 || response.status == 308)
  {
    if (!Invoke(_OrthancPluginService_Redirect,
                _OrthancPluginOutputPlusArgument{output, response.headers.at("Location").c_str()}))
    {
      Refused(response.status);
    }
    return;
  }
  if (response.status == 405)
  {
    if (!Invoke(_OrthancPluginService_SendMethodNotAllowed,
                _OrthancPluginOutputPlusArgument{output, response.headers.at("Allow").c_str()}))
    {
      Refused(response.status);
    }
    return;
  }

  for (const auto& [name, value] : response.headers)
  {
    SetHeader(output, name, value);
  }
  if (response.status == 200)
  {
    if (!Invoke(_OrthancPluginService_AnswerBuffer,
                _OrthancPluginAnswerBuffer{output, response.body.data(),
                                           static_cast<uint32_t>(response.body.size()),
                                           response.contentType.c_str()}))
    {
      Refused(response.status);
    }
    return;
  }
  if (!response.body.empty())
  {
    SetHeader(output, "Content-Type", response.contentType);
  }
  if (SendStatus(output, response.status, response.body))
  {
    return;
  }
  // 401 is documented to have a service of its own, too: it loses the body, but not the browser's dialogue.
  const bool sent = response.status == 401 ? Invoke(_OrthancPluginService_SendUnauthorized,
                                                    _OrthancPluginOutputPlusArgument{output, REALM})
                                           : SendStatus(output, KnownStatus(response.status), response.body);
  if (!sent)
  {
    Refused(response.status);
  }
  LogWarning(
      fmt::format("Orthanc cannot answer {} as it should: something near it was sent", response.status));
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
                     SendResponse(output, HttpResponse{});
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

void RegisterRestBridge(OrthancPluginContext* context, const Router& router,
                        std::function<bool(const HttpRequest&)> admits)
{
  context_ = context;
  router_ = &router;
  admits_ = std::move(admits);
  OrthancPluginRegisterIncomingHttpRequestFilter2(context, Filter);
}

namespace
{
// Orthanc gives back the pointer that it was given.
Router::Incoming* Uploading(OrthancPluginServerChunkedRequestReader* reader)
{
  return reinterpret_cast<Router::Incoming*>(reader);
}

OrthancPluginErrorCode BeginUpload(OrthancPluginServerChunkedRequestReader** reader, const char* url,
                                   const OrthancPluginHttpRequest* request) noexcept
{
  return Guarded("upload",
                 [&]
                 {
                   const Router* const router = router_.load();
                   if (router == nullptr)
                   {
                     throw Unavailable("Orthanc is starting or stopping");
                   }
                   *reader = reinterpret_cast<OrthancPluginServerChunkedRequestReader*>(
                       router->Receive(ReadRequest(url, *request)).release());
                 });
}

OrthancPluginErrorCode AddToUpload(OrthancPluginServerChunkedRequestReader* reader, const void* data,
                                   uint32_t size) noexcept
{
  Uploading(reader)->Add({static_cast<const char*>(data), size});
  return OrthancPluginErrorCode_Success;
}

OrthancPluginErrorCode FinishUpload(OrthancPluginServerChunkedRequestReader* reader,
                                    OrthancPluginRestOutput* output) noexcept
{
  return Guarded("upload", [&] { SendResponse(output, Uploading(reader)->Finish()); });
}

void EndUpload(OrthancPluginServerChunkedRequestReader* reader) noexcept
{
  delete Uploading(reader);
}
}  // namespace

void ServeUploads()
{
  static std::set<std::string> served;
  for (const Route* route : router_.load()->Routes())
  {
    if (!route->upload || !served.insert(route->path).second)
    {
      continue;
    }
    std::string expression;
    for (const std::string& segment : SplitPath(route->path))
    {
      expression += "/" + (IsParameter(segment) ? "[^/]+" : segment);
    }
    OrthancPluginRegisterChunkedRestCallback(
        context_, expression.c_str(), nullptr, route->method == HttpMethod::Post ? BeginUpload : nullptr,
        nullptr, route->method == HttpMethod::Put ? BeginUpload : nullptr, AddToUpload, FinishUpload,
        EndUpload);
  }
}

void ServeRestPath(const std::string& path)
{
  // The expression is anchored by Orthanc; "/api/(.*)" alone would not match "/api".
  OrthancPluginRegisterRestCallbackNoLock(context_, path.c_str(), Answer);
  OrthancPluginRegisterRestCallbackNoLock(context_, (path + "/(.*)").c_str(), Answer);
}
}  // namespace OrthancClinic
