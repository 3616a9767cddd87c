// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tests of what lies in the database run on SQLite and on PostgreSQL: derive from DatabaseTest, write TEST_P,
// and instantiate with ON_BOTH_DATABASES(Fixture).

#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>

#include "Core/Database/Database.h"
#include "Support/Files.h"
#include "Support/PostgresServer.h"

namespace OrthancClinic::Testing
{
enum class DatabaseKind
{
  Sqlite,
  PostgreSql
};

std::string PrintKind(const ::testing::TestParamInfo<DatabaseKind>& info);

class DatabaseTest : public ::testing::TestWithParam<DatabaseKind>
{
protected:
  void SetUp() override;

  // With Core's tables. Another one on the same data, as another process would have it, is MakeAnother().
  Database& GetDatabase() { return *database_; }
  std::unique_ptr<Database> MakeAnother();
  const std::string& Location() const { return location_; }

  // Runs `function` with a store in a transaction of its own, and gives what it returns.
  template <typename Store, typename Function>
  auto WithStore(Function&& function)
  {
    Transaction transaction(GetDatabase());
    Store store(transaction);
    if constexpr (std::is_void_v<decltype(function(store))>)
    {
      function(store);
      transaction.Commit();
    }
    else
    {
      const auto result = function(store);
      transaction.Commit();
      return result;
    }
  }

private:
  TemporaryDirectory directory_;
  std::string location_;
  std::unique_ptr<Database> database_;
};

}  // namespace OrthancClinic::Testing

#define ON_BOTH_DATABASES(Fixture)                                                                \
  INSTANTIATE_TEST_SUITE_P(, Fixture,                                                             \
                           ::testing::Values(::OrthancClinic::Testing::DatabaseKind::Sqlite,      \
                                             ::OrthancClinic::Testing::DatabaseKind::PostgreSql), \
                           ::OrthancClinic::Testing::PrintKind)
