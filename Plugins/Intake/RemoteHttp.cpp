// SPDX-License-Identifier: GPL-3.0-or-later

#include "RemoteHttp.h"

#include <fmt/format.h>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/Tags.h"
#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
// An image of a volume is one file; more than this does not fit into Orthanc either.
constexpr size_t LARGEST_IMAGE = 2047ULL << 20;
constexpr std::chrono::hours LONGEST_DOWNLOAD(2);
constexpr unsigned DEEPEST_JSON = 32;

std::string Meaning(int status)
{
  switch (status)
  {
    case 401:
      return "it does not accept the user and the password, or the token";
    case 403:
      return "these credentials may not do that there";
    case 404:
      return "there is no such service at this URL";
    default:
      return status >= 300 && status < 400 ? "it redirects elsewhere: give its real URL"
                                           : "it cannot serve this now";
  }
}
}  // namespace

RemoteHttp::RemoteHttp(const RemoteServer& server, std::chrono::seconds retrieval)
    : server_(server),
      client_({.connectTimeout = server.timeout,
               .timeout = server.timeout,
               .stall = server.timeout,
               .user = server.user,
               .password = server.password}),
      downloads_({.connectTimeout = server.timeout,
                  .timeout = LONGEST_DOWNLOAD,
                  .stall = retrieval,
                  .largestBody = LARGEST_IMAGE,
                  .user = server.user,
                  .password = server.password})
{
}

HttpReply RemoteHttp::Send(HttpClient& client, HttpCall call) const
{
  if (!server_.token.empty())
  {
    call.headers.emplace_back("Authorization", "Bearer " + server_.token);
  }
  HttpReply reply = client.Send(call);
  if (reply.status != 200 && reply.status != 204)
  {
    throw Unavailable(fmt::format("The server answers {}: {}", reply.status, Meaning(reply.status)),
                      RetryAfter(reply));
  }
  return reply;
}

HttpReply RemoteHttp::Get(const std::string& path, const std::string& accept)
{
  return Send(client_, {.url = server_.url + path, .headers = {{"Accept", accept}}});
}

HttpReply RemoteHttp::Post(const std::string& path, const Json::Value& body)
{
  const std::string text = WriteJson(body);
  return Send(client_, {.method = "POST",
                        .url = server_.url + path,
                        .headers = {{"Content-Type", "application/json"}},
                        .body = text});
}

HttpReply RemoteHttp::Download(const std::string& path, const std::string& accept,
                               const std::function<bool()>& goesOn)
{
  return Send(downloads_, {.url = server_.url + path, .headers = {{"Accept", accept}}, .isCancelled = [&] {
                             return !goesOn();
                           }});
}

Json::Value JsonOf(const HttpReply& reply)
{
  if (reply.status == 204 || reply.body.empty())
  {
    return Json::arrayValue;
  }
  try
  {
    return ParseJson(reply.body, DEEPEST_JSON);
  }
  catch (const BadInput& error)
  {
    throw Unavailable(std::string("What the server answers is no JSON: ") + error.what());
  }
}

void Store(IOrthanc& orthanc, const std::string& dicom, const std::string& studyInstanceUid,
           const std::string& sopInstanceUid)
{
  Json::Value tags;
  try
  {
    tags = orthanc.ReadDicom(dicom);
  }
  catch (const BadInput&)
  {
    throw Unavailable("The server sends something that is no DICOM");
  }
  if (Tag(tags, "0020,000d") != studyInstanceUid || Tag(tags, "0008,0018") != sopInstanceUid)
  {
    throw Unavailable("The server sends another image than the one that was asked for");
  }
  orthanc.Post("/instances", dicom);
}
}  // namespace OrthancClinic::Intake
