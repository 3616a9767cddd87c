// SPDX-License-Identifier: GPL-3.0-or-later
//
// Passwords.

#pragma once

#include <string>

namespace OrthancClinic::Access
{
// Argon2id (RFC 9106) with a random salt, in its own notation; 19 MiB and two passes, as OWASP's Password
// Storage Cheat Sheet has it.
std::string HashPassword(const std::string& password);

// Takes as long for an empty or broken hash as for a good one, and is false.
bool VerifyPassword(const std::string& hash, const std::string& password);
}  // namespace OrthancClinic::Access
