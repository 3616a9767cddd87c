// SPDX-License-Identifier: GPL-3.0-or-later

#include "Archive.h"

#include <zip.h>

#include <algorithm>

#include "Core/Dicom/Text.h"
#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr size_t LONGEST_NAME = 1024;

using EntryFile = std::unique_ptr<zip_file_t, int (*)(zip_file_t*)>;
}  // namespace

struct Archive::Pimpl
{
  std::unique_ptr<zip_t, void (*)(zip_t*)> zip{nullptr, zip_discard};
};

Archive::Archive(const std::string& path, uint64_t offset, uint64_t size) : pimpl_(std::make_unique<Pimpl>())
{
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const source =
      zip_source_file_create(path.c_str(), offset, static_cast<zip_int64_t>(size), &error);
  if (source != nullptr)
  {
    pimpl_->zip.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
    if (!pimpl_->zip)
    {
      zip_source_free(source);
    }
  }
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  if (!pimpl_->zip)
  {
    throw BadInput("The archive cannot be opened: " + reason);
  }
  const zip_int64_t count = zip_get_num_entries(pimpl_->zip.get(), 0);
  for (zip_int64_t i = 0; i < count; i++)
  {
    zip_stat_t stat;
    if (zip_stat_index(pimpl_->zip.get(), static_cast<zip_uint64_t>(i), 0, &stat) != 0 ||
        (stat.valid & (ZIP_STAT_NAME | ZIP_STAT_SIZE)) != (ZIP_STAT_NAME | ZIP_STAT_SIZE))
    {
      throw BadInput("The archive's directory is damaged");
    }
    ArchiveEntry entry{.index = static_cast<uint64_t>(i),
                       .name = CleanText(stat.name, LONGEST_NAME),
                       .size = stat.size,
                       .isEncrypted = (stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 &&
                                      stat.encryption_method != ZIP_EM_NONE};
    if (!std::string_view(stat.name).ends_with('/'))
    {
      entries_.push_back(std::move(entry));
    }
  }
}

Archive::~Archive() = default;

std::string Archive::Read(const ArchiveEntry& entry, uint64_t most) const
{
  if (entry.isEncrypted)
  {
    throw BadInput("The file is encrypted");
  }
  const EntryFile file(zip_fopen_index(pimpl_->zip.get(), entry.index, 0), zip_fclose);
  if (!file)
  {
    throw BadInput(std::string("The file cannot be unpacked: ") + zip_strerror(pimpl_->zip.get()));
  }
  const uint64_t wanted = std::min(most, entry.size);
  std::string bytes(wanted, '\0');
  uint64_t done = 0;
  while (done < wanted)
  {
    const zip_int64_t read = zip_fread(file.get(), bytes.data() + done, wanted - done);
    if (read <= 0)
    {
      throw BadInput("The file is damaged in the archive");
    }
    done += static_cast<uint64_t>(read);
  }
  // Its checksum is compared at the end, and there must be no more than was announced.
  char more = 0;
  if (wanted == entry.size && zip_fread(file.get(), &more, 1) != 0)
  {
    throw BadInput("The file is damaged in the archive");
  }
  return bytes;
}

bool LooksLikeArchive(std::string_view firstBytes)
{
  // PKWARE's APPNOTE 4.3.7 and, for one without entries, 4.3.16.
  return firstBytes.starts_with("PK\x03\x04") || firstBytes.starts_with("PK\x05\x06");
}
}  // namespace OrthancClinic::Intake
