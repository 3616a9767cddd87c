// SPDX-License-Identifier: GPL-3.0-or-later
//
// DCMTK's `storescu` as the modality of the tests: sends files, and says of each whether its receipt was
// acknowledged. That is the promise which the crash tests hold Orthanc to.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "Support/Files.h"
#include "Support/Process.h"

namespace OrthancClinic::Testing
{
struct StoreResult
{
  int exitCode = 0;
  std::vector<std::filesystem::path> acknowledged;  // answered by a C-STORE response of status Success
  std::vector<std::filesystem::path> failed;        // begun to be sent, and not so answered
  std::string output;
};

// Reads what `storescu --verbose` printed.
StoreResult ParseStorescuOutput(const std::string& output);

// One running `storescu`. Files are sent in the order given over one association; a folder is searched for
// files.
class Storescu
{
public:
  struct Options
  {
    uint16_t port = 0;
    std::string callingAe = "MODALITY";
    std::string calledAe = "ORTHANC";
    bool noDelay = true;  // TCP_NODELAY
  };

  Storescu(const Options& options, const std::vector<std::filesystem::path>& filesOrFolders);

  bool IsRunning() { return process_->IsRunning(); }
  size_t AcknowledgedSoFar() const;

  // Waits for its end (at most two minutes, then kills it).
  StoreResult Wait();

private:
  TemporaryDirectory directory_;
  std::unique_ptr<Process> process_;
};

// Sends, and waits.
StoreResult Store(const Storescu::Options& options, const std::vector<std::filesystem::path>& filesOrFolders);
}  // namespace OrthancClinic::Testing
