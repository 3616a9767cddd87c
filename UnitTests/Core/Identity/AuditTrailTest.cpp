// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Identity/AuditTrail.h"

#include "Core/DatabaseFixture.h"

namespace OrthancClinic::Testing
{
namespace
{
class AuditTrailOn : public DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    if (IsSkipped())
    {
      return;
    }
    for (const char* action : {"patient.create", "patient.view", "match.confirm"})
    {
      Transaction transaction(GetDatabase());
      AuditEntry entry;
      entry.principal.name = "alice";
      entry.action = action;
      entry.patientId = "p1";
      AuditTrail::Append(transaction, entry);
      transaction.Commit();
    }
  }

  std::optional<int64_t> FirstBroken()
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    const auto broken = AuditTrail::FirstBroken(transaction);
    transaction.Commit();
    return broken;
  }

  void Tamper(const std::string& statement)
  {
    Transaction transaction(GetDatabase());
    transaction.Sql([&](soci::session& sql) { sql << statement; });
    transaction.Commit();
  }
};

TEST_P(AuditTrailOn, IsWholeAndListsTheNewestFirst)
{
  EXPECT_FALSE(FirstBroken());
  Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
  const auto [records, total] = AuditTrail::List(transaction, "p1", "", 2, 0);
  EXPECT_EQ(total, 3);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0]["action"], "match.confirm");
  EXPECT_EQ(records[0]["principal"], "alice");
  EXPECT_EQ(AuditTrail::List(transaction, "p2", "", 2, 0).second, 0);
}

TEST_P(AuditTrailOn, ShowsAChangedRecord)
{
  Tamper("UPDATE audit SET principal = 'bob' WHERE action = 'patient.view'");
  EXPECT_TRUE(FirstBroken());
}

TEST_P(AuditTrailOn, ShowsARemovedRecord)
{
  Tamper("DELETE FROM audit WHERE action = 'patient.view'");
  EXPECT_TRUE(FirstBroken());
}

TEST_P(AuditTrailOn, KeepsNothingOfWhatWasRolledBack)
{
  {
    Transaction transaction(GetDatabase());
    AuditEntry entry;
    entry.action = "never";
    AuditTrail::Append(transaction, entry);
  }
  Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
  EXPECT_EQ(AuditTrail::List(transaction, "", "", 10, 0).second, 3);
}

ON_BOTH_DATABASES(AuditTrailOn);
}  // namespace
}  // namespace OrthancClinic::Testing
