// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-intake: what people and systems send in and take out by REST: uploads, tags, studies, remote
// servers.

#include "Core/Host/Plugin.h"
#include "IntakeOptions.h"

namespace OrthancClinic::Intake
{
namespace
{
void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());
  (void)options;
}
}  // namespace
}  // namespace OrthancClinic::Intake

ORTHANC_CLINIC_PLUGIN("clinic-intake", "Uploads, tags, studies and remote DICOM servers by REST",
                      OrthancClinic::Intake::Load)
