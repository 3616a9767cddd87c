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
}  // namespace OrthancClinic
