// SPDX-License-Identifier: GPL-3.0-or-later
//
// `/api/dental/vna`: the targets and their rules as the dental CRM's users know them.

#pragma once

#include "Core/Rest/Router.h"
#include "TargetDirectory.h"

namespace OrthancClinic::Replication
{
void AddVnaRoutes(Router& router, const ReplicatorParts& parts, TargetDirectory& targets);
}  // namespace OrthancClinic::Replication
