// SPDX-License-Identifier: GPL-3.0-or-later
//
// A picture as a DICOM Secondary Capture (PS3.3 A.8) of a lead. The same picture of the same lead gives the
// same identifiers: sent again, it is stored once.

#pragma once

#include <string>

#include "Core/Dicom/LocalTime.h"
#include "Core/Records/Patient.h"
#include "XrayPicture.h"

namespace OrthancClinic::Intake
{
struct SecondaryCapture
{
  Patient patient;
  std::string xrayType;  // "panoramic", "bitewing", …
  LocalTime taken;       // of the practice; without a time: only the day is known
};

// A DICOM file. Throws Unavailable if DCMTK cannot make it.
std::string MakeSecondaryCapture(const SecondaryCapture& about, const XrayPicture& picture);
}  // namespace OrthancClinic::Intake
