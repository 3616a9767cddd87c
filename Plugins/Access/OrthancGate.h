// SPDX-License-Identifier: GPL-3.0-or-later
//
// The guard before Orthanc itself: asks the rules, finds out whose the image is, and writes who looked.

#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "AccessOptions.h"
#include "Core/Database/Database.h"
#include "Core/Identity/LookLog.h"
#include "Core/Identity/Principal.h"
#include "Core/Orthanc.h"
#include "Core/Rest/Http.h"
#include "Core/Rest/RateLimit.h"
#include "Core/Timestamp.h"
#include "OrthancRules.h"

namespace OrthancClinic::Access
{
class OrthancGate
{
public:
  OrthancGate(Database& database, IOrthanc& orthanc, const Options& options)
      : database_(database),
        orthanc_(orthanc),
        options_(options),
        looks_(database),
        uploads_(options.uploadsPerMinute)
  {
  }

  // Thread-safe. The first look of a principal at a study within five minutes is in the audit trail before it
  // is allowed; if that cannot be written, nothing is.
  bool Admits(const HttpRequest& request, const std::optional<Principal>& principal);

private:
  struct Subject
  {
    std::string practiceId;
    std::string studyInstanceUid;
    std::string patientId;
  };

  std::vector<Subject> FindSubjects(const OrthancRule& rule);
  std::vector<Subject> ReadSubjects(const OrthancRule& rule);
  bool IsAllowed(const OrthancRule& rule, const Principal& principal,
                 const std::vector<Subject>& subjects) const;
  bool IsWithinLimits(const OrthancRule& rule, const HttpRequest& request, const Principal& principal);
  void Record(const OrthancRule& rule, const HttpRequest& request, const Principal& principal,
              const std::vector<Subject>& subjects, bool allowed);

  Database& database_;
  IOrthanc& orthanc_;
  const Options options_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::pair<Timestamp, std::vector<Subject>>> subjects_;
  LookLog looks_;
  RateLimit uploads_;
};
}  // namespace OrthancClinic::Access
