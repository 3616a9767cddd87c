// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/DatabaseFixture.h"

#include <sys/stat.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace OrthancClinic::Testing
{
namespace
{
class DatabaseOn : public DatabaseTest
{
protected:
  long long Count(const std::string& table)
  {
    long long count = 0;
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    transaction.Sql([&](soci::session& sql) { sql << "SELECT COUNT(*) FROM " + table, soci::into(count); });
    transaction.Commit();
    return count;
  }

  static void AddEvent(Transaction& transaction)
  {
    const long long serial = transaction.NextSerial();
    transaction.Sql(
        [&](soci::session& sql)
        {
          sql << "INSERT INTO events (serial, type, practice_id, data, created_at) "
                 "VALUES (:serial, 'test', '', '{}', '2026-01-01T00:00:00.000Z')",
              soci::use(serial);
        });
  }
};

TEST_P(DatabaseOn, WhatIsNotCommittedIsGone)
{
  {
    Transaction transaction(GetDatabase());
    AddEvent(transaction);
  }
  EXPECT_EQ(Count("events"), 0);
}

TEST_P(DatabaseOn, WhatIsCommittedIsSeenByAnotherProcess)
{
  Transaction transaction(GetDatabase());
  AddEvent(transaction);
  transaction.Commit();
  const auto other = MakeAnother();
  Transaction reader(*other, Transaction::Mode::ReadOnly);
  long long count = 0;
  reader.Sql([&](soci::session& sql) { sql << "SELECT COUNT(*) FROM events", soci::into(count); });
  EXPECT_EQ(count, 1);
}

TEST_P(DatabaseOn, AFailedStatementCannotBeCommittedByMistake)
{
  Transaction transaction(GetDatabase());
  AddEvent(transaction);
  EXPECT_THROW(transaction.Sql(
                   [](soci::session& sql)
                   { sql << "INSERT INTO practices (id, document, updated_at) VALUES ('default', '', '')"; }),
               Conflict);
  EXPECT_THROW(transaction.Commit(), std::logic_error);
}

TEST_P(DatabaseOn, AFailedPartLeavesTheRestOfItsTransaction)
{
  Transaction transaction(GetDatabase());
  AddEvent(transaction);
  EXPECT_THROW(
      transaction.Savepoint(
          [&]
          {
            AddEvent(transaction);
            transaction.Sql(
                [](soci::session& sql)
                { sql << "INSERT INTO practices (id, document, updated_at) VALUES ('default', '', '')"; });
          }),
      Conflict);
  transaction.Commit();
  EXPECT_EQ(Count("events"), 1);
}

TEST_P(DatabaseOn, AnErrorDoesNotQuoteTheValues)
{
  Transaction transaction(GetDatabase());
  const std::string secret = "default";
  const std::string name = "TREMBLAY^JEAN";
  try
  {
    transaction.Sql(
        [&](soci::session& sql)
        {
          sql << "INSERT INTO practices (id, document, updated_at) VALUES (:id, :name, '')",
              soci::use(secret), soci::use(name);
        });
    FAIL();
  }
  catch (const Conflict& error)
  {
    EXPECT_EQ(std::string(error.what()).find("TREMBLAY"), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find("INSERT"), std::string::npos) << error.what();
  }
}

TEST_P(DatabaseOn, SerialsGrowInTheOrderOfTheCommits)
{
  constexpr int WRITERS = 4;
  constexpr int EACH = 25;
  std::atomic<bool> running{true};
  // A reader that only asks for what is newer than the last it saw must see every row.
  std::set<long long> seen;
  std::thread reader(
      [&]
      {
        long long last = 0;
        bool again = true;
        while (again)
        {
          again = running;
          Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
          transaction.Sql(
              [&](soci::session& sql)
              {
                long long serial = 0;
                const long long after = last;
                soci::statement statement =
                    (sql.prepare << "SELECT serial FROM events WHERE serial > :last ORDER BY serial",
                     soci::use(after), soci::into(serial));
                statement.execute();
                while (statement.fetch())
                {
                  seen.insert(serial);
                  last = serial;
                }
              });
          transaction.Commit();
        }
      });
  std::vector<std::thread> writers;
  for (int i = 0; i < WRITERS; i++)
  {
    writers.emplace_back(
        [&]
        {
          for (int j = 0; j < EACH; j++)
          {
            Transaction transaction(GetDatabase());
            AddEvent(transaction);
            transaction.Commit();
          }
        });
  }
  for (std::thread& writer : writers)
  {
    writer.join();
  }
  running = false;
  reader.join();
  EXPECT_EQ(seen.size(), static_cast<size_t>(WRITERS * EACH));
}

TEST_P(DatabaseOn, AListenerIsToldAfterTheCommitAndNotAfterARollback)
{
  int told = 0;
  const auto listening = GetDatabase().Listen("tasks", [&] { told++; });
  {
    Transaction transaction(GetDatabase());
    transaction.Notify("tasks");
  }
  EXPECT_EQ(told, 0);
  Transaction transaction(GetDatabase());
  transaction.Notify("tasks");
  transaction.Notify("other");
  transaction.Commit();
  EXPECT_EQ(told, 1);
}

TEST_P(DatabaseOn, MigrationsRunOnceAndInOrder)
{
  const MigrationScripts first = {{"0001_a.sql", "CREATE TABLE a (x INTEGER);\nINSERT INTO a VALUES (1);\n"}};
  GetDatabase().Migrate("test", first);
  GetDatabase().Migrate("test", first);
  EXPECT_EQ(Count("a"), 1);

  MigrationScripts second = first;
  second.emplace_back("0002_b.sql",
                      "-- comment;\nALTER TABLE a ADD COLUMN y INTEGER;\nINSERT INTO a VALUES (2, 3);\n");
  GetDatabase().Migrate("test", second);
  EXPECT_EQ(Count("a"), 2);
}

TEST_P(DatabaseOn, AMigrationThatFailsLeavesNothingBehind)
{
  const MigrationScripts scripts = {
      {"0001_a.sql", "CREATE TABLE a (x INTEGER);\nINSERT INTO missing VALUES (1);\n"}};
  EXPECT_THROW(GetDatabase().Migrate("test", scripts), DatabaseError);
  EXPECT_THROW(Count("a"), DatabaseError);
}

TEST_P(DatabaseOn, ANewerDatabaseIsRefused)
{
  GetDatabase().Migrate("test",
                        {{"0001_a.sql", "CREATE TABLE a (x INTEGER);"}, {"0002_b.sql", "DROP TABLE a;"}});
  EXPECT_THROW(GetDatabase().Migrate("test", {{"0001_a.sql", "CREATE TABLE a (x INTEGER);"}}), Conflict);
}

ON_BOTH_DATABASES(DatabaseOn);

TEST(SqliteFile, IsReadableByItsOwnerAlone)
{
  const TemporaryDirectory directory;
  const std::string path = directory.Path() / "clinic.db";
  const Database database(path);
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST(PostgreSqlServer, ThatWasRestartedIsUsedAgain)
{
  if (!PostgresServer::IsInstalled())
  {
    GTEST_SKIP() << "Debian's package postgresql is not installed";
  }
  PostgresServer server;
  Database database(server.Url(server.NewDatabase()), 2);
  const auto query = [&]
  {
    Transaction transaction(database);
    int one = 0;
    transaction.Sql([&](soci::session& sql) { sql << "SELECT 1", soci::into(one); });
    transaction.Commit();
    return one;
  };
  EXPECT_EQ(query(), 1);
  server.Stop();
  EXPECT_THROW(query(), DatabaseError);
  server.Start();
  EXPECT_EQ(query(), 1);
}

TEST(PostgreSqlServer, ThatCannotBeReachedIsReportedWithoutThePassword)
{
  try
  {
    const Database database("postgresql://clinic:secret@127.0.0.1:1/clinic");
    FAIL();
  }
  catch (const DatabaseError& error)
  {
    EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
  }
}
}  // namespace
}  // namespace OrthancClinic::Testing
