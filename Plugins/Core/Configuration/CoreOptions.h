// SPDX-License-Identifier: GPL-3.0-or-later
//
// The keys of the "Clinic" section that belong to no plugin.

#pragma once

#include <json/value.h>

#include "Core/Api.h"

namespace OrthancClinic
{
// A JSON Schema: check, defaults and documentation come from it.
ORTHANC_CLINIC_API const Json::Value& CoreOptions();
}  // namespace OrthancClinic
