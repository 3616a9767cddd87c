// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pictures of studies and instances over REST: previews and thumbnails.

#pragma once

#include <string>

#include "StudyParts.h"

namespace OrthancClinic::Intake
{
void AddPreviewRoutes(Router& router, const StudyParts& parts);

// Prometheus' text.
std::string PreviewMetrics(const Preview& preview);
}  // namespace OrthancClinic::Intake
