// SPDX-License-Identifier: GPL-3.0-or-later
//
// An instant in UTC with a resolution of one millisecond, and its one spelling: RFC 3339 with `Z` and exactly
// three decimals ("2026-02-08T10:30:00.000Z"). The spelling has a fixed width, so that it sorts as text in
// the database.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "Core/Api.h"

namespace OrthancClinic
{
using Milliseconds = std::chrono::milliseconds;
using Timestamp = std::chrono::time_point<std::chrono::system_clock, Milliseconds>;

ORTHANC_CLINIC_API Timestamp Now();

// Years 0000 to 9999.
ORTHANC_CLINIC_API std::string ToString(Timestamp time);

// Any RFC 3339 date-time: any number of decimals (cut to milliseconds), `Z` or an offset. Nothing if it is
// not one.
ORTHANC_CLINIC_API std::optional<Timestamp> ParseTimestamp(std::string_view text);

// Orthanc's "20260208T103000", which is in UTC. Nothing if it is not one.
ORTHANC_CLINIC_API std::optional<Timestamp> ParseOrthancTime(const std::string& text);
}  // namespace OrthancClinic
