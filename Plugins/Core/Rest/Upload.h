// SPDX-License-Identifier: GPL-3.0-or-later
//
// The body of an upload. It goes to a file as it comes, so that an upload costs disk and not memory; the
// handler gets it as parts of that file: those of a form (multipart/form-data), or the whole body as one.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
// A file without a name, readable by this user alone, that is gone with its last descriptor: also when the
// process is killed. Not for several threads at once, but for Read.
class ORTHANC_CLINIC_API SpoolFile
{
public:
  // Makes the folder if it is missing. This and the next throw Unavailable when the disk is full or refuses.
  explicit SpoolFile(const std::string& folder);
  ~SpoolFile();
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  void Append(std::string_view bytes);
  uint64_t Size() const { return size_; }

  // What is there of these bytes.
  std::string Read(uint64_t offset, uint64_t size) const;

  // Gives the file a name, on the same disk, with its content safely written. Throws Unavailable.
  void Keep(const std::string& path) const;

  int Descriptor() const { return descriptor_; }

private:
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

struct UploadedPart
{
  std::string name;         // of the form's field; empty for a body that is no form
  std::string fileName;     // of the client, with its folders, in UTF-8; empty for a field that is no file
  std::string contentType;  // without its parameters, in lower case; empty if the client gave none
  uint64_t offset = 0;      // in the spool file
  uint64_t size = 0;
};

class ORTHANC_CLINIC_API Upload
{
public:
  Upload(std::unique_ptr<SpoolFile> file, std::vector<UploadedPart> parts)
      : file_(std::move(file)), parts_(std::move(parts))
  {
  }

  const std::vector<UploadedPart>& Parts() const { return parts_; }
  const SpoolFile& File() const { return *file_; }

  // The files: parts with a file name, and a body that is no form.
  std::vector<UploadedPart> Files() const;

  // The text of a field that is no file, in UTF-8; nothing without one. Throws BadInput if it is longer than
  // 64 KiB.
  std::optional<std::string> FindField(const std::string& name) const;
  std::string Field(const std::string& name) const;  // empty without one

  std::string Read(const UploadedPart& part) const { return file_->Read(part.offset, part.size); }

private:
  std::unique_ptr<SpoolFile> file_;
  std::vector<UploadedPart> parts_;
};

// Takes a body piece by piece.
class ORTHANC_CLINIC_API UploadReader
{
public:
  // `contentType`: the request's. Throws BadInput for a form without boundary, Unavailable as SpoolFile does.
  UploadReader(const std::string& folder, const std::string& contentType);
  ~UploadReader();

  void Add(std::string_view bytes);
  std::unique_ptr<Upload> Finish();  // throws BadInput if the form is cut off

private:
  struct Pimpl;
  std::unique_ptr<Pimpl> pimpl_;
};
}  // namespace OrthancClinic
