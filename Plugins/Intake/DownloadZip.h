// SPDX-License-Identifier: GPL-3.0-or-later
//
// A ZIP in memory, of files in memory.

#pragma once

#include <string>
#include <utility>
#include <vector>

namespace OrthancClinic::Intake
{
// Of (name, content), at least one. Throws Unavailable if it cannot be made.
std::string MakeZip(const std::vector<std::pair<std::string, std::string>>& files);
}  // namespace OrthancClinic::Intake
