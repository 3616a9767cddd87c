// SPDX-License-Identifier: GPL-3.0-or-later
//
// A ZIP archive, read one entry at a time. Nothing of it is written to disk, and no entry's name is used as a
// path.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace OrthancClinic::Intake
{
struct ArchiveEntry
{
  uint64_t index = 0;
  std::string name;   // with its folders, in UTF-8
  uint64_t size = 0;  // unpacked, as the archive says
  bool isEncrypted = false;
};

// For one thread.
class Archive
{
public:
  // These bytes of a file. Throws BadInput if they are no archive, or a broken one.
  Archive(const std::string& path, uint64_t offset, uint64_t size);
  ~Archive();

  // Without the folders.
  const std::vector<ArchiveEntry>& Entries() const { return entries_; }

  // The first bytes of an entry, at most `most` of them. Throws BadInput for one that is encrypted, damaged,
  // or larger than the archive says.
  std::string Read(const ArchiveEntry& entry, uint64_t most) const;
  std::string Read(const ArchiveEntry& entry) const { return Read(entry, entry.size); }

private:
  struct Pimpl;
  std::unique_ptr<Pimpl> pimpl_;
  std::vector<ArchiveEntry> entries_;
};

// Whether a file begins as an archive does.
bool LooksLikeArchive(std::string_view firstBytes);
}  // namespace OrthancClinic::Intake
