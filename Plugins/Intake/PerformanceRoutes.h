// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the work goes: counts, rates, durations and percentiles of every step over a period, the cache of
// previews, retries, storage. No patient data.

#pragma once

#include "Core/Host/Clinic.h"
#include "Preview.h"

namespace OrthancClinic::Intake
{
void AddPerformanceRoutes(Clinic& clinic, const Preview& preview);
}  // namespace OrthancClinic::Intake
