// SPDX-License-Identifier: GPL-3.0-or-later
//
// The options of "Clinic.Intake".

#pragma once

#include <json/value.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "Core/Configuration/Configuration.h"

namespace OrthancClinic::Intake
{
const Json::Value& OptionsSchema();

struct Options
{
  int64_t largestFile = 0;    // bytes
  int64_t mostFiles = 0;      // in one upload
  int64_t largestUpload = 0;  // bytes, the whole of it; of an archive, also what comes out of it
  std::vector<std::string> modifiableTags;  // keywords
  size_t previewCache = 0;                  // bytes
  std::chrono::seconds retrieval{};         // a remote server's longest silence

  // How long a form may be, in bytes: one with a file, one with a whole upload. Its fields and boundaries
  // come on top of the files.
  uint64_t LongestForm() const { return static_cast<uint64_t>(largestFile) + FORM_ITSELF; }
  uint64_t LongestUploadForm() const { return static_cast<uint64_t>(largestUpload) + FORM_ITSELF; }

private:
  static constexpr uint64_t FORM_ITSELF = 1 << 20;
};

// Throws BadInput with the key's path.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Intake
