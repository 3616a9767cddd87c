// SPDX-License-Identifier: GPL-3.0-or-later
//
// The files of an upload: those that were sent, and those in the archives among them.

#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <vector>

#include "Archive.h"
#include "Core/Rest/Upload.h"
#include "IntakeOptions.h"

namespace OrthancClinic::Intake
{
// Thread-safe once it is made.
class UploadFiles
{
public:
  // `path`: of the spool file. Throws BadInput for a broken archive or too many files, TooLarge for more than
  // the options allow, both for all of them together.
  UploadFiles(const std::string& path, const std::vector<UploadedPart>& parts, const Options& options);
  ~UploadFiles();
  UploadFiles(const UploadFiles&) = delete;
  UploadFiles& operator=(const UploadFiles&) = delete;

  size_t Size() const { return files_.size(); }
  const std::string& Name(size_t file) const { return files_[file].name; }  // with its folders
  uint64_t Bytes(size_t file) const { return files_[file].size; }

  // Throws BadInput if it cannot be read, and TooLarge for one that is larger than a file may be.
  std::string Read(size_t file);

private:
  struct File
  {
    std::string name;
    uint64_t offset = 0;  // in the spool file
    uint64_t size = 0;
    Archive* archive = nullptr;
    ArchiveEntry entry = {};
  };

  // Whether it is one of the files of which there may be so many: what lies in an archive and is no DICOM (a
  // CD's viewer, its web pages) is skipped.
  static bool Counts(const File& file);
  std::string ReadBytes(uint64_t offset, uint64_t size) const;
  void AddArchive(const UploadedPart& part, const std::string& path);

  const uint64_t largestFile_;
  const int descriptor_;
  std::list<Archive> archives_;
  std::mutex archivesMutex_;
  std::vector<File> files_;
};
}  // namespace OrthancClinic::Intake
