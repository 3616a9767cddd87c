// SPDX-License-Identifier: GPL-3.0-or-later
//
// The roles that exist at the first start.

#pragma once

#include <vector>

#include "AccessStore.h"

namespace OrthancClinic::Access
{
std::vector<Role> DefaultRoles();
}  // namespace OrthancClinic::Access
