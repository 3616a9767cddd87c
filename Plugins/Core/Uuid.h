// SPDX-License-Identifier: GPL-3.0-or-later
//
// The identifiers that we make ourselves: UUID version 7 (RFC 9562, 5.7), which sort by the time they were
// made.

#pragma once

#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
// Lower case with hyphens; the random part comes from OpenSSL's generator.
ORTHANC_CLINIC_API std::string NewUuid();
}  // namespace OrthancClinic
