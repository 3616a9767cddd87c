// SPDX-License-Identifier: GPL-3.0-or-later
//
// To which of a practice's targets an image goes: the targets in the order of their priority, of each its
// rules in the order of theirs (the lowest number first); the first rule that fits decides, else the default
// target.

#pragma once

#include <json/value.h>

#include <string>
#include <vector>

#include "Vna.h"

namespace OrthancClinic::Replication
{
// What the rules ask of an image.
struct ImageFacts
{
  std::vector<std::string> places;  // the practice's id and name, InstitutionName, the CRM's clinic
  std::vector<std::string> types;   // the kind of X-ray and the modality
  bool undecided = false;           // it is not known yet whose the study is
  std::string patientId;            // under whom the study is filed; empty: nobody
};

struct Route
{
  std::string target;  // empty: nowhere
  std::string rule;    // its id; empty: the default
  bool compress = false;
  bool waits = false;  // a rule before this one may fit once it is known whose the study is
};

// `vnas`: of one practice, as VnaStore lists them. A rule whose target is gone is skipped.
Route Decide(const std::vector<Vna>& vnas, const ImageFacts& facts);

// Whether a rule asks for that at all.
bool AskForTypes(const std::vector<Vna>& vnas);
bool AskForPatients(const std::vector<Vna>& vnas);
}  // namespace OrthancClinic::Replication
