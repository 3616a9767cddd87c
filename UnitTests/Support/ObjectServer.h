// SPDX-License-Identifier: GPL-3.0-or-later
//
// Real object stores: Ceph's object gateway and OpenStack Swift, which speak S3 and are started by the
// scripts in Resources, and Azurite, Microsoft's own emulator of Azure Blob Storage (its package stands in
// UnitTests/Azurite).

#pragma once

#include <json/value.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "Core/Http/HttpClient.h"
#include "Support/Files.h"
#include "Support/Process.h"

namespace OrthancClinic::Testing
{
class ObjectServer
{
public:
  enum class Kind
  {
    Ceph,
    Swift,
    Azurite
  };
  static constexpr const char* REGION = "ca-central-1";  // of those that speak S3

  // Whether Debian's packages, or npm's, are there.
  static bool IsInstalled(Kind kind);

  // Started at the first call (some 15 seconds), ended with the program. Throws if it does not start.
  static ObjectServer& Shared(Kind kind);

  explicit ObjectServer(Kind kind);

  // What a target's endpoint is, also by the port of a proxy.
  std::string Url() const { return Url(port_); }
  std::string Url(uint16_t port) const;
  uint16_t Port() const { return port_; }
  const std::string& AccessKey() const { return accessKey_; }  // Azure's account
  const std::string& Secret() const { return secret_; }

  // Makes a bucket (Azure's container), and gives its name. S3: with Object Lock if asked; Azurite: readable
  // by anybody if asked.
  std::string NewBucket(bool withLock = false, bool isPublic = false);

  // A signed call of "/<bucket>…".
  HttpReply Call(const std::string& method, const std::string& path,
                 const std::vector<std::pair<std::string, std::string>>& headers = {});

  // The keys of all that is in a bucket, a thousand at most.
  std::vector<std::string> Keys(const std::string& bucket);

  // In how many parts an object was sent.
  int Parts(const std::string& bucket, const std::string& key);

  // Whether something was begun to be sent in parts, under this key, and not ended.
  bool HasUnfinished(const std::string& bucket, const std::string& key);

  // Ceph: keys for an hour, as AWS's metadata service gives them (AccessKeyId, SecretAccessKey, Token,
  // Expiration).
  Json::Value SessionToken();

  // What `"Clinic": {"Replication": {"Targets": […]}}` needs for this bucket.
  Json::Value Target(const std::string& name, const std::string& bucket) const;

  // The same without its keys, and the environment that has them.
  Json::Value TargetWithoutKeys(const std::string& name, const std::string& bucket) const;
  std::map<std::string, std::string> Environment() const;

private:
  const Kind kind_;
  const std::string accessKey_;
  const std::string secret_;
  TemporaryDirectory directory_;
  uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
  OrthancClinic::HttpClient http_;
  int buckets_ = 0;
};
}  // namespace OrthancClinic::Testing
