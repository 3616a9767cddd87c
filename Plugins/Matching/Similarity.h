// SPDX-License-Identifier: GPL-3.0-or-later
//
// How alike two folded words are.

#pragma once

#include <string>
#include <string_view>

namespace OrthancClinic::Matching
{
// Jaro–Winkler similarity, 0 to 1 (Winkler 1990: prefix of at most 4, weight 0.1). Bytes are compared; both
// are at most 64 bytes long, the rest is not looked at.
double JaroWinkler(std::string_view a, std::string_view b);

// Whether one insertion, deletion, substitution or transposition of neighbours makes the one into the other.
bool IsOneEdit(std::string_view a, std::string_view b);

// What sounds alike in French and English has the same code: consonant classes in their order, vowels and
// silent endings left out ("Thibault", "Thibeau" → TP; "Phaneuf", "Faneuf" → FNF). At most 6 characters;
// never empty for a word that is not.
std::string PhoneticCode(std::string_view foldedWord);

// The given names of which one is a short or another form of the other ("bob", "robert"; "jos", "joseph").
bool AreVariants(std::string_view a, std::string_view b);
}  // namespace OrthancClinic::Matching
