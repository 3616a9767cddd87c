// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/ObjectServer.h"

#include <algorithm>
#include <stdexcept>

#include "Core/Digest.h"
#include "Core/Http/AzureSignature.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
constexpr const char* AZURITE = CLINIC_AZURITE "/node_modules/azurite/dist/src/blob/main.js";

// What stands between `<name>` and `</name>`, each time.
std::vector<std::string> Elements(const std::string& xml, const std::string& name)
{
  std::vector<std::string> found;
  for (size_t at = 0; (at = xml.find("<" + name + ">", at)) != std::string::npos;)
  {
    at += name.size() + 2;
    found.push_back(xml.substr(at, xml.find("</" + name + ">", at) - at));
  }
  return found;
}

std::vector<std::string> CommandOf(ObjectServer::Kind kind, const std::string& folder, uint16_t port)
{
  switch (kind)
  {
    case ObjectServer::Kind::Ceph:
      return {"bash", ORTHANC_CLINIC_SOURCE_DIR "/Resources/ceph.sh", folder, std::to_string(port),
              ObjectServer::REGION};
    case ObjectServer::Kind::Swift:
      return {"bash", ORTHANC_CLINIC_SOURCE_DIR "/Resources/swift.sh", folder, std::to_string(port),
              ObjectServer::REGION};
    default:
      return {"node",       AZURITE,     "--silent",   "--inMemoryPersistence",
              "--blobHost", "127.0.0.1", "--blobPort", std::to_string(port)};
  }
}
}  // namespace

bool ObjectServer::IsInstalled(Kind kind)
{
  if (kind == Kind::Azurite)
  {
    return std::filesystem::exists(AZURITE);
  }
  const std::string programs = kind == Kind::Ceph ? "radosgw ceph-mon ceph-osd ceph"
                                                  : "swift-proxy-server swift-account-server "
                                                    "swift-container-server swift-object-server";
  return RunProgram({"sh", "-c", "command -v " + programs + " >/dev/null"}).exitCode == 0;
}

ObjectServer& ObjectServer::Shared(Kind kind)
{
  static std::map<Kind, std::unique_ptr<ObjectServer>> servers;
  auto& server = servers[kind];
  if (!server)
  {
    server = std::make_unique<ObjectServer>(kind);
  }
  return *server;
}

ObjectServer::ObjectServer(Kind kind)
    : kind_(kind),
      accessKey_(kind == Kind::Swift ? "clinic:clinic" : "clinic"),
      secret_(kind == Kind::Azurite ? ToBase64("clinic-secret-of-azurite") : "clinic-secret"),
      port_(FreePort()),
      http_({.largestBody = size_t{1} << 30})
{
  const std::filesystem::path out = directory_.Path() / "out.txt";
  process_ = std::make_unique<Process>(
      Process::Options{.arguments = CommandOf(kind, (directory_.Path() / "server").string(), port_),
                       .environment = {{"AZURITE_ACCOUNTS", accessKey_ + ":" + secret_}},
                       .output = out});
  const char* const greeting = kind == Kind::Azurite ? "successfully listens" : "ready";
  const bool ready =
      WaitUntil([&] { return !process_->IsRunning() || ReadFile(out).find(greeting) != std::string::npos; },
                std::chrono::seconds(120));
  if (!ready || !process_->IsRunning())
  {
    throw std::runtime_error("The object store does not start: " + ReadFile(out));
  }
}

std::string ObjectServer::Url(uint16_t port) const
{
  return "http://127.0.0.1:" + std::to_string(port) + (kind_ == Kind::Azurite ? "/" + accessKey_ : "");
}

