// SPDX-License-Identifier: GPL-3.0-or-later
//
// The archive as it is read: studies by patient, order and accession number, their series and instances, and
// what Orthanc says of itself, in the EHR's words (/api/v1/dicom).

#pragma once

#include "StudyParts.h"

namespace OrthancClinic::Intake
{
void AddStudyRoutes(Router& router, const StudyParts& parts);
}  // namespace OrthancClinic::Intake
