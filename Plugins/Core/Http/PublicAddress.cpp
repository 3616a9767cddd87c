// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/PublicAddress.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace OrthancClinic
{
namespace
{
using V4 = std::array<uint8_t, 4>;
using V6 = std::array<uint8_t, 16>;

struct V4Network
{
  V4 address;
  unsigned bits;
  const char* source;
};

// IANA IPv4 Special-Purpose Address Registry: what is not globally reachable; and multicast.
constexpr V4Network NOT_PUBLIC_V4[] = {{{0, 0, 0, 0}, 8, "RFC 791, this network"},
                                       {{10, 0, 0, 0}, 8, "RFC 1918"},
                                       {{100, 64, 0, 0}, 10, "RFC 6598, shared by a carrier's customers"},
                                       {{127, 0, 0, 0}, 8, "RFC 1122, loopback"},
                                       {{169, 254, 0, 0}, 16, "RFC 3927, link-local, clouds' metadata"},
                                       {{172, 16, 0, 0}, 12, "RFC 1918"},
                                       {{192, 0, 0, 0}, 24, "RFC 6890, protocol assignments"},
                                       {{192, 0, 2, 0}, 24, "RFC 5737, documentation"},
                                       {{192, 88, 99, 0}, 24, "RFC 7526, 6to4 relays, deprecated"},
                                       {{192, 168, 0, 0}, 16, "RFC 1918"},
                                       {{198, 18, 0, 0}, 15, "RFC 2544, benchmarks"},
                                       {{198, 51, 100, 0}, 24, "RFC 5737, documentation"},
                                       {{203, 0, 113, 0}, 24, "RFC 5737, documentation"},
                                       {{224, 0, 0, 0}, 4, "RFC 5771, multicast"},
                                       {{240, 0, 0, 0}, 4, "RFC 1112, reserved, broadcast"}};

struct V6Network
{
  V6 address;
  unsigned bits;
  const char* source;
};

// IANA IPv6 Special-Purpose Address Registry, within what is given out as global unicast (2000::/3).
constexpr V6Network NOT_PUBLIC_V6[] = {{{0x20, 0x01, 0x00}, 23, "RFC 2928, protocol assignments, Teredo"},
                                       {{0x20, 0x01, 0x0d, 0xb8}, 32, "RFC 3849, documentation"},
                                       {{0x20, 0x02}, 16, "RFC 3056, 6to4: leads to any IPv4 address"},
                                       {{0x3f, 0xff, 0x00}, 20, "RFC 9637, documentation"}};

constexpr V6 GLOBAL_UNICAST = {0x20};
constexpr unsigned GLOBAL_UNICAST_BITS = 3;

// The IPv4 address stands in the last four bytes.
constexpr V6Network EMBEDDED_V4[] = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, "RFC 4291, mapped"},
                                     {{0x00, 0x64, 0xff, 0x9b}, 96, "RFC 6052, NAT64"}};

template <size_t Size>
bool IsWithin(const std::array<uint8_t, Size>& address, const std::array<uint8_t, Size>& network,
              unsigned bits)
{
  const unsigned whole = bits / 8;
  if (!std::equal(address.begin(), address.begin() + whole, network.begin()))
  {
    return false;
  }
  const unsigned rest = bits % 8;
  return rest == 0 || (address[whole] >> (8 - rest)) == (network[whole] >> (8 - rest));
}

bool IsPublic(const V4& address)
{
  return std::none_of(std::begin(NOT_PUBLIC_V4), std::end(NOT_PUBLIC_V4),
                      [&](const V4Network& network)
                      { return IsWithin(address, network.address, network.bits); });
}

bool IsPublic(const V6& address)
{
  const auto within = [&](const V6Network& network)
  { return IsWithin(address, network.address, network.bits); };
  if (std::any_of(std::begin(EMBEDDED_V4), std::end(EMBEDDED_V4), within))
  {
    V4 embedded{};
    std::copy(address.end() - 4, address.end(), embedded.begin());
    return IsPublic(embedded);
  }
  return IsWithin(address, GLOBAL_UNICAST, GLOBAL_UNICAST_BITS) &&
         std::none_of(std::begin(NOT_PUBLIC_V6), std::end(NOT_PUBLIC_V6), within);
}
}  // namespace

bool IsPublicAddress(const sockaddr& address)
{
  if (address.sa_family == AF_INET)
  {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    V4 bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return IsPublic(bytes);
  }
  if (address.sa_family == AF_INET6)
  {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    V6 bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return IsPublic(bytes);
  }
  return false;
}

bool IsPublicAddress(const std::string& address)
{
  V4 v4{};
  V6 v6{};
  return inet_pton(AF_INET, address.c_str(), v4.data()) == 1    ? IsPublic(v4)
         : inet_pton(AF_INET6, address.c_str(), v6.data()) == 1 ? IsPublic(v6)
                                                                : false;
}
}  // namespace OrthancClinic
