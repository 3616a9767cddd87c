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

#include "Content.h"
#include "Core/Http/ResidencyGuard.h"
#include "Core/Timestamp.h"
#include "ReplicationOptions.h"

namespace OrthancClinic::Replication
{
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

  // Whether what was put can be got back, and manifests beside it: false of a DICOM node, which is asked for
  // Check, Put and List alone.
  virtual bool KeepsFiles() const { return true; }

  // Whether anything may be sent there at all, and whether it is what the configuration says. Throws
  // otherwise.
  virtual void Check() = 0;

  // Stores the object, and returns its SHA-256 (hexadecimal). The target's own checksum is compared with that
  // of what was sent. Gives up, with Unavailable, soon after `isCancelled` says so.
  virtual std::string Put(const std::string& key, IContent& content, const std::string& contentType,
                          const UploadMemory& memory, const std::function<bool()>& isCancelled) = 0;

  // Stores a small object unless there is one already: then false, and nothing is changed.
  virtual bool PutNew(const std::string& key, IContent& content, const std::string& contentType,
                      const std::function<bool()>& isCancelled) = 0;

  virtual std::optional<std::string> Get(const std::string& key) = 0;  // nothing if there is none
  virtual void Delete(const std::string& key) = 0;                     // also if there is none

  // Gives up what was begun before then and never ended.
  virtual void Tidy(Timestamp before) = 0;

  // What is below a folder ("<StudyInstanceUID>/"): objects with their sizes (-1: not known), and the names
  // of folders, with a '/'; `each` is called as they come.
  virtual void List(const std::string& folder,
                    const std::function<void(const std::string& name, int64_t size)>& each) = 0;
};

std::unique_ptr<ITarget> MakeTarget(const TargetOptions& options, const ResidencyPolicy& policy,
                                    IOrthanc& orthanc);
}  // namespace OrthancClinic::Replication
