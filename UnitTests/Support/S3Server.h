// SPDX-License-Identifier: GPL-3.0-or-later
//
// Real S3 servers: Ceph's object gateway and OpenStack Swift, started by the scripts in Resources.

#pragma once

#include <json/value.h>

#include <memory>
#include <string>

#include "Core/Http/HttpClient.h"
#include "Support/Files.h"
#include "Support/Process.h"

namespace OrthancClinic::Testing
{
class S3Server
{
public:
  enum class Kind
  {
    Ceph,
    Swift
  };
  static constexpr const char* REGION = "ca-central-1";

  // Whether Debian's packages are there.
  static bool IsInstalled(Kind kind);

  // Started at the first call (some 15 seconds), ended with the program. Throws if it does not start.
  static S3Server& Shared(Kind kind);

  explicit S3Server(Kind kind);

  std::string Url() const;
  uint16_t Port() const { return port_; }
  const std::string& AccessKey() const { return accessKey_; }

  // Makes a bucket, with Object Lock if asked, and gives its name.
  std::string NewBucket(bool withLock = false);

  // A signed call of "/<bucket>…".
  HttpReply Call(const std::string& method, const std::string& path,
                 const std::vector<std::pair<std::string, std::string>>& headers = {});

  // Ceph: keys for an hour, as AWS's metadata service gives them (AccessKeyId, SecretAccessKey, Token,
  // Expiration).
  Json::Value SessionToken();

  // What `"Clinic": {"Replication": {"Targets": […]}}` needs for this bucket.
  Json::Value Target(const std::string& name, const std::string& bucket) const;

private:
  const std::string accessKey_;
  TemporaryDirectory directory_;
  uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
  OrthancClinic::HttpClient http_;
  int buckets_ = 0;
};
}  // namespace OrthancClinic::Testing
