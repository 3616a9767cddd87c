// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/CephServer.h"

#include <stdexcept>

#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
bool CephServer::IsInstalled()
{
  return RunProgram({"sh", "-c", "command -v radosgw ceph-mon ceph-osd ceph >/dev/null"}).exitCode == 0;
}

CephServer& CephServer::Shared()
{
  static CephServer server;
  return server;
}

CephServer::CephServer() : port_(FreePort())
{
  const std::filesystem::path out = directory_.Path() / "out.txt";
  process_ = std::make_unique<Process>(
      Process::Options{.arguments = {"bash", std::string(ORTHANC_CLINIC_SOURCE_DIR) + "/Resources/ceph.sh",
                                     (directory_.Path() / "ceph").string(), std::to_string(port_), REGION},
                       .output = out});
  const bool ready =
      WaitUntil([&] { return !process_->IsRunning() || ReadFile(out).find("ready") != std::string::npos; },
                std::chrono::seconds(120));
  if (!ready || !process_->IsRunning())
  {
    throw std::runtime_error("Ceph does not start: " + ReadFile(out));
  }
}

std::string CephServer::Url() const
{
  return "http://127.0.0.1:" + std::to_string(port_);
}

Finished CephServer::Call(const std::vector<std::string>& arguments, const std::string& path) const
{
  std::vector<std::string> command = {"curl",        "-sS",
                                      "--fail",      "--path-as-is",
                                      "--aws-sigv4", std::string("aws:amz:") + REGION + ":s3",
                                      "--user",      "clinic:clinic-secret",
                                      "-H",          "x-amz-content-sha256: UNSIGNED-PAYLOAD"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.push_back(Url() + path);
  return RunProgram(command);
}

std::string CephServer::NewBucket(bool withLock)
{
  const std::string bucket = "bucket-" + std::to_string(++buckets_);
  std::vector<std::string> arguments = {"-X", "PUT"};
  if (withLock)
  {
    arguments.insert(arguments.end(), {"-H", "x-amz-bucket-object-lock-enabled: true"});
  }
  const Finished made = Call(arguments, "/" + bucket);
  if (made.exitCode != 0)
  {
    throw std::runtime_error("No bucket can be made: " + made.output);
  }
  return bucket;
}

Json::Value CephServer::Target(const std::string& name, const std::string& bucket) const
{
  Json::Value target;
  target["Name"] = name;
  target["Type"] = "S3";
  target["Endpoint"] = Url();
  target["Region"] = REGION;
  target["Bucket"] = bucket;
  target["Prefix"] = "clinic/images";
  target["AccessKey"] = "clinic";
  target["SecretKey"] = "clinic-secret";
  return target;
}
}  // namespace OrthancClinic::Testing
