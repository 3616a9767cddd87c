// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the machine says of a study: to whom it belongs, or why a person must decide, and the evidence of
// both.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "Core/Records/Study.h"

namespace OrthancClinic::Matching
{
// One field of the comparison: the level of agreement, and its weight in bits (positive speaks for, negative
// against).
struct Evidence
{
  std::string field;
  std::string level;
  double weight = 0;
};

struct Candidate
{
  std::string patientId;
  double probability = 0;
  std::vector<Evidence> evidence;
};

struct Decision
{
  MatchStatus status = MatchStatus::Unmatched;
  std::string patientId;  // where it is Matched

  // Why: "identifier_and_demographics", "demographics" (matched); "identifier_conflict",
  // "identifier_ambiguous", "identifier_only", "ambiguous", "doubtful" (review); "no_demographics",
  // "no_candidate" (unmatched).
  std::string reason;
  double probability = 0;             // of the first candidate
  std::vector<Candidate> candidates;  // best first, at most 10
};

// The shape of `match` in the study's JSON: status, reason, probability, evidence (of the first candidate),
// candidates.
Json::Value ToJson(const Decision& decision);
}  // namespace OrthancClinic::Matching
