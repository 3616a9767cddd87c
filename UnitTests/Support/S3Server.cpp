// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/S3Server.h"

#include <stdexcept>

#include "Core/Digest.h"
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
  // A server that has just started may want to be asked again.
  HttpReply made;
  WaitUntil(
      [&]
      {
        made = Call("PUT", "/" + bucket, headers);
        return made.status != 503;
      });
  if (made.status != 200)
  {
    throw std::runtime_error("No bucket can be made: " + made.body);
  }
  return bucket;
}

Json::Value S3Server::SessionToken()
{
  const auto ask = [&](const std::string& form)
  {
    HttpCall call{.method = "POST",
                  .url = Url() + "/",
                  .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                              {"x-amz-content-sha256", Sha256Of(form)}},
                  .body = form,
                  .signature = AwsSignature{REGION, accessKey_, "clinic-secret"}};
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
  const auto text = [&](const std::string& name)
  {
    const size_t begin = answer.find("<" + name + ">") + name.size() + 2;
    return answer.substr(begin, answer.find("</" + name + ">") - begin);
  };
  Json::Value keys;
  keys["Code"] = "Success";
  keys["Type"] = "AWS-HMAC";
  keys["AccessKeyId"] = text("AccessKeyId");
  keys["SecretAccessKey"] = text("SecretAccessKey");
  keys["Token"] = text("SessionToken");
  keys["Expiration"] = text("Expiration");
  return keys;
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
