// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which series show the patient, by their modality (PS3.3 C.7.3.1.1.1).

#pragma once

#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
// False for reports, segmentations, presentation states and other objects that show no patient, or what
// somebody drew.
ORTHANC_CLINIC_API bool IsImageModality(const std::string& modality);
}  // namespace OrthancClinic
