// SPDX-License-Identifier: GPL-3.0-or-later
//
// The query parameters by which a list of studies is filtered and sorted, the same in every list.

#pragma once

#include <vector>

#include "Core/Api.h"
#include "Core/Records/StudyStore.h"
#include "Core/Rest/Router.h"

namespace OrthancClinic
{
ORTHANC_CLINIC_API std::vector<QueryParameter> StudyQueryParameters();

// What they say, confined to the practices where the caller may see something (Request::Scope); the page is
// the caller's affair.
ORTHANC_CLINIC_API StudyFilter ReadStudyFilter(const Request& request);
}  // namespace OrthancClinic
