// SPDX-License-Identifier: GPL-3.0-or-later

#include "OrthancRules.h"

#include <algorithm>
#include <vector>

namespace OrthancClinic::Access
{
namespace
{
struct Row
{
  HttpMethod method;
  const char* path;  // "{study}": a subject; a "*" at the end: anything or nothing after it
  Permission permission;
  const char* action;
  bool inAnyPractice = false;
  bool eachTime = false;
};

using enum HttpMethod;
using enum Permission;

// The first that fits.
constexpr Row ROWS[] = {
    // What belongs to no patient.
    {Get, "/", SignedIn, ""},
    {Get, "/app/*", SignedIn, ""},
    {Get, "/favicon.ico", SignedIn, ""},
    {Get, "/system", SignedIn, ""},

    {Get, "/studies/{study}/*", ReadImages, "image.view"},
    {Get, "/series/{series}/*", ReadImages, "image.view"},
    {Get, "/instances/{instance}/*", ReadImages, "image.view"},
    {Get, "/patients/{patient}/*", ReadImages, "image.view"},
    {Post, "/studies/{study}/archive", ReadImages, "image.download", false, true},
    {Post, "/series/{series}/archive", ReadImages, "image.download", false, true},
    {Post, "/patients/{patient}/archive", ReadImages, "image.download", false, true},
    {Get, "/dicom-web/studies/{study_uid}/*", ReadImages, "image.view"},
    {Get, "/wado", ReadImages, "image.view"},

    // Searches over everything.
    {Get, "/studies", ReadImages, "image.search"},
    {Get, "/series", ReadImages, "image.search"},
    {Get, "/instances", ReadImages, "image.search"},
    {Get, "/patients", ReadImages, "image.search"},
    {Get, "/changes", ReadImages, "image.search"},
    {Get, "/statistics", ReadImages, ""},
    {Post, "/tools/find", ReadImages, "image.search"},
    {Post, "/tools/lookup", ReadImages, "image.search"},
    {Get, "/dicom-web/studies", ReadImages, "image.search"},
    {Get, "/dicom-web/series", ReadImages, "image.search"},
    {Get, "/dicom-web/instances", ReadImages, "image.search"},

    {Post, "/instances", WriteImages, "image.upload", true},
    {Post, "/dicom-web/studies", WriteImages, "image.upload", true},
    {Post, "/dicom-web/studies/{study_uid}", WriteImages, "image.upload", true},

    // For deletion with a second person, see the Access plugin's page.
    {Delete, "/studies/*", DeleteDirectly, "image.delete", false, true},
    {Delete, "/series/*", DeleteDirectly, "image.delete", false, true},
    {Delete, "/instances/*", DeleteDirectly, "image.delete", false, true},
    {Delete, "/patients/*", DeleteDirectly, "image.delete", false, true},
    {Delete, "/dicom-web/*", DeleteDirectly, "image.delete", false, true},
    {Post, "/tools/bulk-delete", DeleteDirectly, "image.delete", false, true},
    {Delete, "/changes", DeleteDirectly, "image.delete", false, true},
};

std::vector<std::string> Split(const std::string& path)
{
  std::vector<std::string> segments;
  size_t begin = 0;
  while (begin < path.size())
  {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end != begin)
    {
      segments.push_back(path.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  return segments;
}

bool Fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path, OrthancRule& rule)
{
  const bool open = !pattern.empty() && pattern.back() == "*";
  const size_t fixed = pattern.size() - (open ? 1 : 0);
  if (path.size() < fixed || (!open && path.size() != fixed))
  {
    return false;
  }
  for (size_t i = 0; i < fixed; i++)
  {
    if (pattern[i].starts_with('{'))
    {
      rule.subjectKind = pattern[i].substr(1, pattern[i].size() - 2);
      rule.subject = path[i];
    }
    else if (pattern[i] != path[i])
    {
      return false;
    }
  }
  return true;
}
}  // namespace

OrthancRule FindOrthancRule(HttpMethod method, const std::string& path)
{
  static const std::vector<std::vector<std::string>> PATTERNS = []
  {
    std::vector<std::vector<std::string>> patterns;
    for (const Row& row : ROWS)
    {
      patterns.push_back(Split(row.path));
    }
    return patterns;
  }();
  const std::vector<std::string> segments = Split(path);
  for (size_t i = 0; i < PATTERNS.size(); i++)
  {
    OrthancRule rule;
    if (ROWS[i].method == method && Fits(PATTERNS[i], segments, rule))
    {
      rule.permission = ROWS[i].permission;
      rule.action = ROWS[i].action;
      rule.inAnyPractice = ROWS[i].inAnyPractice;
      rule.eachTime = ROWS[i].eachTime;
      return rule;
    }
  }
  OrthancRule rule;
  rule.eachTime = method != HttpMethod::Get;
  return rule;
}
}  // namespace OrthancClinic::Access
