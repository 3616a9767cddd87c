// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is said in the language of an analysis, besides what the provider says.

#pragma once

#include <json/value.h>

#include <string>

namespace OrthancClinic::Analysis
{
struct Language
{
  const char* code;  // RFC 5646
  const char* name;
  const char* disclaimer;
  const char* nothing;      // there are no findings
  const char* notVerified;  // drawn into images
};

// English, unless it is one of "en", "fr", "es" and "zh".
const Language& LanguageOf(const std::string& code);

// Of texts by language the one in that language, else any; empty if there is none.
std::string TextIn(const Json::Value& texts, const std::string& language);
}  // namespace OrthancClinic::Analysis
