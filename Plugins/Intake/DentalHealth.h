// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether this server works, as the dental CRM asks for it.

#pragma once

#include "Core/Host/Clinic.h"

namespace OrthancClinic::Intake
{
void AddDentalHealthRoute(Clinic& clinic);
}  // namespace OrthancClinic::Intake
