// SPDX-License-Identifier: GPL-3.0-or-later
//
// A calendar date that may be partial: DICOM's DA, and what modalities and CRMs send in its place.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "Core/Api.h"

namespace OrthancClinic
{
struct ORTHANC_CLINIC_API DicomDate
{
  int year = 0;   // 1 to 9999
  int month = 0;  // 0: not known
  int day = 0;    // 0: not known

  // YYYYMMDD (PS3.5 6.2), YYYY.MM.DD (its form before 1993), YYYY-MM-DD, and each of them without the day or
  // without month and day ("00" counts as not known). Nothing for anything else and for days that do not
  // exist.
  static std::optional<DicomDate> Parse(std::string_view text);

  std::string ToIso() const;  // "1985-01-01", "1985-01" or "1985"

  bool operator==(const DicomDate&) const = default;
};
}  // namespace OrthancClinic
