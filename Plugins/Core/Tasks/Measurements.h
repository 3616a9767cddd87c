// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long the steps of the work take, and how they end: every task by its kind, and what a plugin measures
// itself ("upload", "preview"). Added up in memory and written every ten seconds: a process that is killed
// loses the last of them, and no step waits for the database. Kept by minute for two days, then by hour for
// thirteen months.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
enum class StepOutcome
{
  Done,       // at the first attempt
  DoneAgain,  // after attempts that failed
  Failed,     // will be tried again
  Dead,       // was given up
  Refused     // what was asked for could not be done; nobody tries again
};

// Durations of which only sums are kept, by classes of which each is 19 % wider than the one below it.
class ORTHANC_CLINIC_API Durations
{
public:
  struct Class
  {
    int64_t count = 0;
    double total = 0;  // milliseconds, as the others
    double shortest = 0;
    double longest = 0;
  };

  static int ClassOf(double milliseconds);

  void Add(int durationClass, const Class& more);
  void Add(const Durations& other);

  int64_t Count() const;
  double Average() const;  // these three 0 without any
  double Shortest() const;
  double Longest() const;

  // The duration that `share` (0 to 1) of them did not exceed, to within a class.
  double Percentile(double share) const;

private:
  std::map<int, Class> classes_;
};

// What was measured of an operation in a period.
struct ORTHANC_CLINIC_API Measured
{
  std::string operation;
  Timestamp at{};  // the beginning of the minute or hour
  std::map<StepOutcome, Durations> durations;

  void Add(const Measured& other);
  int64_t Count(StepOutcome outcome) const;
  int64_t Count() const;
  Durations All() const;
  double SuccessRate() const;  // of all attempts, 0 to 1; 1 without any
};

// Thread-safe.
class ORTHANC_CLINIC_API Measurements
{
public:
  void Add(const std::string& operation, std::chrono::steady_clock::duration duration, StepOutcome outcome);

  // Writes what was added since; what the database does not take is kept for the next time.
  void Flush(Database& database);

  // What was written, by operation and minute or hour, in the order of time. Of one operation ("match.study")
  // or all whose name begins so ("match"), unless that is empty.
  static std::vector<Measured> Between(Transaction& transaction, Timestamp from, Timestamp to,
                                       const std::string& operation = "");

  // Sums of hours instead of minutes for what is older than two days; forgets what is older than thirteen
  // months. One at a time.
  static void RollUp(Transaction& transaction);

private:
  using Key = std::tuple<std::string, std::string, StepOutcome, int>;  // operation, minute, outcome, class

  void Keep(const Key& key, const Durations::Class& sums);

  std::mutex mutex_;
  std::map<Key, Durations::Class> pending_;
};
}  // namespace OrthancClinic
