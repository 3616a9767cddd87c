// SPDX-License-Identifier: GPL-3.0-or-later

#include "DownloadZip.h"

#include <zip.h>

#include <memory>

#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr size_t PIECE = 1 << 20;
constexpr zip_uint32_t FASTEST = 1;  // pixels do not become much smaller by a longer search

void Need(bool success)
{
  if (!success)
  {
    throw Unavailable("The ZIP could not be made");
  }
}
}  // namespace

std::string MakeZip(const std::vector<std::pair<std::string, std::string>>& files)
{
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> target(
      zip_source_buffer_create(nullptr, 0, 0, nullptr), zip_source_free);
  Need(target != nullptr);
  std::unique_ptr<zip_t, void (*)(zip_t*)> archive(zip_open_from_source(target.get(), ZIP_TRUNCATE, nullptr),
                                                   zip_discard);
  Need(archive != nullptr);
  zip_source_keep(target.get());  // the archive gives back what it was opened from
  for (const auto& [name, content] : files)
  {
    zip_source_t* const source = zip_source_buffer(archive.get(), content.data(), content.size(), 0);
    Need(source != nullptr);
    const zip_int64_t index = zip_file_add(archive.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0)
    {
      zip_source_free(source);
    }
    Need(index >= 0 && zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index),
                                                ZIP_CM_DEFLATE, FASTEST) == 0);
  }
  Need(zip_close(archive.get()) == 0);
  (void)archive.release();  // closed

  Need(zip_source_open(target.get()) == 0);
  std::string bytes;
  std::vector<char> piece(PIECE);
  zip_int64_t read = 0;
  while ((read = zip_source_read(target.get(), piece.data(), piece.size())) > 0)
  {
    bytes.append(piece.data(), static_cast<size_t>(read));
  }
  zip_source_close(target.get());
  Need(read == 0);
  return bytes;
}
}  // namespace OrthancClinic::Intake
