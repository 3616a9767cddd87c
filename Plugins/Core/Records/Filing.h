// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a person said of a study when they sent it: whose it is, and which order it fulfils. Written before
// the first instance is stored. Who decides on matches and links compares it with what the images say, and
// never takes it silently where the two contradict each other.

#pragma once

#include <optional>
#include <string>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Records/Study.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
// What Say throws, for who keeps it as a text.
constexpr const char* FILED_ELSEWHERE =
    "The study of this image is filed under somebody else: a person must decide whose it is";

struct Filing
{
  std::string orthancStudyId;
  std::string patientId;   // empty: not said
  std::string orderId;     // empty: not said
  std::string practiceId;  // of whoever sent it; empty: as AE titles and InstitutionName say
  std::string filedBy;     // the user's name
  Timestamp filedAt{};
};

class ORTHANC_CLINIC_API FilingStore
{
public:
  explicit FilingStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Filing> Find(const std::string& orthancStudyId);

  // The last word counts.
  void Put(const Filing& filing);

  // The same for what somebody says who sends images; `study` is what is known of it. Who names no patient
  // changes nothing of what was said. Throws Conflict if a person has decided that the study is not this
  // patient's, or if another sender is filing it to somebody else at this moment: a study's images are never
  // of two patients, and nobody is told that they are where they are not.
  // False if it was said before.
  bool Say(const Filing& filing, const std::optional<Study>& study);

private:
  Transaction& transaction_;
};
}  // namespace OrthancClinic
