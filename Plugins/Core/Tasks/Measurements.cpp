// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Tasks/Measurements.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "Core/Database/Query.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t MOST_PENDING = 20'000;  // while the database is away
constexpr std::chrono::hours MINUTES_KEPT(48);
constexpr std::chrono::hours HOURS_KEPT(400 * 24);
constexpr double CLASSES_PER_OCTAVE = 4;

constexpr std::array<std::pair<StepOutcome, const char*>, 5> OUTCOMES = {{{StepOutcome::Done, "done"},
                                                                          {StepOutcome::DoneAgain, "again"},
                                                                          {StepOutcome::Failed, "failed"},
                                                                          {StepOutcome::Dead, "dead"},
                                                                          {StepOutcome::Refused, "refused"}}};

const char* Name(StepOutcome outcome)
{
  return std::find_if(OUTCOMES.begin(), OUTCOMES.end(), [&](const auto& one) { return one.first == outcome; })
      ->second;
}

StepOutcome ParseOutcome(const std::string& name)
{
  const auto found =
      std::find_if(OUTCOMES.begin(), OUTCOMES.end(), [&](const auto& one) { return one.second == name; });
  return found == OUTCOMES.end() ? StepOutcome::Dead : found->first;
}

void Merge(Durations::Class& into, const Durations::Class& more)
{
  into.shortest = into.count == 0 ? more.shortest : std::min(into.shortest, more.shortest);
  into.longest = std::max(into.longest, more.longest);
  into.count += more.count;
  into.total += more.total;
}

// What was there and what comes are added up, whichever process wrote it.
constexpr const char* ADD_UP =
    " ON CONFLICT (period, at, operation, outcome, duration_class) DO UPDATE SET "
    "times = measurements.times + excluded.times, total_ms = measurements.total_ms + excluded.total_ms, "
    "shortest_ms = CASE WHEN excluded.shortest_ms < measurements.shortest_ms THEN excluded.shortest_ms ELSE "
    "measurements.shortest_ms END, "
    "longest_ms = CASE WHEN excluded.longest_ms > measurements.longest_ms THEN excluded.longest_ms ELSE "
    "measurements.longest_ms END";
}  // namespace

int Durations::ClassOf(double milliseconds)
{
  const double microseconds = std::max(1.0, milliseconds * 1000);
  return static_cast<int>(std::floor(CLASSES_PER_OCTAVE * std::log2(microseconds)));
}

void Durations::Add(int durationClass, const Class& more)
{
  Merge(classes_[durationClass], more);
}

void Durations::Add(const Durations& other)
{
  for (const auto& [number, sums] : other.classes_)
  {
    Merge(classes_[number], sums);
  }
}

int64_t Durations::Count() const
{
  int64_t count = 0;
  for (const auto& [number, sums] : classes_)
  {
    count += sums.count;
  }
  return count;
}

double Durations::Average() const
{
  double total = 0;
  for (const auto& [number, sums] : classes_)
  {
    total += sums.total;
  }
  const int64_t count = Count();
  return count == 0 ? 0 : total / static_cast<double>(count);
}

double Durations::Shortest() const
{
  return classes_.empty() ? 0 : classes_.begin()->second.shortest;
}

double Durations::Longest() const
{
  return classes_.empty() ? 0 : classes_.rbegin()->second.longest;
}

double Durations::Percentile(double share) const
{
  const int64_t count = Count();
  // The nearest-rank definition: the smallest of which at least that share is not longer.
  auto left = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(share * static_cast<double>(count))));
  for (const auto& [number, sums] : classes_)
  {
    if (left <= sums.count)
    {
      const double part =
          sums.count == 1 ? 1 : static_cast<double>(left - 1) / static_cast<double>(sums.count - 1);
      return sums.shortest + (sums.longest - sums.shortest) * part;
    }
    left -= sums.count;
  }
  return 0;
}

void Measured::Add(const Measured& other)
{
  for (const auto& [outcome, durations_] : other.durations)
  {
    durations[outcome].Add(durations_);
  }
}

int64_t Measured::Count(StepOutcome outcome) const
{
  const auto found = durations.find(outcome);
  return found == durations.end() ? 0 : found->second.Count();
}

int64_t Measured::Count() const
{
  return All().Count();
}

Durations Measured::All() const
{
  Durations all;
  for (const auto& [outcome, durations_] : durations)
  {
    all.Add(durations_);
  }
  return all;
}

