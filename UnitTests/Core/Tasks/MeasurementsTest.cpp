// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Tasks/Measurements.h"

#include <gmock/gmock.h>

#include "Core/DatabaseFixture.h"
#include "Core/Tasks/TaskWorkers.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using std::chrono::milliseconds;

class MeasurementsOn : public DatabaseTest
{
protected:
  std::vector<Measured> Between(Timestamp from, Timestamp to, const std::string& operation = "")
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    auto measured = Measurements::Between(transaction, from, to, operation);
    transaction.Commit();
    return measured;
  }

  // Of the last minutes; what two minutes hold is added up.
  Measured Recent(const std::string& operation)
  {
    Measured sum;
    for (const Measured& one :
         Between(Now() - std::chrono::minutes(10), Now() + std::chrono::minutes(1), operation))
    {
      sum.Add(one);
    }
    return sum;
  }

  void MakeOlder(std::chrono::hours by)
  {
    const auto measured = Between(Timestamp{}, Now() + std::chrono::hours(1));
    Transaction transaction(GetDatabase());
    for (const Measured& one : measured)
    {
      const std::string was = ToString(one.at);
      const std::string is = ToString(one.at - by);
      transaction.Sql(
          [&](soci::session& sql)
          { sql << "UPDATE measurements SET at = :is WHERE at = :was", soci::use(is), soci::use(was); });
    }
    transaction.Commit();
  }

  void RollUp()
  {
    Transaction transaction(GetDatabase());
    Measurements::RollUp(transaction);
    transaction.Commit();
  }
};
ON_BOTH_DATABASES(MeasurementsOn);

TEST(DurationsOfAStep, HavePercentilesToWithinAClass)
{
  Durations durations;
  for (int i = 1; i <= 1000; i++)
  {
    const double value = i;
    durations.Add(Durations::ClassOf(value), {1, value, value, value});
  }
  EXPECT_EQ(1000, durations.Count());
  EXPECT_DOUBLE_EQ(500.5, durations.Average());
  EXPECT_DOUBLE_EQ(1, durations.Shortest());
  EXPECT_DOUBLE_EQ(1000, durations.Longest());
  EXPECT_NEAR(500, durations.Percentile(0.5), 5);
  EXPECT_NEAR(950, durations.Percentile(0.95), 10);
  EXPECT_DOUBLE_EQ(1000, durations.Percentile(1));
  EXPECT_EQ(0, Durations().Percentile(0.5));
  EXPECT_EQ(Durations::ClassOf(0), Durations::ClassOf(-1)) << "a clock that stood still is no mistake";
}

TEST_P(MeasurementsOn, AreAddedUpByEveryProcess)
{
  Measurements one;
  Measurements other;
  one.Add("upload", milliseconds(10), StepOutcome::Done);
  one.Add("upload", milliseconds(30), StepOutcome::Refused);
  one.Flush(GetDatabase());
  other.Add("upload", milliseconds(20), StepOutcome::Done);
  other.Add("uploading", milliseconds(20), StepOutcome::Done);
  const auto another = MakeAnother();
  other.Flush(*another);
  other.Flush(*another);

  const Measured upload = Recent("upload");
  EXPECT_EQ(3, upload.Count());
  EXPECT_EQ(2, upload.Count(StepOutcome::Done));
  EXPECT_EQ(1, upload.Count(StepOutcome::Refused));
  EXPECT_NEAR(20, upload.All().Average(), 0.001);
  EXPECT_NEAR(10, upload.All().Shortest(), 0.001);
  EXPECT_NEAR(30, upload.All().Longest(), 0.001);
  EXPECT_NEAR(2.0 / 3, upload.SuccessRate(), 0.001);
  EXPECT_EQ(1, Recent("").All().Count() - upload.Count());
}

TEST_P(MeasurementsOn, OfMinutesBecomeHoursAndAreForgottenAfterThirteenMonths)
{
  Measurements measurements;
  measurements.Add("match.study", milliseconds(10), StepOutcome::Done);
  measurements.Add("match.study", milliseconds(40), StepOutcome::DoneAgain);
  measurements.Flush(GetDatabase());
  RollUp();
  EXPECT_EQ(2, Recent("match").Count()) << "of today: by the minute";

  MakeOlder(std::chrono::hours(72));
  RollUp();
  RollUp();
  const auto old = Between(Now() - std::chrono::hours(74), Now());
  ASSERT_EQ(1U, old.size());
  EXPECT_EQ(std::chrono::floor<std::chrono::hours>(old[0].at), old[0].at);
  EXPECT_EQ(2, old[0].Count());
  EXPECT_NEAR(25, old[0].All().Average(), 0.001);
  EXPECT_EQ(1, old[0].Count(StepOutcome::DoneAgain));

  MakeOlder(std::chrono::hours(400 * 24));
  RollUp();
  EXPECT_TRUE(Between(Timestamp{}, Now()).empty());
}

TEST_P(MeasurementsOn, OfTasksSayHowTheyEnded)
{
  TaskWorkers workers(GetDatabase());
  std::atomic<int> runs{0};
  workers.Register({.name = "good", .handler = [](RunningTask&) {}});
  workers.Register({.name = "bad", .handler = [](RunningTask&) { throw PermanentFailure("never"); }});
  workers.Register({.name = "second",
                    .handler =
                        [&](RunningTask&)
                    {
                      if (runs++ == 0)
                      {
                        throw Unavailable("not yet");
                      }
                    },
                    .firstDelay = Milliseconds(1)});
  workers.Register(
      {.name = "later", .handler = [](RunningTask& task) { task.PutOff(Now() + std::chrono::hours(1)); }});
  {
    Transaction transaction(GetDatabase());
    for (const char* kind : {"good", "bad", "second", "later"})
    {
      TaskStore(transaction).Enqueue(kind, "a");
    }
    transaction.Commit();
  }
  workers.Start();
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        auto counts = workers.GetCounts();
        return counts["good"].done == 1 && counts["bad"].dead == 1 && counts["second"].done == 1 &&
               counts["later"].done == 1;
      }));
  workers.Stop();

  EXPECT_EQ(1, Recent("good").Count(StepOutcome::Done));
  EXPECT_EQ(1, Recent("bad").Count(StepOutcome::Dead));
  EXPECT_EQ(1, Recent("second").Count(StepOutcome::Failed));
  EXPECT_EQ(1, Recent("second").Count(StepOutcome::DoneAgain));
  EXPECT_EQ(0, Recent("later").Count()) << "nothing was done";
}
}  // namespace
}  // namespace OrthancClinic::Testing
