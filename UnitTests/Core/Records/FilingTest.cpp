// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/Filing.h"

#include <gtest/gtest.h>

#include "Core/DatabaseFixture.h"
#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
class FilingOn : public Testing::DatabaseTest
{
protected:
  // Whether a sender may say so.
  bool MaySay(const std::string& patientId, const std::optional<Study>& study = {}, Timestamp at = Now())
  {
    Transaction transaction(GetDatabase());
    try
    {
      FilingStore(transaction)
          .Say({.orthancStudyId = "s", .patientId = patientId, .filedBy = "lise", .filedAt = at}, study);
      transaction.Commit();
      return true;
    }
    catch (const Conflict&)
    {
      return false;
    }
  }

  std::string Said()
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    return FilingStore(transaction).Find("s").value().patientId;
  }

  static Study DecidedBy(const std::string& who, std::optional<std::string> patientId)
  {
    Study study;
    study.match.status = patientId ? MatchStatus::Matched : MatchStatus::Unmatched;
    study.match.decidedBy = who;
    study.match.patientId = std::move(patientId);
    return study;
  }
};

ON_BOTH_DATABASES(FilingOn);

TEST_P(FilingOn, OfAStudyThatIsBeingSentToSomebodyElseIsRefused)
{
  EXPECT_TRUE(MaySay("a"));
  EXPECT_TRUE(MaySay("a"));
  EXPECT_TRUE(MaySay("")) << "nothing is said of the patient";
  EXPECT_FALSE(MaySay("b"));
  EXPECT_FALSE(MaySay("b", Study()));
  EXPECT_EQ("a", Said());
  EXPECT_TRUE(MaySay("b", {}, Now() + std::chrono::minutes(2))) << "nothing came of the first";
}

TEST_P(FilingOn, IsTheLastWordAsLongAsOnlyTheMachineHasDecided)
{
  EXPECT_TRUE(MaySay("a"));
  Study review = DecidedBy(StudyMatch::MACHINE, std::nullopt);
  review.match.status = MatchStatus::Review;
  EXPECT_TRUE(MaySay("b", review));
  EXPECT_TRUE(MaySay("a", DecidedBy(StudyMatch::MACHINE, "b")));
  EXPECT_EQ("a", Said());
}

TEST_P(FilingOn, TellsWhatIsSaidForTheFirstTime)
{
  const auto say = [&](const std::string& orderId, Timestamp at)
  {
    Transaction transaction(GetDatabase());
    const bool isNew =
        FilingStore(transaction)
            .Say({.orthancStudyId = "s", .patientId = "a", .orderId = orderId, .filedAt = at}, {});
    transaction.Commit();
    return isNew;
  };
  const Timestamp now = Now();
  EXPECT_TRUE(say("", now));
  EXPECT_FALSE(say("", now + std::chrono::seconds(1)));
  EXPECT_TRUE(say("o", now + std::chrono::seconds(2)));
  EXPECT_FALSE(say("o", now + std::chrono::seconds(3)));
}

TEST_P(FilingOn, ChangesNothingThatAPersonDecided)
{
  EXPECT_TRUE(MaySay("a", DecidedBy("anne", "a")));
  EXPECT_FALSE(MaySay("b", DecidedBy("anne", "a")));
  EXPECT_FALSE(MaySay("a", DecidedBy("anne", std::nullopt))) << "it was rejected";
  EXPECT_EQ("a", Said());
}
}  // namespace
}  // namespace OrthancClinic
