// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/LiveEvents.h"

#include <gmock/gmock.h>

#include <future>

#include "Core/DatabaseFixture.h"
#include "Core/Records/Practice.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;
using ::testing::Not;

class LiveEventsTest : public DatabaseTest
{
protected:
  static int64_t Emit(Database& database, const std::string& type, const std::string& practice = "default")
  {
    Transaction transaction(database);
    const EventLog events;  // writes when the transaction commits
    events.Emit(transaction, type, practice, Json::objectValue);
    transaction.Commit();
    Transaction reading(database, Transaction::Mode::ReadOnly);
    const int64_t last = EventLog::Last(reading);
    reading.Commit();
    return last;
  }

  int64_t Emit(const std::string& type, const std::string& practice = "default")
  {
    return Emit(GetDatabase(), type, practice);
  }

  static std::string IdLine(int64_t id) { return "id: " + std::to_string(id) + "\n"; }

  static bool Holds(const LiveEvents& live, int number)
  {
    return WaitUntil(
        [&] {
          return live.ToPrometheus().find("live_held " + std::to_string(number) + "\n") != std::string::npos;
        });
  }
};

ON_BOTH_DATABASES(LiveEventsTest);

TEST_P(LiveEventsTest, GiveAtOnceWhatTheCallerDoesNotKnow)
{
  const int64_t first = Emit("study.received");
  const int64_t second = Emit("study.matched");
  LiveEvents live(GetDatabase(), 1, std::chrono::hours(1));

  const std::string body = live.Wait({.since = first});

  EXPECT_THAT(body, Not(HasSubstr("study.received")));
  EXPECT_THAT(body, HasSubstr(IdLine(second) + "data: {"));
  EXPECT_THAT(body, HasSubstr("\"type\":\"study.matched\""));
  EXPECT_TRUE(body.starts_with("retry: ") && body.ends_with("\n\n")) << body;
}

TEST_P(LiveEventsTest, WaitForTheFirstThatIsNewAndMeant)
{
  Emit("study.received");
  LiveEvents live(GetDatabase(), 1, std::chrono::hours(1));
  auto answer =
      std::async(std::launch::async,
                 [&] { return live.Wait({.type = "study.matched", .practices = PracticeScope("north")}); });
  ASSERT_TRUE(Holds(live, 1));

  Emit("study.matched", "south");
  Emit("study.received", "north");
  const int64_t meant = Emit("study.matched", "north");

  const std::string body = answer.get();
  EXPECT_THAT(body, HasSubstr(IdLine(meant) + "data: {"));
  EXPECT_THAT(body, Not(HasSubstr("south")));
  EXPECT_THAT(body, Not(HasSubstr("study.received")));
}

TEST_P(LiveEventsTest, SeeWhatAnotherProcessWrites)
{
  const auto other = MakeAnother();
  LiveEvents live(GetDatabase(), 1, std::chrono::hours(1));
  auto answer = std::async(std::launch::async, [&] { return live.Wait({}); });
  ASSERT_TRUE(Holds(live, 1));

  const int64_t serial = Emit(*other, "study.received");

  EXPECT_THAT(answer.get(), HasSubstr(IdLine(serial)));
}

TEST_P(LiveEventsTest, EndWithThePlaceFromWhichToGoOn)
{
  const int64_t last = Emit("study.received", "south");
  LiveEvents live(GetDatabase(), 1, std::chrono::milliseconds(10));

  EXPECT_EQ("retry: 200\n" + IdLine(last) + "\n", live.Wait({}));
  EXPECT_EQ("retry: 200\n" + IdLine(last) + "\n",
            live.Wait({.since = 0, .practices = PracticeScope("north")}));
}

TEST_P(LiveEventsTest, HoldOnlySoManyAndLetGoWhenOrthancStops)
{
  LiveEvents live(GetDatabase(), 2, std::chrono::hours(1));
  auto one = std::async(std::launch::async, [&] { return live.Wait({}); });
  auto two = std::async(std::launch::async, [&] { return live.Wait({}); });
  ASSERT_TRUE(Holds(live, 2));

  EXPECT_THAT(live.Wait({}), HasSubstr("retry: 5000\n"));

  live.Stop();
  EXPECT_THAT(one.get(), HasSubstr("id: "));
  EXPECT_THAT(two.get(), HasSubstr("id: "));
  EXPECT_THAT(live.Wait({}), HasSubstr("id: "));
}
}  // namespace
}  // namespace OrthancClinic::Testing
