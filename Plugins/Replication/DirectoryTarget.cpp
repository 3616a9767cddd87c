// SPDX-License-Identifier: GPL-3.0-or-later

#include "DirectoryTarget.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <system_error>

#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Uuid.h"

namespace OrthancClinic::Replication
{
namespace fs = boost::filesystem;

namespace
{
[[noreturn]] void Fail(const char* what)
{
  throw Unavailable(std::string("The folder of copies: ") + what + ": " +
                    std::generic_category().message(errno));
}

constexpr size_t PIECE = size_t{1} << 20;

// Closed at the end, and deleted unless it was kept.
class NewFile
{
public:
  explicit NewFile(fs::path path)
      : path_(std::move(path)), file_(open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600))
  {
    if (file_ < 0)
    {
      Fail("a file cannot be made");
    }
  }
  ~NewFile()
  {
    close(file_);
    if (!kept_)
    {
      unlink(path_.c_str());
    }
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void Write(std::string_view bytes)
  {
    while (!bytes.empty())
    {
      const ssize_t count = write(file_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR)
      {
        continue;
      }
      if (count <= 0)
      {
        Fail("a file cannot be written");
      }
      bytes.remove_prefix(static_cast<size_t>(count));
    }
  }

  // The bytes are on the disk; returns the SHA-256 of what can be read from there.
  std::string Synchronise()
  {
    if (fsync(file_) != 0)
    {
      Fail("a file cannot be written");
    }
    // A network file system may answer from this machine's memory: that is then all it can promise.
    posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
    Digest digest(Digest::Algorithm::Sha256);
    std::string buffer(PIECE, '\0');
    for (off_t offset = 0;;)
    {
      const ssize_t count = pread(file_, buffer.data(), buffer.size(), offset);
      if (count < 0)
      {
        Fail("a file cannot be read back");
      }
      if (count == 0)
      {
        return digest.Hexadecimal();
      }
      digest.Add(std::string_view(buffer).substr(0, static_cast<size_t>(count)));
      offset += count;
    }
  }

  void RenameTo(const fs::path& path)
  {
    if (rename(path_.c_str(), path.c_str()) != 0)
    {
      Fail("a file cannot be renamed");
    }
    kept_ = true;
  }

private:
  const fs::path path_;
  const int file_;
  bool kept_ = false;
};

void SynchroniseFolder(const fs::path& path)
{
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0)
  {
    fsync(folder);
    close(folder);
  }
}
}  // namespace

DirectoryTarget::DirectoryTarget(const TargetOptions& options)
    : root_(options.prefix.empty() ? fs::path(options.path) : fs::path(options.path) / options.prefix)
{
}

void DirectoryTarget::Check()
{
  // The folder itself must be there: a NAS that is not mounted must not be filled as an empty mount point.
  boost::system::error_code error;
  if (!fs::is_directory(root_, error))
  {
    throw Unavailable("The folder of copies does not exist (is it mounted?)");
  }
}

std::string DirectoryTarget::Put(const std::string& key, IContent& content, const std::string&,
                                 const UploadMemory&, const std::function<bool()>& isCancelled)
{
  Check();
  const fs::path path = root_ / key;
  boost::system::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
  {
    throw Unavailable("The folder of copies: a folder cannot be made: " + error.message());
  }
  NewFile file(path.parent_path() / ("." + NewUuid() + ".part"));
  Digest sha256(Digest::Algorithm::Sha256);
  Digest md5(Digest::Algorithm::Md5);
  for (size_t offset = 0; offset < content.Size(); offset += PIECE)
  {
    if (isCancelled())
    {
      throw Unavailable("Orthanc stops");
    }
    const std::string_view piece = content.Read(offset, std::min(PIECE, content.Size() - offset));
    sha256.Add(piece);
    md5.Add(piece);
    file.Write(piece);
  }
  CompareWithOrthanc(content, md5.Hexadecimal());
  std::string digest = sha256.Hexadecimal();
  if (file.Synchronise() != digest)
  {
    throw Unavailable("The folder of copies does not hold what was written");
  }
  file.RenameTo(path);
  SynchroniseFolder(path.parent_path());
  return digest;
}

bool DirectoryTarget::PutNew(const std::string& key, IContent& content, const std::string& contentType,
                             const std::function<bool()>& isCancelled)
{
  Check();
  boost::system::error_code error;
  if (fs::exists(root_ / key, error))
  {
    return false;
  }
  Put(key, content, contentType, {}, isCancelled);  // no upload in parts is remembered
  return true;
}

std::optional<std::string> DirectoryTarget::Get(const std::string& key)
{
  Check();
  std::ifstream file((root_ / key).string(), std::ios::binary);
  if (!file)
  {
    return std::nullopt;
  }
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

void DirectoryTarget::Delete(const std::string& key)
{
  Check();
  if (unlink((root_ / key).c_str()) != 0 && errno != ENOENT)
  {
    Fail("a file cannot be deleted");
  }
  // And the folders that are empty now.
  for (fs::path folder = (root_ / key).parent_path(); folder != root_ && rmdir(folder.c_str()) == 0;)
  {
    folder = folder.parent_path();
  }
}

void DirectoryTarget::List(const std::string& folder,
                           const std::function<void(const std::string&, int64_t)>& each)
{
  Check();
  std::map<std::string, int64_t> found;
  boost::system::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ / folder, error))
  {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("."))
    {
      const bool isFolder = fs::is_directory(entry.status());
      found[isFolder ? name + "/" : name] =
          isFolder ? 0 : static_cast<int64_t>(fs::file_size(entry.path(), error));
    }
  }
  for (const auto& [name, size] : found)
  {
    each(name, size);
  }
}
}  // namespace OrthancClinic::Replication
