// SPDX-License-Identifier: GPL-3.0-or-later

#include "DirectoryTarget.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

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

// A file whose bytes are on the disk before it is closed.
void WriteDurably(const fs::path& path, const std::string& bytes)
{
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
  {
    Fail("a file cannot be made");
  }
  size_t written = 0;
  while (written < bytes.size())
  {
    const ssize_t count = write(file, bytes.data() + written, bytes.size() - written);
    if (count < 0 && errno == EINTR)
    {
      continue;
    }
    if (count <= 0)
    {
      const int error = errno;
      close(file);
      unlink(path.c_str());
      errno = error;
      Fail("a file cannot be written");
    }
    written += static_cast<size_t>(count);
  }
  const bool synchronised = fsync(file) == 0;
  if (close(file) != 0 || !synchronised)
  {
    Fail("a file cannot be written");
  }
}

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

void DirectoryTarget::Put(const std::string& key, const std::string& bytes, const Checksums& checksums,
                          const std::string&, const UploadMemory&)
{
  Check();
  const fs::path path = root_ / key;
  boost::system::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
  {
    throw Unavailable("The folder of copies: a folder cannot be made: " + error.message());
  }
  const fs::path temporary = path.parent_path() / ("." + NewUuid() + ".part");
  WriteDurably(temporary, bytes);
  std::ifstream file(temporary.string(), std::ios::binary);
  const std::string read{std::istreambuf_iterator<char>(file), {}};
  if (ComputeChecksums(read).sha256 != checksums.sha256)
  {
    unlink(temporary.c_str());
    throw Unavailable("The folder of copies does not hold what was written");
  }
  if (rename(temporary.c_str(), path.c_str()) != 0)
  {
    Fail("a file cannot be renamed");
  }
  SynchroniseFolder(path.parent_path());
}

std::optional<int64_t> DirectoryTarget::Size(const std::string& key)
{
  Check();
  boost::system::error_code error;
  const auto size = fs::file_size(root_ / key, error);
  return error ? std::nullopt : std::optional(static_cast<int64_t>(size));
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
}

void DirectoryTarget::List(const std::string& folder, const std::function<void(const std::string&)>& each)
{
  Check();
  std::vector<std::string> names;
  boost::system::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ / folder, error))
  {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("."))
    {
      names.push_back(fs::is_directory(entry.status()) ? name + "/" : name);
    }
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names)
  {
    each(name);
  }
}
}  // namespace OrthancClinic::Replication
