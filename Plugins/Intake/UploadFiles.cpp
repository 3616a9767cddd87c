// SPDX-License-Identifier: GPL-3.0-or-later

#include "UploadFiles.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "Core/Errors.h"
#include "Core/ReadAt.h"
#include "Core/Rest/Router.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr uint64_t MEGABYTE = 1 << 20;
constexpr uint64_t BEGINNING = 132;  // preamble and prefix, PS3.10 7.1
constexpr size_t MOST_ENTRIES = 100'000;
}  // namespace

UploadFiles::UploadFiles(const std::string& path, const std::vector<UploadedPart>& parts,
                         const Options& options)
    : largestFile_(static_cast<uint64_t>(options.largestFile)),
      descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC))
{
  if (descriptor_ < 0)
  {
    throw Unavailable("The upload is not on the disk of this machine");
  }
  try
  {
    for (const UploadedPart& part : parts)
    {
      if (LooksLikeArchive(ReadBytes(part.offset, std::min<uint64_t>(part.size, 4))))
      {
        AddArchive(part, path);
      }
      else
      {
        files_.push_back({part.fileName, part.offset, part.size});
      }
    }
    uint64_t total = 0;
    int64_t candidates = 0;
    for (const File& file : files_)
    {
      total += file.size;
      candidates += Counts(file) ? 1 : 0;
    }
    if (total > static_cast<uint64_t>(options.largestUpload))
    {
      throw TooLarge(fmt::format("The upload holds more than {} megabytes",
                                 options.largestUpload / static_cast<int64_t>(MEGABYTE)));
    }
    if (candidates > options.mostFiles)
    {
      throw BadInput(fmt::format("The upload has more than {} files", options.mostFiles));
    }
  }
  catch (...)
  {
    close(descriptor_);
    throw;
  }
}

UploadFiles::~UploadFiles()
{
  close(descriptor_);
}

bool UploadFiles::Counts(const File& file)
{
  if (file.archive == nullptr)
  {
    return true;
  }
  try
  {
    return file.size >= BEGINNING && file.archive->Read(file.entry, BEGINNING).ends_with("DICM");
  }
  catch (const BadInput&)
  {
    return true;  // encrypted, damaged, packed in a way that is not known: told when it is its turn
  }
}

void UploadFiles::AddArchive(const UploadedPart& part, const std::string& path)
{
  Archive& archive = archives_.emplace_back(path, part.offset, part.size);
  if (archive.Entries().size() > MOST_ENTRIES)
  {
    throw BadInput(fmt::format("The archive has more than {} files", MOST_ENTRIES));
  }
  for (const ArchiveEntry& entry : archive.Entries())
  {
    files_.push_back({entry.name, 0, entry.size, &archive, entry});
  }
}

std::string UploadFiles::ReadBytes(uint64_t offset, uint64_t size) const
{
  std::string bytes(size, '\0');
  if (const std::string why = ReadAt(descriptor_, offset, bytes); !why.empty())
  {
    throw Unavailable("The upload cannot be read from the disk: " + why);
  }
  return bytes;
}

std::string UploadFiles::Read(size_t number)
{
  const File& file = files_[number];
  if (file.size > largestFile_)
  {
    throw TooLarge(fmt::format("The file is larger than {} megabytes", largestFile_ / MEGABYTE));
  }
  if (file.archive == nullptr)
  {
    return ReadBytes(file.offset, file.size);
  }
  const std::scoped_lock lock(archivesMutex_);
  return file.archive->Read(file.entry);
}
}  // namespace OrthancClinic::Intake
