// SPDX-License-Identifier: GPL-3.0-or-later
//
// Progressive JPEG (ITU-T T.81, process 10): a browser shows the whole of a large X-ray at once, and then
// better. Orthanc's own encoder makes baseline JPEG only.

#pragma once

#include <string>

#include "Core/Dicom/Image.h"

namespace OrthancClinic::Intake
{
// Of 8 bits, grey or RGB; `quality` from 1 to 100. Throws BadInput if the image is too large for a JPEG.
std::string EncodeProgressiveJpeg(const Image& image, int quality);
}  // namespace OrthancClinic::Intake
