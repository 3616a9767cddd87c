// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section "Replication" of the configuration.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "Core/Configuration/Configuration.h"
#include "Core/Http/ResidencyGuard.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Replication
{
const Json::Value& OptionsSchema();

// The time of day in which a target may be used, in minutes of local time; it may span midnight. All day if
// both are equal.
struct Hours
{
  int begin = 0;
  int end = 0;
  std::string timeZone;

  // The next moment, not before `now`, in which it may.
  Timestamp NextAfter(Timestamp now) const;

  bool operator==(const Hours&) const = default;
};

enum class TargetType
{
  S3,
  Azure,
  Directory,
  Dicom  // of a practice alone, see Vna.h
};

struct TargetOptions
{
  std::string name;
  TargetType type = TargetType::S3;
  std::string path;  // of a directory

  std::string endpoint;  // of an object store: "https://s3.ca-central-1.amazonaws.com"
  std::string region;
  std::string bucket;  // of Azure: the container
  std::string prefix;  // without slashes at its ends
  bool pathStyle = true;
  std::string credentials = "Configuration";  // or "Environment", "InstanceRole"
  std::string accessKey;                      // of Azure: the account
  std::string secretKey;                      // of Azure: its key, in base64
  std::string encryption;                     // "", "AES256" or "aws:kms"
  std::string kmsKeyId;
  std::string storageClass;
  std::string lockMode;  // "", "GOVERNANCE" or "COMPLIANCE"
  int lockDays = 0;
  int partMebibytes = 16;
  std::string jurisdiction;
  std::string assessment;

  unsigned concurrency = 4;
  int64_t bytesPerSecond = 0;  // 0: no limit
  int readBackPercent = 5;     // of the copies that are verified
  Hours hours;
  std::vector<std::string> practices;   // empty: all
  std::vector<std::string> modalities;  // empty: all
  int minimumAgeDays = 0;               // of the study
  std::optional<int> maximumAgeDays;
  std::optional<int> deleteAfterDays;  // that an instance was deleted in Orthanc; nothing: never

  // Of a target that people made by REST (see Vna.h): gets what the rules of its practice send there. The
  // configuration's have none, and get everything.
  std::string practiceId;
  std::string title;  // what people call it

  std::string aeTitle;  // of a DICOM node, as the next
  std::string host;
  int port = 0;

  std::chrono::seconds timeout{600};  // of a call to an object store

  bool IsRouted() const { return !practiceId.empty(); }
  bool operator==(const TargetOptions&) const = default;
};

// Where Azure answers for an account: "https://clinic.blob.core.windows.net".
std::string AccountUrl(const std::string& account);

// Whether the endpoint has a path, as Azure's may: "http://127.0.0.1:10000/clinic".
bool HasPath(const std::string& endpoint);

struct Options
{
  std::vector<TargetOptions> targets;
  ResidencyPolicy residency;
};

// Throws BadInput with the key's path.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Replication