double Measured::SuccessRate() const
{
  const int64_t count = Count();
  return count == 0 ? 1
                    : static_cast<double>(Count(StepOutcome::Done) + Count(StepOutcome::DoneAgain)) /
                          static_cast<double>(count);
}

void Measurements::Add(const std::string& operation, std::chrono::steady_clock::duration duration,
                       StepOutcome outcome)
{
  const double milliseconds = std::chrono::duration<double, std::milli>(duration).count();
  const std::string minute = ToString(std::chrono::floor<std::chrono::minutes>(Now()));
  const std::lock_guard lock(mutex_);
  Keep({operation, minute, outcome, Durations::ClassOf(milliseconds)},
       {1, milliseconds, milliseconds, milliseconds});
}

void Measurements::Keep(const Key& key, const Durations::Class& sums)
{
  if (pending_.size() < MOST_PENDING || pending_.contains(key))
  {
    Merge(pending_[key], sums);
  }
}

void Measurements::Flush(Database& database)
{
  std::map<Key, Durations::Class> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(pending_);
  }
  if (taken.empty())
  {
    return;
  }
  try
  {
    Transaction transaction(database);
    for (const auto& [key, sums] : taken)
    {
      const auto& [operation, minute, outcome, durationClass] = key;
      const std::string name = Name(outcome);
      const long long count = sums.count;
      transaction.Sql(
          [&, &operation = operation, &minute = minute, &durationClass = durationClass,
           &sums = sums](soci::session& sql)
          {
            sql << std::string(
                       "INSERT INTO measurements (operation, period, at, outcome, duration_class, times, "
                       "total_ms, shortest_ms, longest_ms) VALUES (:operation, 'minute', :at, :outcome, "
                       ":class, :times, :total, :shortest, :longest)") +
                       ADD_UP,
                soci::use(operation), soci::use(minute), soci::use(name), soci::use(durationClass),
                soci::use(count), soci::use(sums.total), soci::use(sums.shortest), soci::use(sums.longest);
          });
    }
    transaction.Commit();
  }
  catch (...)
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, sums] : taken)
    {
      Keep(key, sums);
    }
    throw;
  }
}

std::vector<Measured> Measurements::Between(Transaction& transaction, Timestamp from, Timestamp to,
                                            const std::string& operation)
{
  Conditions conditions;
  conditions.Add("at >= ?", ToString(from));
  conditions.Add("at < ?", ToString(to));
  if (!operation.empty())
  {
    // The code point after '.' is '/'.
    conditions.AddAll("(operation = ? OR (operation >= ? AND operation < ?))",
                      {operation, operation + ".", operation + "/"});
  }
  std::string name;
  std::string at;
  std::string outcome;
  int durationClass = 0;
  long long times = 0;
  Durations::Class sums;
  std::vector<Measured> measured;
  Query(
      transaction,
      "SELECT operation, at, outcome, duration_class, times, total_ms, shortest_ms, longest_ms FROM "
      "measurements" +
          conditions.Where() + " ORDER BY at, operation",
      conditions.Values(),
      [&]
      {
        const Timestamp time = ParseTimestamp(at).value();
        if (measured.empty() || measured.back().at != time || measured.back().operation != name)
        {
          measured.push_back({name, time, {}});
        }
        sums.count = times;
        measured.back().durations[ParseOutcome(outcome)].Add(durationClass, sums);
      },
      name, at, outcome, durationClass, times, sums.total, sums.shortest, sums.longest);
  return measured;
}

void Measurements::RollUp(Transaction& transaction)
{
  const std::string before = ToString(std::chrono::floor<std::chrono::hours>(Now() - MINUTES_KEPT));
  Execute(transaction,
          std::string("INSERT INTO measurements (operation, period, at, outcome, duration_class, times, "
                      "total_ms, shortest_ms, longest_ms) "
                      "SELECT operation, 'hour', substr(at, 1, 13) || ':00:00.000Z', outcome, "
                      "duration_class, CAST(SUM(times) AS BIGINT), SUM(total_ms), MIN(shortest_ms), "
                      "MAX(longest_ms) FROM measurements WHERE period = 'minute' AND at < :before "
                      "GROUP BY operation, substr(at, 1, 13), outcome, duration_class") +
              ADD_UP,
          {before});
  Execute(transaction, "DELETE FROM measurements WHERE period = 'minute' AND at < :before", {before});
  Execute(transaction, "DELETE FROM measurements WHERE period = 'hour' AND at < :before",
          {ToString(Now() - HOURS_KEPT)});
}
}  // namespace OrthancClinic
