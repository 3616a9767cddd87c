// SPDX-License-Identifier: GPL-3.0-or-later

#include "AzureTarget.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "Core/Digest.h"
#include "Core/Errors.h"

namespace OrthancClinic::Replication
{
namespace
{
// learn.microsoft.com, "Blob service REST API"; the limits are those of this version.
constexpr const char* VERSION = "2021-12-02";
constexpr size_t MOST_BLOCKS = 50'000;

// A checksum as the header Content-MD5 has it.
std::string Base64(const std::string& md5)
{
  return ToBase64(FromHexadecimal(md5));
}

// A store that took another thing than it was sent must not be believed.
void CompareMd5(const HttpReply& reply, const std::string& md5)
{
  if (HeaderOf(reply, "content-md5") != Base64(md5))
  {
    throw Unavailable("The object store's checksum differs from that of what was sent");
  }
}

// Says which part it is and what is in it: what a killed process has sent is recognised by its name. All
// names of a blob have the same length.
std::string BlockName(size_t number, const std::string& md5)
{
  return ToBase64(fmt::format("{:06}-{}", number, md5));
}
}  // namespace

AzureTarget::AzureTarget(const TargetOptions& options, const ResidencyPolicy& policy)
    : ObjectStoreTarget(options, policy),
      signature_{options.accessKey, FromBase64(options.secretKey).value_or("")}
{
}

std::string AzureTarget::Url(const std::string& key, const std::string& query) const
{
  return options_.endpoint + "/" + options_.bucket + (key.empty() ? "" : "/" + EncodeUri(key, true)) +
         (query.empty() ? "" : "?" + query);
}

HttpReply AzureTarget::Call(const std::string& method, const std::string& url, std::string_view body,
                            HttpHeaders headers, const std::function<bool()>& isCancelled)
{
  headers.emplace_back("x-ms-version", VERSION);
  return http_.Send({.method = method,
                     .url = url,
                     .headers = Sign(signature_, method, url, std::move(headers), body.size(), Now()),
                     .body = body,
                     .bytesPerSecond = options_.bytesPerSecond / options_.concurrency,
                     .isCancelled = isCancelled});
}

HttpReply AzureTarget::CallPut(const std::string& url, std::string_view bytes, const std::string& md5,
                               HttpHeaders headers, const std::function<bool()>& isCancelled)
{
  headers.emplace_back("Content-MD5", Base64(md5));
  headers.emplace_back("Content-Type", "application/octet-stream");
  return Call("PUT", url, bytes, std::move(headers), isCancelled);
}

HttpReply AzureTarget::CallPutBlob(const std::string& key, std::string_view bytes, const std::string& md5,
                                   HttpHeaders headers, const std::string& contentType,
                                   const std::function<bool()>& isCancelled)
{
  headers.emplace_back("x-ms-blob-content-type", contentType);
  headers.emplace_back("x-ms-blob-type", "BlockBlob");
  return CallPut(Url(key), bytes, md5, std::move(headers), isCancelled);
}

void AzureTarget::Check()
{
  const Destination destination{AccountUrl(options_.accessKey), options_.region, options_.jurisdiction,
                                options_.assessment};
  for (const std::string& url : {destination.url, options_.endpoint})
  {
    Destination by = destination;
    by.url = url;
    guard_.CheckStorage(by);
  }
  // Only the names of the account and the container leave here.
  const HttpReply container = Expect(Call("HEAD", Url("", "restype=container")), "Looking at the container");
  if (!HeaderOf(container, "x-ms-blob-public-access").empty())
  {
    throw Forbidden("Anybody may read the container: its public access must be private");
  }
  const HttpReply account =
      Expect(Call("HEAD", Url("", "comp=properties&restype=account")), "Looking at the account");
  const std::string replication = HeaderOf(account, "x-ms-sku-name");
  if (const bool isGeoRedundant =
          replication.find("GRS") != std::string::npos || replication.find("GZRS") != std::string::npos;
      isGeoRedundant && !guard_.MayLeaveQuebec(destination))
  {
    // The paired region of Canada East is Canada Central.
    throw Forbidden("Azure keeps a second copy of all that the account holds (" + replication +
                    ") in Canada outside Québec: Law 25 (s. 17) asks for a privacy impact assessment, whose "
                    "reference is not configured");
  }
}

std::string AzureTarget::PutWhole(const std::string& key, IContent& content, const std::string& contentType,
                                  const std::function<bool()>& isCancelled)
{
  const std::string_view bytes = content.Read(0, content.Size());
  const std::string md5 = content.Md5().empty() ? Md5Of(bytes) : content.Md5();
  std::string sha256 = Sha256Of(bytes);
  CompareMd5(Expect(CallPutBlob(key, bytes, md5, {}, contentType, isCancelled), "Storing an object"), md5);
  return sha256;
}

bool AzureTarget::PutNew(const std::string& key, IContent& content, const std::string& contentType,
                         const std::function<bool()>& isCancelled)
{
  CheckOnce();
  const std::string_view bytes = content.Read(0, content.Size());
  const HttpReply reply =
      CallPutBlob(FullKey(key), bytes, content.Md5(), {{"If-None-Match", "*"}}, contentType, isCancelled);
  if (reply.status == 409 && ErrorCodeOf(reply) == "BlobAlreadyExists")
  {
    return false;
  }
  CompareMd5(Expect(reply, "Storing an object"), content.Md5());
  return true;
}

std::string AzureTarget::PutInParts(const std::string& key, IContent& content, const std::string& contentType,
                                    const UploadMemory&, const std::function<bool()>& isCancelled)
{
  // Azure itself remembers, under the blob's key, what was sent before.
  std::set<std::string> stored;
  if (const HttpReply listed = Call("GET", Url(key, "blocklisttype=all&comp=blocklist"));
      listed.status != 404)
  {
    const pugi::xml_document document = ParseXml(Expect(listed, "Listing parts").body);
    for (const char* kind : {"CommittedBlocks", "UncommittedBlocks"})
    {
      for (const auto& block : document.child("BlockList").child(kind).children("Block"))
      {
        stored.insert(block.child_value("Name"));
      }
    }
  }

  const size_t size = content.Size();
  const size_t partSize = PartSize(size, MOST_BLOCKS);
  Digest sha256(Digest::Algorithm::Sha256);
  Digest md5(Digest::Algorithm::Md5);
  pugi::xml_document list;
  pugi::xml_node root = list.append_child("BlockList");
  for (size_t begin = 0, number = 1; begin < size; begin += partSize, number++)
  {
    const std::string_view part = content.Read(begin, std::min(partSize, size - begin));
    sha256.Add(part);
    md5.Add(part);
    const std::string partMd5 = Md5Of(part);
    const std::string name = BlockName(number, partMd5);
    if (!stored.contains(name))
    {
      const HttpReply reply = Expect(CallPut(Url(key, "blockid=" + EncodeUri(name, false) + "&comp=block"),
                                             part, partMd5, {}, isCancelled),
                                     "Storing a part");
      if (reply.headers.contains("content-md5"))  // Azurite answers without
      {
        CompareMd5(reply, partMd5);
      }
    }
    root.append_child("Latest").text().set(name.c_str());
  }
  const std::string whole = md5.Hexadecimal();
  CompareWithOrthanc(content, whole);
  std::ostringstream body;
  list.save(body, "", pugi::format_raw);
  const std::string text = body.str();
  Expect(CallPut(Url(key, "comp=blocklist"), text, Md5Of(text),
                 {{"x-ms-blob-content-md5", Base64(whole)}, {"x-ms-blob-content-type", contentType}},
                 isCancelled),
         "Ending an upload");
  const HttpReply head = Expect(Call("HEAD", Url(key)), "Looking at an object");
  if (HeaderOf(head, "content-length") != std::to_string(size) ||
      HeaderOf(head, "content-md5") != Base64(whole))
  {
    throw Unavailable("The object store did not put the parts together");
  }
  return sha256.Hexadecimal();
}

std::optional<std::string> AzureTarget::Get(const std::string& key)
{
  CheckOnce();
  HttpReply reply = Call("GET", Url(FullKey(key)));
  if (reply.status == 404 && ErrorCodeOf(reply) == "BlobNotFound")
  {
    return std::nullopt;
  }
  return Expect(std::move(reply), "Getting an object").body;
}

void AzureTarget::Delete(const std::string& key)
{
  CheckOnce();
  const HttpReply reply = Call("DELETE", Url(FullKey(key)));
  if (reply.status != 404 || ErrorCodeOf(reply) != "BlobNotFound")
  {
    Expect(reply, "Deleting an object");
  }
}

void AzureTarget::List(const std::string& folder,
                       const std::function<void(const std::string&, int64_t)>& each)
{
  CheckOnce();
  const std::string prefix = FullKey(folder);
  std::string marker;
  do
  {
    const std::string query = "comp=list&delimiter=%2F" +
                              (marker.empty() ? "" : "&marker=" + EncodeUri(marker, false)) +
                              "&prefix=" + EncodeUri(prefix, false) + "&restype=container";
    const HttpReply reply = Expect(Call("GET", Url("", query)), "Listing objects");
    const pugi::xml_document document = ParseXml(reply.body);
    const pugi::xml_node result = document.child("EnumerationResults");
    for (const auto& node : result.child("Blobs").children())
    {
      const bool isFolder = node.name() == std::string_view("BlobPrefix");
      each(std::string(node.child_value("Name")).substr(prefix.size()),
           isFolder ? 0 : node.child("Properties").child("Content-Length").text().as_llong());
    }
    marker = result.child_value("NextMarker");
  } while (!marker.empty());
}
}  // namespace OrthancClinic::Replication
