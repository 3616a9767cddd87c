// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/Files.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <mutex>
#include <random>
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
  static std::mt19937 random(std::random_device{}());
  // Below the range from which Linux takes the ports of outgoing connections: any connection of any process
  // could take a port from there between this answer and the moment when its server listens.
  std::uniform_int_distribution<uint16_t> ports(10000, 32000);
  const std::lock_guard<std::mutex> lock(mutex);
  for (;;)
  {
    const uint16_t port = ports(random);
    const int handle = socket(AF_INET, SOCK_STREAM, 0);
    if (handle < 0)
    {
      throw std::system_error(errno, std::generic_category(), "no socket");
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_ANY);  // Orthanc listens on every interface
    address.sin_port = htons(port);
    const bool isFree = bind(handle, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    close(handle);
    if (isFree && given.insert(port).second)
    {
      return port;
    }
  }
}
}  // namespace OrthancClinic::Testing
