// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Upload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/filesystem.hpp>
#include <cerrno>
#include <system_error>

#include "Core/Dicom/Text.h"
#include "Core/Errors.h"
#include "Core/ReadAt.h"
#include "Core/Rest/Http.h"
#include "Core/Rest/Multipart.h"

namespace OrthancClinic
{
namespace
{
constexpr uint64_t LONGEST_FIELD = 64 << 10;
constexpr size_t LONGEST_NAME = 4096;  // bytes
constexpr size_t BLOCK = 1 << 20;

std::string WhyNot()
{
  return std::generic_category().message(errno);
}

int OpenUnnamed(const std::string& folder)
{
  boost::system::error_code error;
  if (boost::filesystem::create_directories(folder, error))
  {
    chmod(folder.c_str(), S_IRWXU);
  }
  int descriptor = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
  {
    // A file system that cannot (NFS): one whose name goes at once.
    std::string name = folder + "/upload-XXXXXX";
    descriptor = mkostemp(name.data(), O_CLOEXEC);
    if (descriptor >= 0)
    {
      unlink(name.c_str());
    }
  }
  return descriptor;
}

void WriteAll(int descriptor, std::string_view bytes)
{
  while (!bytes.empty())
  {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR)
    {
      throw Unavailable("The upload cannot be written to the disk: " + WhyNot());
    }
    bytes.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
  }
}
}  // namespace

SpoolFile::SpoolFile(const std::string& folder) : descriptor_(OpenUnnamed(folder))
{
  if (descriptor_ < 0)
  {
    throw Unavailable("There is no place for an upload: " + WhyNot());
  }
}

SpoolFile::~SpoolFile()
{
  close(descriptor_);
}

void SpoolFile::Append(std::string_view bytes)
{
  WriteAll(descriptor_, bytes);
  size_ += bytes.size();
}

std::string SpoolFile::Read(uint64_t offset, uint64_t size) const
{
  std::string bytes(std::min(size, size_ - std::min(offset, size_)), '\0');
  if (const std::string why = ReadAt(descriptor_, offset, bytes); !why.empty())
  {
    throw Unavailable("The upload cannot be read from the disk: " + why);
  }
  return bytes;
}

void SpoolFile::Keep(const std::string& path) const
{
  const std::string self = "/proc/self/fd/" + std::to_string(descriptor_);
  if (fsync(descriptor_) != 0)
  {
    throw Unavailable("The upload cannot be written to the disk: " + WhyNot());
  }
  if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
  {
    // One that had a name once cannot get another one.
    const int copy = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (copy < 0)
    {
      throw Unavailable("The upload cannot be kept: " + WhyNot());
    }
    try
    {
      for (uint64_t at = 0; at < size_; at += BLOCK)
      {
        WriteAll(copy, Read(at, BLOCK));
      }
      if (fsync(copy) != 0)
      {
        throw Unavailable("The upload cannot be kept: " + WhyNot());
      }
    }
    catch (...)
    {
      close(copy);
      unlink(path.c_str());
      throw;
    }
    close(copy);
  }
  // The name is safe when the folder is.
  const int folder =
      open(boost::filesystem::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0)
  {
    fsync(folder);
    close(folder);
  }
}

std::vector<UploadedPart> Upload::Files() const
{
  std::vector<UploadedPart> files;
  std::copy_if(parts_.begin(), parts_.end(), std::back_inserter(files),
               [](const UploadedPart& part) { return !part.fileName.empty() || part.name.empty(); });
  return files;
}

std::optional<std::string> Upload::FindField(const std::string& name) const
{
  for (const UploadedPart& part : parts_)
  {
    if (part.name == name && part.fileName.empty())
    {
      if (part.size > LONGEST_FIELD)
      {
        throw BadInput("A field of the form is too long", {{name, "expected at most 64 KiB"}});
      }
      return DecodeUndeclared(Read(part));
    }
  }
  return std::nullopt;
}

std::string Upload::Field(const std::string& name) const
{
  return FindField(name).value_or("");
}

struct UploadReader::Pimpl
{
  std::unique_ptr<SpoolFile> file;
  std::vector<UploadedPart> parts;
  std::optional<MultipartReader> form;

  Pimpl(const std::string& folder, const std::string& contentType) : file(std::make_unique<SpoolFile>(folder))
  {
    if (!MediaType(contentType).starts_with("multipart/"))
    {
      parts.push_back({.contentType = MediaType(contentType)});
      return;
    }
    form.emplace(contentType,
                 MultipartReader::Handlers{
                     .begin = [this](const std::map<std::string, std::string>& headers) { Begin(headers); },
                     .data = [this](std::string_view bytes) { Write(bytes); },
                     .end = [] {}});
  }

  void Begin(const std::map<std::string, std::string>& headers)
  {
    const auto find = [&](const char* name)
    {
      const auto header = headers.find(name);
      return header == headers.end() ? std::string() : header->second;
    };
    const std::string disposition = find("content-disposition");
    UploadedPart part{.name = HeaderParameter(disposition, "name"),
                      .fileName = HeaderParameter(disposition, "filename"),
                      .contentType = MediaType(find("content-type")),
                      .offset = file->Size()};
    if (part.name.empty())
    {
      throw BadInput("A part of the form has no name");
    }
    // RFC 5987, which clients use for what is not ASCII, instead of raw UTF-8 or besides it.
    const std::string extended = HeaderParameter(disposition, "filename*");
    const size_t quote = extended.rfind('\'');
    if (quote != std::string::npos)
    {
      part.fileName = DecodePercent(extended.substr(quote + 1));
    }
    // A name is kept and shown, and a client may send any bytes as one.
    part.fileName = CleanText(DecodeUndeclared(part.fileName), LONGEST_NAME);
    parts.push_back(std::move(part));
  }

  void Write(std::string_view bytes)
  {
    file->Append(bytes);
    parts.back().size += bytes.size();
  }
};

UploadReader::UploadReader(const std::string& folder, const std::string& contentType)
    : pimpl_(std::make_unique<Pimpl>(folder, contentType))
{
}

UploadReader::~UploadReader() = default;

void UploadReader::Add(std::string_view bytes)
{
  if (pimpl_->form)
  {
    pimpl_->form->Add(bytes);
  }
  else
  {
    pimpl_->Write(bytes);
  }
}

std::unique_ptr<Upload> UploadReader::Finish()
{
  if (pimpl_->form)
  {
    pimpl_->form->Finish();
  }
  return std::make_unique<Upload>(std::move(pimpl_->file), std::move(pimpl_->parts));
}
}  // namespace OrthancClinic
