// SPDX-License-Identifier: GPL-3.0-or-later

#include "RemoteProvider.h"

#include <fmt/format.h>

#include "Core/Errors.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr size_t LARGEST_ANSWER = 4 << 20;
}  // namespace

RemoteProvider::RemoteProvider(const ProviderOptions& options, Images& images)
    : options_(options),
      images_(images),
      // A model that thinks sends nothing for as long as it likes, within the time of the call.
      http_({.timeout = std::chrono::seconds(options.timeoutSeconds),
             .stall = std::chrono::seconds(options.timeoutSeconds),
             .largestBody = LARGEST_ANSWER,
             .connections = options.concurrency,
             .certificateAuthorities = options.certificateAuthorities})
{
}

std::vector<std::string> RemoteProvider::RenderAll(const Question& question)
{
  std::vector<std::string> rendered;
  for (const AnalysedImage& image : question.images)
  {
    CheckBurnedIn(options_, image);
    try
    {
      rendered.push_back(images_.Rendered(image, options_.longEdge, options_.asJpeg));
    }
    catch (const BadInput&)
    {
      throw PermanentFailure("An image of the study cannot be decoded");
    }
  }
  return rendered;
}

std::string RemoteProvider::Post(const std::string& url, const HttpHeaders& headers, const std::string& body,
                                 const std::function<bool()>& isCancelled)
{
  HttpReply reply;
  try
  {
    reply = http_.Send(
        {.method = "POST", .url = url, .headers = headers, .body = body, .isCancelled = isCancelled});
  }
  catch (const ReplyTooLarge&)
  {
    // Paid for: not asked again.
    throw PermanentFailure("The provider's answer cannot be used: it is too large");
  }
  if (reply.status == 200)
  {
    return std::move(reply.body);
  }
  const std::string message = fmt::format("The provider answered {}", reply.status);
  // It is busy or broken, or a key, a name or a quota that an administrator will mend.
  if (reply.status >= 500 || reply.status == 401 || reply.status == 402 || reply.status == 403 ||
      reply.status == 404 || reply.status == 408 || reply.status == 409 || reply.status == 429 ||
      reply.status < 400)
  {
    throw Unavailable(message, RetryAfter(reply));
  }
  throw PermanentFailure(message);
}
}  // namespace OrthancClinic::Analysis
