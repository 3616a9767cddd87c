// SPDX-License-Identifier: GPL-3.0-or-later
//
// Clocks of the clinics' time zones. DICOM's worklist speaks in the local time of the modality (PS3.3 C.4.10
// gives no zone), everything of ours in UTC.

#pragma once

#include <string>

#include "Core/Api.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
// A name of the IANA database ("America/Toronto").
ORTHANC_CLINIC_API bool IsTimeZone(const std::string& name);

struct LocalTime
{
  std::string date;  // YYYYMMDD, DICOM's DA
  std::string time;  // HHMMSS, DICOM's TM; also HHMM, HH or empty, and with a fraction
};

// Throw BadInput for an unknown zone, or a date or time that does not exist.
ORTHANC_CLINIC_API LocalTime ToLocalTime(Timestamp time, const std::string& zone);
ORTHANC_CLINIC_API Timestamp FromLocalTime(const LocalTime& local, const std::string& zone);
ORTHANC_CLINIC_API Timestamp StartOfDay(const std::string& date, const std::string& zone);  // date: YYYYMMDD

// The day `days` later (or earlier); both YYYYMMDD.
ORTHANC_CLINIC_API std::string AddDays(const std::string& date, int days);
}  // namespace OrthancClinic
