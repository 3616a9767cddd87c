// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a C-FIND compares a value with a key (PS3.4 C.2.2.2): single value, list, wildcard, range, and person
// names without case and diacritics.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace OrthancClinic::Worklist
{
bool HasWildcard(std::string_view key);

// '*' is any number of characters, '?' is one; both texts are UTF-8.
bool MatchesWildcard(std::string_view key, std::string_view value);

// A single value, one of a list (separated by '\'), or a wildcard, case-sensitive.
bool MatchesText(const std::string& key, const std::string& value);

// "a", "a-", "-b" or "a-b" of dates or times, both ends included; as Orthanc, which compares again what it
// sends, by the order of the texts.
bool MatchesRange(const std::string& key, const std::string& value);

// A person's name: without case, diacritics and punctuation within a component; a key without '=' may be any
// of the name's component groups, and one without a wildcard may leave trailing components out.
class NameKey
{
public:
  explicit NameKey(const std::string& key);

  bool Matches(const std::string& foldedName) const;

  // What every matching folded group begins with; empty if that is not known.
  const std::string& Prefix() const { return prefix_; }

private:
  std::vector<std::string> groups_;  // folded; one, or the key's own
  std::string prefix_;
};

// The groups of a PN separated by '=', in each the components by '^', in each the words by spaces; lower case
// without diacritics. Wildcards are kept.
std::string FoldName(const std::string& name);
}  // namespace OrthancClinic::Worklist