HttpReply ObjectServer::Call(const std::string& method, const std::string& path,
                             const std::vector<std::pair<std::string, std::string>>& headers)
{
  HttpCall call{.method = method, .url = Url() + path, .headers = headers};
  if (kind_ == Kind::Azurite)
  {
    call.headers.emplace_back("x-ms-version", "2021-12-02");
    call.headers.emplace_back("Content-Type", "application/octet-stream");
    call.headers = Sign(AzureSignature{accessKey_, FromBase64(secret_).value()}, method, call.url,
                        call.headers, 0, Now());
    return http_.Send(call);
  }
  call.headers.emplace_back("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  call.signature = AwsSignature{REGION, accessKey_, secret_};
  return http_.Send(call);
}

std::vector<std::string> ObjectServer::Keys(const std::string& bucket)
{
  const bool isAzure = kind_ == Kind::Azurite;
  const HttpReply reply =
      Call("GET", "/" + bucket + (isAzure ? "?comp=list&restype=container" : "?list-type=2"));
  return Elements(reply.body, isAzure ? "Name" : "Key");
}

int ObjectServer::Parts(const std::string& bucket, const std::string& key)
{
  if (kind_ == Kind::Azurite)
  {
    const HttpReply reply = Call("GET", "/" + bucket + "/" + key + "?blocklisttype=committed&comp=blocklist");
    return static_cast<int>(Elements(reply.body, "Name").size());
  }
  const std::string etag = Call("HEAD", "/" + bucket + "/" + key).headers.at("etag");
  return etag.find('-') == std::string::npos ? 1 : std::stoi(etag.substr(etag.find('-') + 1));
}

bool ObjectServer::HasUnfinished(const std::string& bucket, const std::string& key)
{
  return kind_ == Kind::Azurite
             ? !Elements(
                    Call("GET", "/" + bucket + "/" + key + "?blocklisttype=uncommitted&comp=blocklist").body,
                    "Name")
                    .empty()
             : !Elements(Call("GET", "/" + bucket + "?uploads=").body, "UploadId").empty();
}

std::string ObjectServer::NewBucket(bool withLock, bool isPublic)
{
  const std::string bucket = "bucket-" + std::to_string(++buckets_);
  std::vector<std::pair<std::string, std::string>> headers;
  if (withLock)
  {
    headers.emplace_back("x-amz-bucket-object-lock-enabled", "true");
  }
  if (isPublic)
  {
    headers.emplace_back("x-ms-blob-public-access", "blob");
  }
  // A server that has just started may want to be asked again.
  HttpReply made;
  WaitUntil(
      [&]
      {
        made = Call("PUT", "/" + bucket + (kind_ == Kind::Azurite ? "?restype=container" : ""), headers);
        return made.status != 503;
      });
  if (made.status != 200 && made.status != 201)
  {
    throw std::runtime_error("No bucket can be made: " + made.body);
  }
  return bucket;
}

Json::Value ObjectServer::SessionToken()
{
  const auto ask = [&](const std::string& form)
  {
    HttpCall call{.method = "POST",
                  .url = Url() + "/",
                  .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                              {"x-amz-content-sha256", Sha256Of(form)}},
                  .body = form,
                  .signature = AwsSignature{REGION, accessKey_, secret_}};
    const HttpReply reply = http_.Send(call);
    if (reply.status != 200)
    {
      throw std::runtime_error("No session token can be had: " + reply.body);
    }
    return reply.body;
  };
  // {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:GetSessionToken"],"Resource":["*"]}]}
  ask("Action=PutUserPolicy&UserName=clinic&PolicyName=sessions&PolicyDocument=%7B%22Version%22%3A%222012-10-"
      "17%22%2C"
      "%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%5B%22sts%3AGetSessionToken%22%5D%"
      "2C"
      "%22Resource%22%3A%5B%22%2A%22%5D%7D%5D%7D&Version=2010-05-08");
  const std::string answer = ask("Action=GetSessionToken&DurationSeconds=3600&Version=2011-06-15");
  const auto text = [&](const std::string& name) { return Elements(answer, name).at(0); };
  Json::Value keys;
  keys["Code"] = "Success";
  keys["Type"] = "AWS-HMAC";
  keys["AccessKeyId"] = text("AccessKeyId");
  keys["SecretAccessKey"] = text("SecretAccessKey");
  keys["Token"] = text("SessionToken");
  keys["Expiration"] = text("Expiration");
  return keys;
}

Json::Value ObjectServer::Target(const std::string& name, const std::string& bucket) const
{
  Json::Value target = TargetWithoutKeys(name, bucket);
  const bool isAzure = kind_ == Kind::Azurite;
  target.removeMember("Credentials");
  target[isAzure ? "AccountName" : "AccessKey"] = accessKey_;
  target[isAzure ? "AccountKey" : "SecretKey"] = secret_;
  return target;
}

Json::Value ObjectServer::TargetWithoutKeys(const std::string& name, const std::string& bucket) const
{
  const bool isAzure = kind_ == Kind::Azurite;
  Json::Value target;
  target["Name"] = name;
  target["Type"] = isAzure ? "Azure" : "S3";
  target["Endpoint"] = Url();
  target["Region"] = isAzure ? "canadaeast" : REGION;
  target["Bucket"] = bucket;
  target["Prefix"] = "clinic/images";
  target["Credentials"] = "Environment";
  if (isAzure)
  {
    target["PrivacyImpactAssessment"] = "PIA-1";  // Azurite says that it is geo-redundant
  }
  return target;
}

std::map<std::string, std::string> ObjectServer::Environment() const
{
  return kind_ == Kind::Azurite ? std::map<std::string, std::string>{{"AZURE_STORAGE_ACCOUNT", accessKey_},
                                                                     {"AZURE_STORAGE_KEY", secret_}}
                                : std::map<std::string, std::string>{{"AWS_ACCESS_KEY_ID", accessKey_},
                                                                     {"AWS_SECRET_ACCESS_KEY", secret_}};
}
}  // namespace OrthancClinic::Testing
