// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/DatabaseFixture.h"

#include "Core/Records/CoreMigrations.h"

namespace OrthancClinic::Testing
{
std::string PrintKind(const ::testing::TestParamInfo<DatabaseKind>& info)
{
  return info.param == DatabaseKind::Sqlite ? "Sqlite" : "PostgreSql";
}

void DatabaseTest::SetUp()
{
  if (GetParam() == DatabaseKind::PostgreSql)
  {
    if (!PostgresServer::IsInstalled())
    {
      GTEST_SKIP() << "Debian's package postgresql is not installed";
    }
    PostgresServer& server = PostgresServer::Shared();
    location_ = server.Url(server.NewDatabase());
  }
  else
  {
    location_ = (directory_.Path() / "clinic.db").string();
  }
  database_ = MakeAnother();
}

std::unique_ptr<Database> DatabaseTest::MakeAnother()
{
  auto database = std::make_unique<Database>(location_);
  database->Migrate("core", CoreMigrations());
  return database;
}
}  // namespace OrthancClinic::Testing
