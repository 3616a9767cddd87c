// SPDX-License-Identifier: GPL-3.0-or-later
//
// Copies in a DICOM node (another Orthanc, a PACS): sent by C-STORE, seen there by C-FIND. The node keeps
// images and nothing else, so that there are no manifests, nothing is read back byte by byte, and nothing is
// restored from it.

#pragma once

#include <mutex>

#include "Core/Orthanc.h"
#include "Target.h"

namespace OrthancClinic::Replication
{
class DicomTarget : public ITarget
{
public:
  DicomTarget(const TargetOptions& options, const ResidencyPolicy& policy, IOrthanc& orthanc);

  bool KeepsFiles() const override { return false; }

  void Check() override;  // C-ECHO
  std::string Put(const std::string& key, IContent& content, const std::string& contentType,
                  const UploadMemory& memory, const std::function<bool()>& isCancelled) override;
  void List(const std::string& folder, const std::function<void(const std::string&, int64_t)>& each) override;

  // What a node cannot do: PermanentFailure.
  bool PutNew(const std::string& key, IContent& content, const std::string& contentType,
              const std::function<bool()>& isCancelled) override;
  std::optional<std::string> Get(const std::string& key) override;
  void Delete(const std::string& key) override;
  void Tidy(Timestamp) override {}

private:
  // Makes the node known to Orthanc, and gives "/modalities/<name>".
  std::string Node();

  const TargetOptions options_;
  const ResidencyGuard guard_;
  IOrthanc& orthanc_;
  std::mutex mutex_;
  std::string node_;  // guarded by mutex_
};

// Where the node is, for the residency guard: to another machine, DICOM goes by TLS.
std::string NodeUrl(const TargetOptions& options);

// Orthanc need not know the node any more.
void ForgetNode(IOrthanc& orthanc, const std::string& target);
}  // namespace OrthancClinic::Replication
