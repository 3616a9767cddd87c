// SPDX-License-Identifier: GPL-3.0-or-later

#include "ObjectStoreTarget.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "Core/Errors.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic::Replication
{
namespace
{
constexpr std::chrono::hours CHECK_EVERY(24);
constexpr size_t MEBIBYTE = 1 << 20;
constexpr size_t LARGEST = size_t{5} << 30;  // bytes of an object that is got at once
}  // namespace

std::string EncodeUri(const std::string& text, bool keepSlash)
{
  std::string encoded;
  for (const char c : text)
  {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || (keepSlash && c == '/');
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::string FromHexadecimal(const std::string& text)
{
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
  {
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

std::string HeaderOf(const HttpReply& reply, const char* name)
{
  const auto header = reply.headers.find(name);
  return header == reply.headers.end() ? "" : header->second;
}

pugi::xml_document ParseXml(const std::string& text)
{
  pugi::xml_document document;
  if (!document.load_buffer(text.data(), text.size(), pugi::parse_default))
  {
    throw Unavailable("The object store's answer is no XML");
  }
  return document;
}

std::string ErrorCodeOf(const HttpReply& reply)
{
  pugi::xml_document document;
  if (document.load_buffer(reply.body.data(), reply.body.size()))
  {
    return document.child("Error").child_value("Code");
  }
  return HeaderOf(reply, "x-ms-error-code");  // Azure's, of a HEAD, too
}

HttpReply Expect(HttpReply reply, const char* what)
{
  if (reply.status >= 200 && reply.status < 300)
  {
    return reply;
  }
  const std::string code = ErrorCodeOf(reply);
  const std::string message =
      fmt::format("{}: the object store answered {}{}", what, reply.status, code.empty() ? "" : " " + code);
  // What an administrator can mend.
  static const std::map<std::string, const char*> MEANINGS = {
      // S3
      {"AuthorizationHeaderMalformed", "the region is not that of the bucket"},
      {"RequestTimeTooSkewed", "the clock of this machine or of the store is wrong"},
      {"InvalidAccessKeyId", "there is no such access key"},
      {"SignatureDoesNotMatch", "the secret key is wrong"},
      {"AccessDenied", "the access key or its secret is wrong, or may not do this"},
      {"NoSuchBucket", "there is no such bucket"},
      // Azure
      {"AuthenticationFailed", "the account key is wrong, or the clock of this machine"},
      {"AuthorizationFailure", "the account's firewall does not let this machine in"},
      {"KeyBasedAuthenticationNotPermitted", "the account does not permit account keys"},
      {"ContainerNotFound", "there is no such container"},
      {"BlobImmutableDueToPolicy", "the container's immutability policy forbids it"},
      {"SnapshotsPresent", "it has snapshots, which must be deleted first"}};
  if (const auto meaning = MEANINGS.find(code); meaning != MEANINGS.end())
  {
    throw Unavailable(message + ": " + meaning->second);
  }
  // A server that is busy or broken, keys or a bucket that an administrator will mend.
  const bool passes = reply.status >= 500 || reply.status == 401 || reply.status == 403 ||
                      reply.status == 404 || reply.status == 408 || reply.status == 409 ||
                      reply.status == 429 || reply.status < 400;
  if (code == "BadDigest" || code == "Md5Mismatch")
  {
    throw Unavailable(message + ": what was sent is not what its checksum says; is Orthanc's file damaged?");
  }
  if (passes || code == "RequestTimeout" || code == "XAmzContentSHA256Mismatch" || code == "InvalidBlockList")
  {
    throw Unavailable(message, RetryAfter(reply));
  }
  throw PermanentFailure(message);
}

ObjectStoreTarget::ObjectStoreTarget(const TargetOptions& options, const ResidencyPolicy& policy)
    : options_(options),
      guard_(policy),
      http_({.connectTimeout = std::min<std::chrono::milliseconds>(std::chrono::seconds(10), options.timeout),
             .timeout = options.timeout,
             .largestBody = LARGEST,
             .connections = options.concurrency + 2})
{
}

std::string ObjectStoreTarget::FullKey(const std::string& key) const
{
  return options_.prefix.empty() ? key : options_.prefix + "/" + key;
}

size_t ObjectStoreTarget::PartSize(size_t size, size_t mostParts) const
{
  return std::max(static_cast<size_t>(options_.partMebibytes) * MEBIBYTE, (size + mostParts - 1) / mostParts);
}

void ObjectStoreTarget::CheckOnce()
{
  {
    const std::lock_guard lock(mutex_);
    if (checkedAt_ && Now() - *checkedAt_ < CHECK_EVERY)
    {
      return;
    }
  }
  Check();
  const std::lock_guard lock(mutex_);
  checkedAt_ = Now();
}

std::string ObjectStoreTarget::Put(const std::string& key, IContent& content, const std::string& contentType,
                                   const UploadMemory& memory, const std::function<bool()>& isCancelled)
{
  CheckOnce();
  return content.Size() > static_cast<size_t>(options_.partMebibytes) * MEBIBYTE
             ? PutInParts(FullKey(key), content, contentType, memory, isCancelled)
             : PutWhole(FullKey(key), content, contentType, isCancelled);
}
}  // namespace OrthancClinic::Replication
