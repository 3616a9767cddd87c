// SPDX-License-Identifier: GPL-3.0-or-later
//
// The content of Translations.json, which the library carries.

#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace OrthancClinic
{
std::vector<std::pair<std::string_view, std::string_view>> EmbeddedTranslations();
}  // namespace OrthancClinic
