// SPDX-License-Identifier: GPL-3.0-or-later
//
// The test button of a target: writes a small object, reads it back and deletes it; asks a DICOM node by
// C-ECHO.

#pragma once

#include <json/value.h>

#include "Core/Http/ResidencyGuard.h"
#include "Core/Orthanc.h"
#include "ReplicationOptions.h"

namespace OrthancClinic::Replication
{
// {"success", "message", "latencyMs", "testedAt"}; at most half a minute.
Json::Value Probe(const TargetOptions& options, const ResidencyPolicy& policy, IOrthanc& orthanc);
}  // namespace OrthancClinic::Replication
