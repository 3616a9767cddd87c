// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dental X-rays of a lead, and their images, as the dental CRM asks for them.

#pragma once

#include "Core/Host/Clinic.h"
#include "Preview.h"

namespace OrthancClinic::Intake
{
void AddXrayRoutes(Clinic& clinic, Preview& preview);
}  // namespace OrthancClinic::Intake
