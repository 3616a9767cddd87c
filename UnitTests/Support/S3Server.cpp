// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/S3Server.h"

#include <stdexcept>

#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
bool S3Server::IsInstalled(Kind kind)
{
  const std::string programs = kind == Kind::Ceph ? "radosgw ceph-mon ceph-osd ceph"
                                                  : "swift-proxy-server swift-account-server "
                                                    "swift-container-server swift-object-server";
  return RunProgram({"sh", "-c", "command -v " + programs + " >/dev/null"}).exitCode == 0;
}

S3Server& S3Server::Shared(Kind kind)
{
  if (kind == Kind::Ceph)
  {
    static S3Server ceph(Kind::Ceph);
    return ceph;
  }
  static S3Server swift(Kind::Swift);
  return swift;
}

S3Server::S3Server(Kind kind)
    : accessKey_(kind == Kind::Ceph ? "clinic" : "clinic:clinic"),
      port_(FreePort()),
      http_({.largestBody = size_t{1} << 30})
{
  const std::filesystem::path out = directory_.Path() / "out.txt";
  const std::string script = kind == Kind::Ceph ? "/Resources/ceph.sh" : "/Resources/swift.sh";
  process_ = std::make_unique<Process>(
      Process::Options{.arguments = {"bash", ORTHANC_CLINIC_SOURCE_DIR + script,
                                     (directory_.Path() / "server").string(), std::to_string(port_), REGION},
                       .output = out});
  const bool ready =
      WaitUntil([&] { return !process_->IsRunning() || ReadFile(out).find("ready") != std::string::npos; },
                std::chrono::seconds(120));
  if (!ready || !process_->IsRunning())
  {
    throw std::runtime_error("The object store does not start: " + ReadFile(out));
  }
}

std::string S3Server::Url() const
{
  return "http://127.0.0.1:" + std::to_string(port_);
}

HttpReply S3Server::Call(const std::string& method, const std::string& path,
                         const std::vector<std::pair<std::string, std::string>>& headers)
{
  HttpCall call{.method = method,
                .url = Url() + path,
                .headers = headers,
                .signature = AwsSignature{REGION, accessKey_, "clinic-secret"}};
  call.headers.emplace_back("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  return http_.Send(call);
}

std::string S3Server::NewBucket(bool withLock)
{
  const std::string bucket = "bucket-" + std::to_string(++buckets_);
  std::vector<std::pair<std::string, std::string>> headers;
  if (withLock)
  {
    headers.emplace_back("x-amz-bucket-object-lock-enabled", "true");
  }
  const HttpReply made = Call("PUT", "/" + bucket, headers);
  if (made.status != 200)
  {
    throw std::runtime_error("No bucket can be made: " + made.body);
  }
  return bucket;
}

Json::Value S3Server::Target(const std::string& name, const std::string& bucket) const
{
  Json::Value target;
  target["Name"] = name;
  target["Type"] = "S3";
  target["Endpoint"] = Url();
  target["Region"] = REGION;
  target["Bucket"] = bucket;
  target["Prefix"] = "clinic/images";
  target["AccessKey"] = accessKey_;
  target["SecretKey"] = "clinic-secret";
  return target;
}
}  // namespace OrthancClinic::Testing
