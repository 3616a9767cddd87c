// SPDX-License-Identifier: GPL-3.0-or-later
//
// X-rays that the dental CRM uploads for a lead, one or a batch: DICOM as it is, a JPEG or PNG as a Secondary
// Capture. What the user says of them stays with them.

#pragma once

#include "Core/Host/Clinic.h"
#include "Uploader.h"

namespace OrthancClinic::Intake
{
// Before the first upload; `uploader` must outlive the routes.
void AddXrayUploadRoutes(Clinic& clinic, Uploader& uploader);
}  // namespace OrthancClinic::Intake
