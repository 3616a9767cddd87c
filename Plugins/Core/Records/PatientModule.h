// SPDX-License-Identifier: GPL-3.0-or-later
//
// A person of the directory as DICOM names them (PS3.3 C.7.1.1): on the worklist, and in images that are made
// for them.

#pragma once

#include <string>

#include "Core/Api.h"
#include "Core/Records/Patient.h"

namespace OrthancClinic
{
// PatientName in UTF-8: never empty.
ORTHANC_CLINIC_API std::string DicomName(const Patient& patient);

// The identifier that the clinic gave, else the directory's id; and who gave it, empty if that is not known.
ORTHANC_CLINIC_API std::string DicomPatientId(const Patient& patient);
ORTHANC_CLINIC_API std::string DicomIssuerOfPatientId(const Patient& patient);

// YYYYMMDD; empty unless the day is known.
ORTHANC_CLINIC_API std::string DicomBirthDate(const Patient& patient);
}  // namespace OrthancClinic
