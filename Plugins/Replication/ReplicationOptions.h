// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section "Replication" of the configuration.

#pragma once

#include <string>
#include <vector>

#include "Core/Configuration/Configuration.h"
#include "Core/Http/ResidencyGuard.h"

namespace OrthancClinic::Replication
{
const Json::Value& OptionsSchema();

struct TargetOptions
{
  std::string name;
  bool isS3 = true;
  std::string path;  // of a directory

  std::string endpoint;  // of an S3 server: "https://s3.ca-central-1.amazonaws.com"
  std::string region;
  std::string bucket;
  std::string prefix;  // without slashes at its ends
  bool pathStyle = true;
  std::string accessKey;
  std::string secretKey;
  std::string encryption;  // "", "AES256" or "aws:kms"
  std::string kmsKeyId;
  std::string storageClass;
  std::string lockMode;  // "", "GOVERNANCE" or "COMPLIANCE"
  int lockDays = 0;
  int partMebibytes = 16;
  std::string jurisdiction;
  std::string assessment;

  unsigned concurrency = 4;
  std::vector<std::string> practices;   // empty: all
  std::vector<std::string> modalities;  // empty: all
};

struct Options
{
  std::vector<TargetOptions> targets;
  ResidencyPolicy residency;
};

// Throws BadInput with the key's path.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Replication
