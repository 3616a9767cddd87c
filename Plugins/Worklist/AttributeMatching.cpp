// SPDX-License-Identifier: GPL-3.0-or-later

#include "AttributeMatching.h"

#include "Core/Dicom/Folding.h"

namespace OrthancClinic::Worklist
{
namespace
{
std::vector<std::string> Split(const std::string& text, char separator)
{
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string::npos; begin = end + 1)
  {
    parts.push_back(text.substr(begin, end - begin));
  }
  parts.push_back(text.substr(begin));
  return parts;
}

// The byte after the code point that begins at `i`.
size_t Next(std::string_view text, size_t i)
{
  do
  {
    i++;
  } while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80);
  return i;
}

// One component: folded words, with the wildcards where they were.
std::string FoldComponent(const std::string& component)
{
  std::string folded;
  std::string plain;
  const auto flush = [&]
  {
    for (const std::string& word : FoldedWords(plain))
    {
      if (!folded.empty() && folded.back() != '*' && folded.back() != '?')
      {
        folded += ' ';
      }
      folded += word;
    }
    plain.clear();
  };
  for (const char c : component)
  {
    if (c == '*' || c == '?')
    {
      const bool space = !plain.empty() && plain.back() == ' ' && c == '?';
      flush();
      folded += space ? " " : "";
      folded += c;
    }
    else
    {
      plain += c;
    }
  }
  flush();
  return folded;
}

std::string FoldGroup(const std::string& group)
{
  std::string folded;
  for (const std::string& component : Split(group, '^'))
  {
    folded += FoldComponent(component) + "^";
  }
  folded.erase(folded.find_last_not_of('^') + 1);
  return folded;
}

bool MatchesGroup(const std::string& key, const std::string& group)
{
  if (HasWildcard(key))
  {
    return MatchesWildcard(key, group);
  }
  return group == key || (group.size() > key.size() && group.starts_with(key) && group[key.size()] == '^');
}
}  // namespace

bool HasWildcard(std::string_view key)
{
  return key.find_first_of("*?") != std::string_view::npos;
}

bool MatchesWildcard(std::string_view key, std::string_view value)
{
  // Goes back to the last '*' only: linear for one of them, quadratic at worst.
  size_t k = 0;
  size_t v = 0;
  size_t star = std::string_view::npos;
  size_t resume = 0;
  while (v < value.size())
  {
    if (k < key.size() && key[k] == '*')
    {
      star = k++;
      resume = v;
    }
    else if (k < key.size() && key[k] == '?')
    {
      k++;
      v = Next(value, v);
    }
    else if (k < key.size() && key[k] == value[v])
    {
      k++;
      v++;
    }
    else if (star != std::string_view::npos)
    {
      k = star + 1;
      v = resume = Next(value, resume);
    }
    else
    {
      return false;
    }
  }
  return key.find_first_not_of('*', k) == std::string_view::npos;
}

bool MatchesText(const std::string& key, const std::string& value)
{
  for (const std::string& one : Split(key, '\\'))
  {
    if (HasWildcard(one) ? MatchesWildcard(one, value) : one == value)
    {
      return true;
    }
  }
  return false;
}

bool MatchesRange(const std::string& key, const std::string& value)
{
  const size_t hyphen = key.find('-');
  if (hyphen == std::string::npos)
  {
    return MatchesText(key, value);
  }
  const std::string first = key.substr(0, hyphen);
  const std::string last = key.substr(hyphen + 1);
  return !value.empty() && (first.empty() || first <= value) && (last.empty() || value <= last);
}

std::string FoldName(const std::string& name)
{
  std::string folded;
  for (const std::string& group : Split(name, '='))
  {
    folded += FoldGroup(group) + "=";
  }
  folded.erase(folded.find_last_not_of('=') + 1);
  return folded;
}

NameKey::NameKey(const std::string& key)
{
  for (const std::string& group : Split(key, '='))
  {
    groups_.push_back(FoldGroup(group));
  }
  if (groups_.size() == 1)
  {
    prefix_ = groups_.front().substr(0, groups_.front().find_first_of("*?"));
  }
}

bool NameKey::Matches(const std::string& foldedName) const
{
  const std::vector<std::string> values = Split(foldedName, '=');
  if (groups_.size() == 1)
  {
    for (const std::string& value : values)
    {
      if (!value.empty() && MatchesGroup(groups_.front(), value))
      {
        return true;
      }
    }
    return groups_.front().find_first_not_of('*') == std::string::npos;
  }
  for (size_t i = 0; i < groups_.size(); i++)
  {
    if (!groups_[i].empty() && (i >= values.size() || !MatchesGroup(groups_[i], values[i])))
    {
      return false;
    }
  }
  return true;
}
}  // namespace OrthancClinic::Worklist
