// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's identifiers follow from DICOM's, so that they are known before anything is stored.

#pragma once

#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
// The id of the study in Orthanc: the SHA-1 of PatientID and StudyInstanceUID (Orthanc Book, "Orthanc
// identifiers"). Both without the spaces around them.
ORTHANC_CLINIC_API std::string OrthancStudyId(const std::string& patientId,
                                              const std::string& studyInstanceUid);
}  // namespace OrthancClinic
