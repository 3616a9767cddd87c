// SPDX-License-Identifier: GPL-3.0-or-later
//
// Upper and lower case of ASCII alone, whatever the process's locale is: for what protocols spell either way.
// What people write (names, addresses) is folded by Dicom/Folding.

#pragma once

#include <string>
#include <string_view>

#include "Core/Api.h"

namespace OrthancClinic
{
ORTHANC_CLINIC_API std::string ToLower(std::string_view text);
ORTHANC_CLINIC_API std::string ToUpper(std::string_view text);
}  // namespace OrthancClinic
