// SPDX-License-Identifier: GPL-3.0-or-later
//
// The EHR's routes below /api/v1/dicom that look at a file before it is stored, or change what it says.

#pragma once

#include "Core/Database/Database.h"
#include "Core/Orthanc.h"
#include "Core/Rest/Router.h"
#include "IntakeOptions.h"

namespace OrthancClinic::Intake
{
void AddTagRoutes(Router& router, Database& database, IOrthanc& orthanc, const Options& options);
}  // namespace OrthancClinic::Intake
