// SPDX-License-Identifier: GPL-3.0-or-later
//
// What findings and teeth are called in SNOMED CT, where a published source says so; and our own codes for
// the rest.

#pragma once

#include <string>

namespace OrthancClinic::Analysis
{
constexpr const char* OWN_SCHEME = "99CLINIC";

struct Code
{
  std::string value;
  std::string scheme;
  std::string meaning;
};

Code CodeOfKind(const std::string& kind);

// `tooth` in FDI notation (ISO 3950).
Code CodeOfTooth(const std::string& tooth);
}  // namespace OrthancClinic::Analysis
