// SPDX-License-Identifier: GPL-3.0-or-later
//
// Small helpers of the tests for files, and for ports that are as fleeting as temporary files.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace OrthancClinic::Testing
{
// A new empty directory (mode 0700), removed with all its content at the end of its life.
class TemporaryDirectory
{
public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& Path() const { return path_; }

private:
  std::filesystem::path path_;
};

// Empty when the file does not exist.
std::string ReadFile(const std::filesystem::path& path);

void WriteFile(const std::filesystem::path& path, std::string_view content);

// A TCP port that nobody listens on at this moment, and that no earlier call of this process has given out.
uint16_t FreePort();
}  // namespace OrthancClinic::Testing
