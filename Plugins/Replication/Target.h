// SPDX-License-Identifier: GPL-3.0-or-later
//
// A place that holds copies: objects by key. Each call throws Unavailable where another try can help,
// PermanentFailure where it cannot, Forbidden if the residency guard refuses; none of the messages has
// patient data.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "Core/Http/ResidencyGuard.h"
#include "Core/Timestamp.h"
#include "ReplicationOptions.h"

namespace OrthancClinic::Replication
{
struct Checksums
{
  std::string md5;     // hexadecimal
  std::string sha256;  // hexadecimal
};

Checksums ComputeChecksums(std::string_view bytes);

// Remembers an upload in parts across restarts.
struct UploadMemory
{
  std::function<std::optional<std::string>()> recall;
  std::function<void(const std::string& uploadId)> remember;
};

class ITarget
{
public:
  virtual ~ITarget() = default;

  // Whether anything may be sent there at all, and whether it is what the configuration says. Throws
  // otherwise.
  virtual void Check() = 0;

  // Stores the object and sees to it that what is stored is what was sent.
  virtual void Put(const std::string& key, const std::string& bytes, const Checksums& checksums,
                   const std::string& contentType, const UploadMemory& memory) = 0;

  virtual std::optional<int64_t> Size(const std::string& key) = 0;     // nothing if there is none
  virtual std::optional<std::string> Get(const std::string& key) = 0;  // the same
  virtual void Delete(const std::string& key) = 0;                     // also if there is none

  // Gives up what was begun before then and never ended.
  virtual void Tidy(Timestamp before) = 0;

  // The names below a folder ("<prefix>/<StudyInstanceUID>/"), of objects and (with a '/') of folders;
  // `each` is called as they come, in order.
  virtual void List(const std::string& folder, const std::function<void(const std::string& name)>& each) = 0;
};

std::unique_ptr<ITarget> MakeTarget(const TargetOptions& options, const ResidencyPolicy& policy);
}  // namespace OrthancClinic::Replication
