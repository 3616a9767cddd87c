// SPDX-License-Identifier: GPL-3.0-or-later

#include "S3Target.h"

#include <openssl/evp.h>

#include <fmt/format.h>

#include <array>
#include <map>
#include <pugixml.hpp>

#include "Core/Errors.h"
#include "Core/Tasks/TaskWorkers.h"
#include "Core/Timestamp.h"
#include "DirectoryTarget.h"

namespace OrthancClinic::Replication
{
namespace
{
constexpr std::chrono::hours CHECK_EVERY(24);
constexpr size_t MEBIBYTE = 1 << 20;
constexpr size_t LARGEST = size_t{5} << 30;  // bytes of an object that is got at once
constexpr int MOST_PARTS = 10'000;

std::string Digest(std::string_view bytes, const EVP_MD* algorithm)
{
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, algorithm, nullptr) != 1)
  {
    throw Unavailable("A checksum cannot be computed");
  }
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string Hex(const std::string& bytes)
{
  std::string text;
  for (const char c : bytes)
  {
    text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

std::string FromHex(const std::string& text)
{
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
  {
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

std::string Base64(const std::string& bytes)
{
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

// What SigV4 wants encoded: everything but A-Z a-z 0-9 - _ . ~ (and '/' in a path).
std::string Encode(const std::string& text, bool keepSlash)
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

pugi::xml_document ParseXml(const std::string& text)
{
  pugi::xml_document document;
  if (!document.load_buffer(text.data(), text.size(), pugi::parse_default))
  {
    throw Unavailable("The object store's answer is no XML");
  }
  return document;
}

std::string Unquote(std::string etag)
{
  std::erase(etag, '"');
  return etag;
}

std::string Header(const HttpReply& reply, const char* name)
{
  const auto header = reply.headers.find(name);
  return header == reply.headers.end() ? "" : header->second;
}
}  // namespace

Checksums ComputeChecksums(std::string_view bytes)
{
  return {Hex(Digest(bytes, EVP_md5())), Hex(Digest(bytes, EVP_sha256()))};
}

std::unique_ptr<ITarget> MakeTarget(const TargetOptions& options, const ResidencyPolicy& policy)
{
  if (options.isS3)
  {
    return std::make_unique<S3Target>(options, policy);
  }
  return std::make_unique<DirectoryTarget>(options);
}

S3Target::S3Target(const TargetOptions& options, const ResidencyPolicy& policy)
    : options_(options),
      guard_(policy),
      http_({.timeout = std::chrono::minutes(10),
             .largestBody = LARGEST,
             .connections = options.concurrency + 2})
{
}

std::string S3Target::FullKey(const std::string& key) const
{
  return options_.prefix.empty() ? key : options_.prefix + "/" + key;
}

std::string S3Target::Url(const std::string& key, const std::string& query) const
{
  std::string url = options_.endpoint;
  if (options_.pathStyle)
  {
    url += "/" + options_.bucket;
  }
  else
  {
    url.insert(url.find("://") + 3, options_.bucket + ".");
  }
  url += key.empty() && options_.pathStyle ? "" : "/" + Encode(key, true);
  return query.empty() ? url : url + "?" + query;
}

HttpReply S3Target::Call(const std::string& method, const std::string& url, const std::string& body,
                         Headers headers, const std::string& sha256)
{
  headers.emplace_back("x-amz-content-sha256", sha256);
  return http_.Send({.method = method,
                     .url = url,
                     .headers = std::move(headers),
                     .body = body,
                     .signature = AwsSignature{options_.region, options_.accessKey, options_.secretKey}});
}

HttpReply S3Target::Expect(HttpReply reply, const char* what) const
{
  if (reply.status >= 200 && reply.status < 300)
  {
    return reply;
  }
  std::string code;
  pugi::xml_document document;
  if (document.load_buffer(reply.body.data(), reply.body.size()))
  {
    code = document.child("Error").child_value("Code");
  }
  const std::string message =
      fmt::format("{}: the object store answered {}{}", what, reply.status, code.empty() ? "" : " " + code);
  if (code == "AuthorizationHeaderMalformed")
  {
    throw Unavailable(message + ": the region is not that of the bucket");
  }
  if (code == "RequestTimeTooSkewed")
  {
    throw Unavailable(message + ": the clock of this machine or of the store is wrong");
  }
  // A server that is busy or broken, keys or a bucket that an administrator will mend.
  const bool passes = reply.status >= 500 || reply.status == 401 || reply.status == 403 ||
                      reply.status == 404 || reply.status == 408 || reply.status == 409 ||
                      reply.status == 429 || reply.status < 400;
  if (passes || code == "RequestTimeout" || code == "BadDigest" || code == "XAmzContentSHA256Mismatch")
  {
    throw Unavailable(message);
  }
  throw PermanentFailure(message);
}

void S3Target::Check()
{
  guard_.CheckStorage({options_.endpoint, options_.region, options_.jurisdiction, options_.assessment});
  // Only the bucket's name leaves here.
  const HttpReply head = Call("HEAD", Url(""));
  const std::string told = Header(head, "x-amz-bucket-region");
  if (!told.empty() && told != options_.region)
  {
    throw Forbidden("The bucket is in the region " + told + ", not in " + options_.region);
  }
  if (told.empty() || head.status >= 400)
  {
    // Also says why the bucket is closed, which the answer to HEAD does not.
    const HttpReply location = Expect(Call("GET", Url("", "location=")), "The bucket's location");
    const std::string region = ParseXml(location.body).child("LocationConstraint").child_value();
    if (region != options_.region)
    {
      throw Forbidden("The bucket is in the region " + (region.empty() ? "us-east-1" : region) + ", not in " +
                      options_.region);
    }
  }
  if (!options_.lockMode.empty())
  {
    const HttpReply lock = Call("GET", Url("", "object-lock="));
    if (lock.status != 200 || lock.body.find("Enabled") == std::string::npos)
    {
      throw Forbidden("The bucket has no Object Lock, which is configured");
    }
  }
}

void S3Target::CheckOnce()
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

S3Target::Headers S3Target::StorageHeaders() const
{
  Headers headers;
  if (!options_.encryption.empty())
  {
    headers.emplace_back("x-amz-server-side-encryption", options_.encryption);
  }
  if (!options_.kmsKeyId.empty())
  {
    headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", options_.kmsKeyId);
  }
  if (!options_.storageClass.empty())
  {
    headers.emplace_back("x-amz-storage-class", options_.storageClass);
  }
  if (!options_.lockMode.empty())
  {
    headers.emplace_back("x-amz-object-lock-mode", options_.lockMode);
    headers.emplace_back("x-amz-object-lock-retain-until-date",
                         ToString(Now() + std::chrono::hours(24 * options_.lockDays)));
  }
  return headers;
}

void S3Target::Put(const std::string& key, const std::string& bytes, const Checksums& checksums,
                   const std::string& contentType, const UploadMemory& memory)
{
  CheckOnce();
  if (bytes.size() > static_cast<size_t>(options_.partMebibytes) * MEBIBYTE)
  {
    PutInParts(FullKey(key), bytes, contentType, memory);
  }
  else
  {
    PutWhole(FullKey(key), bytes, checksums, contentType);
  }
  // A store that took less than it was sent, or another thing, must not be believed.
  const auto size = Size(key);
  if (!size || *size != static_cast<int64_t>(bytes.size()))
  {
    throw Unavailable("The object store does not hold what was sent");
  }
}

void S3Target::PutWhole(const std::string& key, const std::string& bytes, const Checksums& checksums,
                        const std::string& contentType)
{
  Headers headers = StorageHeaders();
  headers.emplace_back("Content-Type", contentType);
  headers.emplace_back("Content-MD5", Base64(FromHex(checksums.md5)));
  const HttpReply reply =
      Expect(Call("PUT", Url(key), bytes, std::move(headers), checksums.sha256), "Storing an object");
  // With a key of KMS the ETag is not the MD5.
  if (options_.encryption != "aws:kms" && Unquote(Header(reply, "etag")) != checksums.md5)
  {
    throw Unavailable("The object store's checksum differs from that of what was sent");
  }
}

void S3Target::PutInParts(const std::string& key, const std::string& bytes, const std::string& contentType,
                          const UploadMemory& memory)
{
  const size_t partSize = std::max(static_cast<size_t>(options_.partMebibytes) * MEBIBYTE,
                                   (bytes.size() + MOST_PARTS - 1) / MOST_PARTS);
  std::map<int, std::string> stored;  // number → ETag
  std::optional<std::string> upload = memory.recall();
  if (upload)
  {
    const HttpReply listed = Call("GET", Url(key, "uploadId=" + Encode(*upload, false)));
    if (listed.status == 200)
    {
      for (const auto& part : ParseXml(listed.body).child("ListPartsResult").children("Part"))
      {
        stored[std::stoi(part.child_value("PartNumber"))] = Unquote(part.child_value("ETag"));
      }
    }
    else
    {
      upload.reset();  // aborted, or ended
    }
  }
  if (!upload)
  {
    Headers headers = StorageHeaders();
    headers.emplace_back("Content-Type", contentType);
    const HttpReply begun =
        Expect(Call("POST", Url(key, "uploads="), "", std::move(headers)), "Beginning an upload");
    upload = ParseXml(begun.body).child("InitiateMultipartUploadResult").child_value("UploadId");
    memory.remember(*upload);
  }

  pugi::xml_document completion;
  pugi::xml_node root = completion.append_child("CompleteMultipartUpload");
  int number = 1;
  for (size_t begin = 0; begin < bytes.size(); begin += partSize, number++)
  {
    const std::string part = bytes.substr(begin, partSize);
    const Checksums checksums = ComputeChecksums(part);
    if (stored[number] != checksums.md5)
    {
      const HttpReply reply = Expect(
          Call("PUT", Url(key, fmt::format("partNumber={}&uploadId={}", number, Encode(*upload, false))),
               part, {{"Content-MD5", Base64(FromHex(checksums.md5))}}, checksums.sha256),
          "Storing a part");
      if (options_.encryption != "aws:kms" && Unquote(Header(reply, "etag")) != checksums.md5)
      {
        throw Unavailable("The object store's checksum differs from that of what was sent");
      }
      stored[number] = Unquote(Header(reply, "etag"));
    }
    pugi::xml_node node = root.append_child("Part");
    node.append_child("PartNumber").text().set(number);
    node.append_child("ETag").text().set(("\"" + stored[number] + "\"").c_str());
  }
  std::ostringstream body;
  completion.save(body, "", pugi::format_raw);
  const HttpReply done =
      Expect(Call("POST", Url(key, "uploadId=" + Encode(*upload, false)), body.str(),
                  {{"Content-Type", "application/xml"}}, ComputeChecksums(body.str()).sha256),
             "Ending an upload");
  // This answer may be an error with the status 200.
  if (!ParseXml(done.body).child("CompleteMultipartUploadResult"))
  {
    throw Unavailable("The object store did not put the parts together");
  }
}

std::optional<int64_t> S3Target::Size(const std::string& key)
{
  CheckOnce();
  const HttpReply reply = Call("HEAD", Url(FullKey(key)));
  if (reply.status == 404)
  {
    return std::nullopt;
  }
  return std::stoll(Header(Expect(reply, "Asking for an object"), "content-length"));
}

std::optional<std::string> S3Target::Get(const std::string& key)
{
  CheckOnce();
  HttpReply reply = Call("GET", Url(FullKey(key)));
  if (reply.status == 404)
  {
    return std::nullopt;
  }
  return Expect(std::move(reply), "Getting an object").body;
}

void S3Target::Delete(const std::string& key)
{
  CheckOnce();
  const HttpReply reply = Call("DELETE", Url(FullKey(key)));
  if (reply.status != 404)
  {
    Expect(reply, "Deleting an object");
  }
}

void S3Target::List(const std::string& folder, const std::function<void(const std::string&)>& each)
{
  CheckOnce();
  const std::string prefix = options_.prefix.empty() ? folder : options_.prefix + "/" + folder;
  std::string token;
  do
  {
    std::string query = token.empty() ? "" : "continuation-token=" + Encode(token, false) + "&";
    query += "delimiter=%2F&list-type=2&prefix=" + Encode(prefix, false);
    const HttpReply reply = Expect(Call("GET", Url("", query)), "Listing objects");
    const pugi::xml_document document = ParseXml(reply.body);
    const pugi::xml_node result = document.child("ListBucketResult");
    for (const auto& node : result.children("CommonPrefixes"))
    {
      each(std::string(node.child_value("Prefix")).substr(prefix.size()));
    }
    for (const auto& node : result.children("Contents"))
    {
      each(std::string(node.child_value("Key")).substr(prefix.size()));
    }
    token = result.child_value("NextContinuationToken");
  } while (!token.empty());
}

void S3Target::Tidy(Timestamp before)
{
  CheckOnce();
  const std::string prefix = options_.prefix.empty() ? "" : options_.prefix + "/";
  const HttpReply reply =
      Expect(Call("GET", Url("", "prefix=" + Encode(prefix, false) + "&uploads=")), "Listing uploads");
  for (const auto& node : ParseXml(reply.body).child("ListMultipartUploadsResult").children("Upload"))
  {
    const auto begun = ParseTimestamp(node.child_value("Initiated"));
    if (begun && *begun < before)
    {
      Call("DELETE", Url(node.child_value("Key"), "uploadId=" + Encode(node.child_value("UploadId"), false)));
    }
  }
}
}  // namespace OrthancClinic::Replication
