// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Uuid.h"

#include <openssl/rand.h>

#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "Core/Errors.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
std::string NewUuid()
{
  std::array<uint8_t, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
  {
    throw Unavailable("The system's random generator failed");
  }

  const auto time = static_cast<uint64_t>(Now().time_since_epoch().count());
  for (size_t i = 0; i < 6; i++)
  {
    bytes[i] = static_cast<uint8_t>(time >> (40 - 8 * i));
  }
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x70);  // version 7
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);  // RFC 9562's variant

  std::string text;
  for (size_t i = 0; i < bytes.size(); i++)
  {
    text += fmt::format("{:02x}", bytes[i]);
    if (i == 3 || i == 5 || i == 7 || i == 9)
    {
      text += '-';
    }
  }
  return text;
}
}  // namespace OrthancClinic
