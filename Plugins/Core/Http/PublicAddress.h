// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tells the addresses of the Internet from those of one's own network. A URL that somebody else chose must
// not lead to the latter: what listens there trusts whoever can reach it.

#pragma once

#include <string>

#include "Core/Api.h"

struct sockaddr;

namespace OrthancClinic
{
// False for this machine, private networks, link-local addresses (among them the clouds' metadata services),
// multicast, what is reserved, and what is neither IPv4 nor IPv6.
ORTHANC_CLINIC_API bool IsPublicAddress(const sockaddr& address);

// The same for an address as text ("192.0.2.1", "2001:db8::1"); false if it is none.
ORTHANC_CLINIC_API bool IsPublicAddress(const std::string& address);
}  // namespace OrthancClinic
