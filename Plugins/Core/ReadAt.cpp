// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/ReadAt.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace OrthancClinic
{
std::string ReadAt(int descriptor, uint64_t offset, std::string& bytes)
{
  for (size_t done = 0; done < bytes.size();)
  {
    const ssize_t count =
        pread(descriptor, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR)
    {
      continue;
    }
    if (count <= 0)
    {
      return count == 0 ? "it is too short" : std::generic_category().message(errno);
    }
    done += static_cast<size_t>(count);
  }
  return "";
}
}  // namespace OrthancClinic
