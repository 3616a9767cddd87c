// SPDX-License-Identifier: GPL-3.0-or-later
//
// What spreads tries that would otherwise come all at once.

#pragma once

#include "Core/Api.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
// The pause, give or take half of it.
ORTHANC_CLINIC_API Milliseconds WithJitter(Milliseconds pause);
}  // namespace OrthancClinic
