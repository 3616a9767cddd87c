// SPDX-License-Identifier: GPL-3.0-or-later

#include "Similarity.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace OrthancClinic::Matching
{
namespace
{
// Groups of given names that people use for one another; the first is the full one.
const std::vector<std::vector<std::string_view>>& VariantGroups()
{
  static const std::vector<std::vector<std::string_view>> GROUPS = {
      {"robert", "bob", "rob", "bobby", "robbie"},
      {"william", "bill", "will", "billy", "guillaume"},
      {"richard", "dick", "rick", "rich"},
      {"james", "jim", "jimmy", "jamie", "jacques"},
      {"john", "jack", "johnny", "jean"},
      {"michael", "mike", "michel", "mick", "miguel"},
      {"joseph", "joe", "jos", "jose"},
      {"thomas", "tom", "tommy"},
      {"edward", "ed", "ted", "eddie", "edouard"},
      {"charles", "charlie", "chuck", "carlos"},
      {"daniel", "dan", "danny"},
      {"david", "dave"},
      {"stephen", "steve", "steven", "stephane", "etienne"},
      {"anthony", "tony", "antoine", "antonio"},
      {"peter", "pete", "pierre", "pedro"},
      {"paul", "pablo", "paolo"},
      {"gregory", "greg", "gregoire"},
      {"matthew", "matt", "mathieu", "matthieu"},
      {"nicholas", "nick", "nicolas"},
      {"christopher", "chris", "christophe"},
      {"alexander", "alex", "alexandre", "sandy"},
      {"alexandra", "alex", "sandra"},
      {"benjamin", "ben"},
      {"samuel", "sam"},
      {"samantha", "sam"},
      {"frederick", "fred", "frederic"},
      {"francis", "frank", "francois"},
      {"patrick", "pat"},
      {"patricia", "pat", "patty", "trish"},
      {"elizabeth", "liz", "beth", "betty", "elisabeth", "lise"},
      {"margaret", "maggie", "peggy", "marguerite"},
      {"katherine", "kate", "kathy", "catherine", "cathy", "katia"},
      {"jennifer", "jen", "jenny"},
      {"susan", "sue", "suzanne"},
      {"deborah", "deb", "debbie"},
      {"barbara", "barb"},
      {"rebecca", "becky"},
      {"victoria", "vicky"},
      {"jacqueline", "jackie"},
      {"genevieve", "gen"},
      {"marie", "mary", "maria"},
      {"anne", "ann", "anna", "annie"},
      {"louise", "lou"},
      {"stephanie", "steph"},
      {"andrew", "andy", "andre"},
      {"laurence", "laurent", "larry", "lawrence"},
      {"gabriel", "gab", "gaby"},
      {"philip", "phil", "philippe"},
      {"timothy", "tim"},
      {"kenneth", "ken"},
      {"ronald", "ron"},
      {"donald", "don"},
      {"raymond", "ray"},
      {"gerald", "gerry", "gerard"},
      {"leonard", "leo", "len"},
      {"vincent", "vince"},
      {"maxime", "max", "maximilien"},
      {"sebastien", "seb", "sebastian"},
      {"dominique", "dom"},
      {"natalie", "nathalie", "nat"},
  };
  return GROUPS;
}
}  // namespace

double JaroWinkler(std::string_view a, std::string_view b)
{
  a = a.substr(0, 64);
  b = b.substr(0, 64);
  if (a.empty() || b.empty())
  {
    return 0;
  }
  if (a == b)
  {
    return 1;
  }
  const size_t window = std::max<size_t>(1, std::max(a.size(), b.size()) / 2) - 1;
  uint64_t matchedA = 0;
  uint64_t matchedB = 0;
  int matches = 0;
  for (size_t i = 0; i < a.size(); i++)
  {
    const size_t first = i > window ? i - window : 0;
    const size_t last = std::min(b.size(), i + window + 1);
    for (size_t j = first; j < last; j++)
    {
      if (a[i] == b[j] && (matchedB >> j & 1) == 0)
      {
        matchedA |= uint64_t{1} << i;
        matchedB |= uint64_t{1} << j;
        matches++;
        break;
      }
    }
  }
  if (matches == 0)
  {
    return 0;
  }
  int transpositions = 0;
  for (size_t i = 0, j = 0; i < a.size(); i++)
  {
    if ((matchedA >> i & 1) != 0)
    {
      while ((matchedB >> j & 1) == 0)
      {
        j++;
      }
      transpositions += a[i] != b[j] ? 1 : 0;
      j++;
    }
  }
  const double m = matches;
  const double jaro = (m / static_cast<double>(a.size()) + m / static_cast<double>(b.size()) +
                       (m - transpositions / 2.0) / m) /
                      3;
  size_t prefix = 0;
  while (prefix < std::min({a.size(), b.size(), size_t{4}}) && a[prefix] == b[prefix])
  {
    prefix++;
  }
  return jaro + static_cast<double>(prefix) * 0.1 * (1 - jaro);
}

bool IsOneEdit(std::string_view a, std::string_view b)
{
  if (a.size() > b.size())
  {
    std::swap(a, b);
  }
  if (b.size() - a.size() > 1 || a == b)
  {
    return false;
  }
  size_t first = 0;
  while (first < a.size() && a[first] == b[first])
  {
    first++;
  }
  if (a.size() != b.size())
  {
    return a.substr(first) == b.substr(first + 1);
  }
  if (a.substr(first + 1) == b.substr(first + 1))
  {
    return true;
  }
  return first + 1 < a.size() && a[first] == b[first + 1] && a[first + 1] == b[first] &&
         a.substr(first + 2) == b.substr(first + 2);
}

std::string PhoneticCode(std::string_view word)
{
  std::string code;
  const auto add = [&](char c)
  {
    if (code.empty() || code.back() != c)
    {
      code += c;
    }
  };
  for (size_t i = 0; i < word.size() && code.size() < 6; i++)
  {
    const char c = word[i];
    const char next = i + 1 < word.size() ? word[i + 1] : '\0';
    const bool last = i + 1 == word.size();
    switch (c)
    {
      case 'b':
      case 'p':
        if (next == 'h')
        {
          add('F');
          i++;
        }
        else
        {
          add('P');
        }
        break;
      case 'f':
      case 'v':
      case 'w':
        add('F');
        break;
      case 'c':
        if (next == 'h')
        {
          add('S');
          i++;
        }
        else
        {
          add(next == 'e' || next == 'i' || next == 'y' ? 'S' : 'K');
        }
        break;
      case 'k':
      case 'q':
        add('K');
        break;
      case 'g':
        add(next == 'e' || next == 'i' || next == 'y' ? 'J' : 'K');
        break;
      case 'j':
        add('J');
        break;
      case 's':
      case 'z':
        if (!last || code.empty())
        {
          add('S');  // a final one is silent in French and a plural in English
        }
        if (next == 'h')
        {
          i++;
        }
        break;
      case 'x':
        if (!last || code.empty())
        {
          add('S');
        }
        break;
      case 'd':
      case 't':
        if (!last || code.empty())
        {
          add('T');
        }
        break;
      case 'l':
        add(last || next == 't' || next == 'd' ? (code.empty() ? 'L' : code.back()) : 'L');
        break;
      case 'm':
      case 'n':
        add('N');
        break;
      case 'r':
        add('R');
        break;
      case 'h':
        break;
      default:
        if (code.empty() && (c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y'))
        {
          add('A');
        }
        else if (static_cast<unsigned char>(c) >= 0x80 || (c >= '0' && c <= '9'))
        {
          add(c);
        }
        break;
    }
  }
  return code.empty() ? std::string(word.substr(0, 6)) : code;
}

bool AreVariants(std::string_view a, std::string_view b)
{
  static const auto GROUPS_OF = []
  {
    std::map<std::string_view, std::set<size_t>> groups;
    for (size_t i = 0; i < VariantGroups().size(); i++)
    {
      for (const std::string_view name : VariantGroups()[i])
      {
        groups[name].insert(i);
      }
    }
    return groups;
  }();
  const auto first = GROUPS_OF.find(a);
  const auto second = GROUPS_OF.find(b);
  if (first == GROUPS_OF.end() || second == GROUPS_OF.end())
  {
    return false;
  }
  return std::any_of(first->second.begin(), first->second.end(),
                     [&](size_t group) { return second->second.count(group) != 0; });
}
}  // namespace OrthancClinic::Matching
