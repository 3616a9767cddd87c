// SPDX-License-Identifier: GPL-3.0-or-later
//
// Text that came from outside, made fit to be kept: valid UTF-8 of bounded length without control characters.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "Core/Api.h"

namespace OrthancClinic
{
// Bytes that are not UTF-8 become U+FFFD, control characters (NUL among them) become spaces, spaces at both
// ends are removed, and what is longer than `maxBytes` is cut between two code points.
ORTHANC_CLINIC_API std::string CleanText(std::string_view bytes, size_t maxBytes);

// Text whose character set nobody told: UTF-8 if it is that, else ISO 8859-1, which old equipment of the West
// sends without saying so.
ORTHANC_CLINIC_API std::string DecodeUndeclared(std::string_view bytes);

// What an element of at most so many characters (PS3.5 6.2) can hold of it, as one value: a backslash, which
// separates values, becomes a slash.
ORTHANC_CLINIC_API std::string CutValue(const std::string& text, size_t most);
}  // namespace OrthancClinic
