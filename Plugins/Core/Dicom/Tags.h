// SPDX-License-Identifier: GPL-3.0-or-later
//
// Elements of a data set in Orthanc's short JSON ("/instances/{id}/tags?short"), by tag ("0010,0010").

#pragma once

#include <json/value.h>

#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
// The text of an element; empty if it is absent, a sequence or binary.
ORTHANC_CLINIC_API std::string Tag(const Json::Value& tags, const char* tag);
}  // namespace OrthancClinic
