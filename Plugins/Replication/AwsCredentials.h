// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who signs the calls of an S3 target: the keys of the configuration, those of the environment
// (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), or those of the machine's role, which the
// instance metadata service of AWS (IMDSv2; AWS_EC2_METADATA_SERVICE_ENDPOINT moves it) gives for some hours.

#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "Core/Http/HttpClient.h"
#include "Core/Timestamp.h"
#include "ReplicationOptions.h"

namespace OrthancClinic::Replication
{
struct AwsKeys
{
  std::string accessKey;
  std::string secretKey;
  std::string sessionToken;  // empty for keys that do not expire
};

class AwsCredentials
{
public:
  explicit AwsCredentials(const TargetOptions& options);

  // Thread-safe. Throws Unavailable if the metadata service does not give any.
  AwsKeys Get();

private:
  AwsKeys AskForRole();

  const bool ofRole_;
  HttpClient http_;
  std::mutex mutex_;
  AwsKeys keys_;                       // guarded by mutex_, as what follows
  std::optional<Timestamp> expireAt_;  // of a role
};
}  // namespace OrthancClinic::Replication
