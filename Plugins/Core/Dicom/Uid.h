// SPDX-License-Identifier: GPL-3.0-or-later
//
// The DICOM identifiers (UI) that we make ourselves.

#pragma once

#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
// A new unique identifier below 2.25, made of a UUID (PS3.5 B.2).
ORTHANC_CLINIC_API std::string NewUid();

// The one that always stands for this name (a UUID of version 8, RFC 9562, of the name's SHA-256).
ORTHANC_CLINIC_API std::string UidOf(const std::string& name);
}  // namespace OrthancClinic
