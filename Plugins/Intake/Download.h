// SPDX-License-Identifier: GPL-3.0-or-later
//
// Studies as ZIP and instances as DICOM files. Orthanc before 1.12.6 gives a plugin no way to stream an
// answer: what is small is answered from memory, for what is large the caller is sent (307) to Orthanc's own
// route, which streams.

#pragma once

#include "StudyParts.h"

namespace OrthancClinic::Intake
{
void AddDownloadRoutes(Router& router, const StudyParts& parts);
}  // namespace OrthancClinic::Intake
