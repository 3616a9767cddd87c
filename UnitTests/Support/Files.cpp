// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/Files.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <system_error>

namespace OrthancClinic::Testing
{
TemporaryDirectory::TemporaryDirectory()
{
  std::string name = (std::filesystem::temp_directory_path() / "clinic-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
  {
    throw std::system_error(errno, std::generic_category(), "mkdtemp");
  }
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory()
{
  std::error_code ignored;  // a leftover in /tmp is no reason to fail
  std::filesystem::remove_all(path_, ignored);
}

std::string ReadFile(const std::filesystem::path& path)
{
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void WriteFile(const std::filesystem::path& path, std::string_view content)
{
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  if (!file)
  {
    throw std::runtime_error("cannot write " + path.string());
  }
}

uint16_t FreePort()
{
  static std::mutex mutex;
  static std::set<uint16_t> given;
  const std::lock_guard<std::mutex> lock(mutex);
  for (;;)
  {
    const int handle = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_ANY);  // Orthanc listens on every interface
    socklen_t size = sizeof(address);
    if (handle < 0 || bind(handle, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        getsockname(handle, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    {
      throw std::system_error(errno, std::generic_category(), "no free port");
    }
    close(handle);
    const uint16_t port = ntohs(address.sin_port);
    if (given.insert(port).second)
    {
      return port;
    }
  }
}
}  // namespace OrthancClinic::Testing
