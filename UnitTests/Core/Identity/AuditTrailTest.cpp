// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Identity/AuditTrail.h"

#include <thread>

#include "Core/DatabaseFixture.h"

namespace OrthancClinic::Testing
{
namespace
{
class AuditTrailOn : public DatabaseTest
{
protected:
  void Append(const std::string& action, const std::string& patient = "p1", const std::string& study = "")
  {
    Transaction transaction(GetDatabase());
    AuditEntry entry;
    entry.principal.name = "alice";
    entry.action = action;
    entry.patientId = patient;
    entry.studyInstanceUid = study;
    entry.detail["quoted"] = "a\"b\\é";
    AuditTrail::Append(transaction, entry);
    transaction.Commit();
  }

  void Sql(const std::string& statement)
  {
    Transaction transaction(GetDatabase());
    transaction.Sql([&](soci::session& sql) { sql << statement; });
    transaction.Commit();
  }

  std::optional<int64_t> FirstBroken()
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    const auto broken = AuditTrail::FirstBroken(transaction);
    transaction.Commit();
    return broken;
  }

  std::pair<std::vector<Json::Value>, int64_t> List(const AuditFilter& filter = {})
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    auto list = AuditTrail::List(transaction, filter);
    transaction.Commit();
    return list;
  }

  std::string SerialOf(const std::string& action)
  {
    for (const Json::Value& record : List().first)
    {
      if (record["action"] == action)
      {
        return record["id"].asString();
      }
    }
    return "";
  }
};

TEST_P(AuditTrailOn, IsWholeWhenNobodyTouchedIt)
{
  EXPECT_EQ(std::nullopt, FirstBroken());
  for (const char* const action : {"patient.view", "patient.update", "match.confirm"})
  {
    Append(action);
  }
  EXPECT_EQ(std::nullopt, FirstBroken());
}

TEST_P(AuditTrailOn, IsWholeWhenSeveralWroteAtOnce)
{
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; i++)
  {
    writers.emplace_back(
        [&]
        {
          for (int j = 0; j < 10; j++)
          {
            Append("patient.view");
          }
        });
  }
  for (std::thread& writer : writers)
  {
    writer.join();
  }
  EXPECT_EQ(40, List().second);
  EXPECT_EQ(std::nullopt, FirstBroken());
}

TEST_P(AuditTrailOn, ShowsAChangedRecord)
{
  for (const char* const column : {"at", "principal", "remote_address", "action", "practice_id", "patient_id",
                                   "study_instance_uid", "outcome", "detail", "previous_hash", "hash"})
  {
    Sql("DELETE FROM audit");
    Append("first");
    Append("second");
    Append("third");
    ASSERT_EQ(std::nullopt, FirstBroken());
    const std::string second = SerialOf("second");

    Sql("UPDATE audit SET " + std::string(column) + " = '{\"x\":1}' WHERE serial = " + second);

    EXPECT_EQ(std::stoll(second), FirstBroken()) << column;
  }
}

TEST_P(AuditTrailOn, ShowsARemovedRecord)
{
  Append("first");
  Append("second");
  Append("third");
  const int64_t third = std::stoll(SerialOf("third"));

  Sql("DELETE FROM audit WHERE action = 'second'");

  EXPECT_EQ(third, FirstBroken());
}

TEST_P(AuditTrailOn, ShowsThatItsBeginningIsGone)
{
  Append("first");
  Append("second");
  const int64_t second = std::stoll(SerialOf("second"));

  Sql("DELETE FROM audit WHERE action = 'first'");

  EXPECT_EQ(second, FirstBroken());
}

TEST_P(AuditTrailOn, ShowsAnExchange)
{
  Append("first");
  Append("second");
  const std::string first = SerialOf("first");
  const std::string second = SerialOf("second");

  Sql("UPDATE audit SET serial = -1 WHERE serial = " + first);
  Sql("UPDATE audit SET serial = " + first + " WHERE serial = " + second);
  Sql("UPDATE audit SET serial = " + second + " WHERE serial = -1");

  EXPECT_EQ(std::stoll(first), FirstBroken());
}

TEST_P(AuditTrailOn, IsNotWrittenWithoutItsTransaction)
{
  {
    Transaction transaction(GetDatabase());
    AuditTrail::Append(transaction, {.action = "patient.update"});
  }
  EXPECT_EQ(0, List().second);
}

TEST_P(AuditTrailOn, IsListedByPatientAndStudyNewestFirst)
{
  Append("first", "p1", "1.2");
  Append("second", "p2", "1.2");
  Append("third", "p1", "1.3");

  EXPECT_EQ(3, List().second);
  const auto [records, total] = List({.patientId = "p1"});
  ASSERT_EQ(2, total);
  EXPECT_EQ("third", records[0]["action"].asString());
  EXPECT_EQ("first", records[1]["action"].asString());
  EXPECT_EQ("alice", records[1]["principal"].asString());
  EXPECT_EQ("a\"b\\é", records[1]["detail"]["quoted"].asString());
  EXPECT_EQ(1, List({.patientId = "p1", .studyInstanceUid = "1.2"}).second);
  EXPECT_EQ("second", List({.limit = 1, .offset = 1}).first.at(0)["action"].asString());
}

TEST_P(AuditTrailOn, ForgetsWhatIsOldWithoutBreakingTheChain)
{
  Append("old 1");
  Append("old 2");
  std::this_thread::sleep_for(Milliseconds(5));
  const Timestamp then = Now();
  std::this_thread::sleep_for(Milliseconds(5));
  Append("new 1");
  const auto purge = [&](Timestamp before)
  {
    Transaction transaction(GetDatabase());
    const int64_t count = AuditTrail::Purge(transaction, before);
    transaction.Commit();
    return count;
  };
  EXPECT_EQ(2, purge(then));
  EXPECT_EQ(0, purge(then));
  EXPECT_EQ(1, List().second);
  EXPECT_EQ(std::nullopt, FirstBroken());
  Append("new 2");
  EXPECT_EQ(std::nullopt, FirstBroken());

  // Of nothing, too, the chain goes on.
  EXPECT_EQ(2, purge(Now() + std::chrono::hours(1)));
  Append("after");
  EXPECT_EQ(std::nullopt, FirstBroken());
  Sql("UPDATE audit_anchor SET hash = 'another'");
  EXPECT_TRUE(FirstBroken().has_value()) << "what was forgotten cannot be replaced";
}

ON_BOTH_DATABASES(AuditTrailOn);
}  // namespace
}  // namespace OrthancClinic::Testing
