// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads from the middle of an open file, whoever else reads from it at the same time.

#pragma once

#include <cstdint>
#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
// Fills `bytes`, whose size says how many, with those from `offset` on. Returns why it could not, empty if it
// could.
[[nodiscard]] ORTHANC_CLINIC_API std::string ReadAt(int descriptor, uint64_t offset, std::string& bytes);
}  // namespace OrthancClinic
