// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pages of the project, for the tests that hold them to the code.

#pragma once

#include <string>

namespace OrthancClinic::Testing
{
// What stands between "<!-- options:begin -->" and "<!-- options:end -->" in a page of the source tree,
// without the blank lines around it.
std::string DocumentedOptions(const std::string& page);
}  // namespace OrthancClinic::Testing
