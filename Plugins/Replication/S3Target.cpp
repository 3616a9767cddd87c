// SPDX-License-Identifier: GPL-3.0-or-later

#include "S3Target.h"

#include <fmt/format.h>

#include <map>

#include "AzureTarget.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Timestamp.h"
#include "DicomTarget.h"
#include "DirectoryTarget.h"

namespace OrthancClinic::Replication
{
namespace
{
constexpr int MOST_PARTS = 10'000;

std::string Unquote(std::string etag)
{
  std::erase(etag, '"');
  return etag;
}

}  // namespace

std::unique_ptr<ITarget> MakeTarget(const TargetOptions& options, const ResidencyPolicy& policy,
                                    IOrthanc& orthanc)
{
  switch (options.type)
  {
    case TargetType::S3:
      return std::make_unique<S3Target>(options, policy);
    case TargetType::Azure:
      return std::make_unique<AzureTarget>(options, policy);
    case TargetType::Directory:
      return std::make_unique<DirectoryTarget>(options);
    case TargetType::Dicom:
      return std::make_unique<DicomTarget>(options, policy, orthanc);
  }
  throw std::logic_error("A target of no type");
}

S3Target::S3Target(const TargetOptions& options, const ResidencyPolicy& policy)
    : ObjectStoreTarget(options, policy), credentials_(options)
{
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
  url += key.empty() && options_.pathStyle ? "" : "/" + EncodeUri(key, true);
  return query.empty() ? url : url + "?" + query;
}

HttpReply S3Target::Call(const std::string& method, const std::string& url, std::string_view body,
                         Headers headers, const std::string& sha256, const std::function<bool()>& isCancelled)
{
  const AwsKeys keys = credentials_.Get();
  headers.emplace_back("x-amz-content-sha256", sha256);
  if (!keys.sessionToken.empty())
  {
    headers.emplace_back("x-amz-security-token", keys.sessionToken);
  }
  return http_.Send({.method = method,
                     .url = url,
                     .headers = std::move(headers),
                     .body = body,
                     .signature = AwsSignature{options_.region, keys.accessKey, keys.secretKey},
                     .bytesPerSecond = options_.bytesPerSecond / options_.concurrency,
                     .isCancelled = isCancelled});
}

void S3Target::Check()
{
  guard_.CheckStorage({options_.endpoint, options_.region, options_.jurisdiction, options_.assessment});
  // Only the bucket's name leaves here.
  const HttpReply head = Call("HEAD", Url(""));
  const std::string told = HeaderOf(head, "x-amz-bucket-region");
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

// A store that took less than it was sent, or another thing, must not be believed. With a key of KMS the ETag
// is not the MD5 (docs.aws.amazon.com, "Checking object integrity").
void S3Target::CompareETag(const HttpReply& reply, const std::string& md5) const
{
  if (options_.encryption != "aws:kms" && Unquote(HeaderOf(reply, "etag")) != md5)
  {
    throw Unavailable("The object store's checksum differs from that of what was sent");
  }
}

HttpReply S3Target::CallPut(const std::string& key, std::string_view bytes, const std::string& md5,
                            const std::string& sha256, Headers headers,
                            const std::function<bool()>& isCancelled)
{
  for (auto& header : StorageHeaders())
  {
    headers.push_back(std::move(header));
  }
  headers.emplace_back("Content-MD5", ToBase64(FromHexadecimal(md5)));
  return Call("PUT", Url(key), bytes, std::move(headers), sha256, isCancelled);
}

std::string S3Target::PutWhole(const std::string& key, IContent& content, const std::string& contentType,
                               const std::function<bool()>& isCancelled)
{
  const std::string_view bytes = content.Read(0, content.Size());
  const std::string md5 = content.Md5().empty() ? Md5Of(bytes) : content.Md5();
  std::string sha256 = Sha256Of(bytes);
  CompareETag(Expect(CallPut(key, bytes, md5, sha256, {{"Content-Type", contentType}}, isCancelled),
                     "Storing an object"),
              md5);
  return sha256;
}

bool S3Target::PutNew(const std::string& name, IContent& content, const std::string& contentType,
                      const std::function<bool()>& isCancelled)
{
  CheckOnce();
  const std::string key = FullKey(name);
  const std::string_view bytes = content.Read(0, content.Size());
  const HttpReply reply = CallPut(key, bytes, content.Md5(), Sha256Of(bytes),
                                  {{"Content-Type", contentType}, {"If-None-Match", "*"}}, isCancelled);
  if (reply.status == 412)
  {
    return false;
  }
  if (reply.status == 501)
  {
    // Swift cannot do that in one step.
    const HttpReply head = Call("HEAD", Url(key));
    if (head.status != 404)
    {
      Expect(head, "Looking at an object");
      return false;
    }
    PutWhole(key, content, contentType, isCancelled);
    return true;
  }
  CompareETag(Expect(reply, "Storing an object"), content.Md5());
  return true;
}

std::string S3Target::PutInParts(const std::string& key, IContent& content, const std::string& contentType,
                                 const UploadMemory& memory, const std::function<bool()>& isCancelled)
{
  const size_t size = content.Size();
  const size_t partSize = PartSize(size, MOST_PARTS);
  std::map<int, std::string> stored;  // number → ETag
  std::optional<std::string> upload = memory.recall();
  if (upload)
  {
    const HttpReply listed = Call("GET", Url(key, "uploadId=" + EncodeUri(*upload, false)));
    if (listed.status == 200)
    {
      const pugi::xml_document document = ParseXml(listed.body);
      for (const auto& part : document.child("ListPartsResult").children("Part"))
      {
        stored[part.child("PartNumber").text().as_int()] = Unquote(part.child_value("ETag"));
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

  Digest whole(Digest::Algorithm::Sha256);
  Digest wholeMd5(Digest::Algorithm::Md5);
  std::string digests;  // of the parts, binary
  pugi::xml_document completion;
  pugi::xml_node root = completion.append_child("CompleteMultipartUpload");
  int number = 1;
  for (size_t begin = 0; begin < size; begin += partSize, number++)
  {
    const std::string_view part = content.Read(begin, std::min(partSize, size - begin));
    whole.Add(part);
    wholeMd5.Add(part);
    const std::string md5 = Md5Of(part);
    if (stored[number] != md5)
    {
      const HttpReply reply = Expect(
          Call("PUT", Url(key, fmt::format("partNumber={}&uploadId={}", number, EncodeUri(*upload, false))),
               part, {{"Content-MD5", ToBase64(FromHexadecimal(md5))}}, Sha256Of(part), isCancelled),
          "Storing a part");
      CompareETag(reply, md5);
      stored[number] = Unquote(HeaderOf(reply, "etag"));
    }
    digests += FromHexadecimal(md5);
    pugi::xml_node node = root.append_child("Part");
    node.append_child("PartNumber").text().set(number);
    node.append_child("ETag").text().set(("\"" + stored[number] + "\"").c_str());
  }
  CompareWithOrthanc(content, wholeMd5.Hexadecimal());
  std::ostringstream body;
  completion.save(body, "", pugi::format_raw);
  const std::string text = body.str();
  const HttpReply done = Expect(Call("POST", Url(key, "uploadId=" + EncodeUri(*upload, false)), text,
                                     {{"Content-Type", "application/xml"}}, Sha256Of(text)),
                                "Ending an upload");
  // This answer may be an error with the status 200; and Ceph leaves the ETag in it empty.
  const pugi::xml_document answer = ParseXml(done.body);
  const pugi::xml_node result = answer.child("CompleteMultipartUploadResult");
  std::string etag = Unquote(result.child_value("ETag"));
  if (result && etag.empty())
  {
    etag = Unquote(HeaderOf(Expect(Call("HEAD", Url(key)), "Looking at an object"), "etag"));
  }
  if (!result ||
      (options_.encryption != "aws:kms" && etag != fmt::format("{}-{}", Md5Of(digests), number - 1)))
  {
    throw Unavailable("The object store did not put the parts together");
  }
  return whole.Hexadecimal();
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

void S3Target::List(const std::string& folder, const std::function<void(const std::string&, int64_t)>& each)
{
  CheckOnce();
  const std::string prefix = FullKey(folder);
  std::string token;
  do
  {
    std::string query = token.empty() ? "" : "continuation-token=" + EncodeUri(token, false) + "&";
    query += "delimiter=%2F&list-type=2&prefix=" + EncodeUri(prefix, false);
    const HttpReply reply = Expect(Call("GET", Url("", query)), "Listing objects");
    const pugi::xml_document document = ParseXml(reply.body);
    const pugi::xml_node result = document.child("ListBucketResult");
    for (const auto& node : result.children("CommonPrefixes"))
    {
      each(std::string(node.child_value("Prefix")).substr(prefix.size()), 0);
    }
    for (const auto& node : result.children("Contents"))
    {
      each(std::string(node.child_value("Key")).substr(prefix.size()), node.child("Size").text().as_llong());
    }
    token = result.child_value("NextContinuationToken");
  } while (!token.empty());
}

void S3Target::Tidy(Timestamp before)
{
  CheckOnce();
  const std::string prefix = FullKey("");
  const HttpReply reply =
      Expect(Call("GET", Url("", "prefix=" + EncodeUri(prefix, false) + "&uploads=")), "Listing uploads");
  for (const auto& node : ParseXml(reply.body).child("ListMultipartUploadsResult").children("Upload"))
  {
    const auto begun = ParseTimestamp(node.child_value("Initiated"));
    if (begun && *begun < before)
    {
      Call("DELETE",
           Url(node.child_value("Key"), "uploadId=" + EncodeUri(node.child_value("UploadId"), false)));
    }
  }
}
}  // namespace OrthancClinic::Replication
