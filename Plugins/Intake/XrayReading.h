// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an image says of itself as a dental X-ray: which kind it is, and when it was taken.

#pragma once

#include <json/value.h>

#include <optional>
#include <string>

#include "Core/Timestamp.h"

namespace OrthancClinic::Intake
{
// Whether a series of this modality can hold dental X-rays at all: spares reading the others.
bool MayBeDental(const std::string& modality);

// "panoramic", "bitewing", "periapical", "cephalometric" or "cbct"; empty for what is no dental X-ray: no
// image, another modality, or another part of the body. `tags` as of "/instances/{id}/tags?short", as below.
std::string DentalTypeOf(const Json::Value& tags);

// Whether the image is a slice (or the frames) of a volume, of which one X-ray stands for the whole series.
bool IsOfVolume(const std::string& modality, const std::string& sopClassUid);

// When it was taken: AcquisitionDateTime, else the date and time of acquisition, content or study; the
// practice's zone where the image names none. Nothing if it does not say.
std::optional<Timestamp> TakenAt(const Json::Value& tags, const std::string& zone);
}  // namespace OrthancClinic::Intake
