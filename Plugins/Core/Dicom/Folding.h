// SPDX-License-Identifier: GPL-3.0-or-later
//
// Text as a search compares it: without case, diacritics, ligatures and punctuation.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
// The words of a UTF-8 text, folded: lower case, base letters alone ("Jean-François Œuvrard" → jean,
// francois, oeuvrard). Letters and digits make words; everything else separates them. Invalid UTF-8 separates
// too.
ORTHANC_CLINIC_API std::vector<std::string> FoldedWords(std::string_view text);

// The words joined without a separator: how identifiers, institution names and phone numbers are compared.
ORTHANC_CLINIC_API std::string Folded(std::string_view text);
}  // namespace OrthancClinic
