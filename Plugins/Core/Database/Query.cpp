// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Database/Query.h"

#include <fmt/ranges.h>

namespace OrthancClinic
{
void PrepareStatement(soci::statement& statement, const std::string& text,
                      const std::vector<std::string>& values)
{
  statement.alloc();
  statement.prepare(text);
  for (const std::string& value : values)
  {
    statement.exchange(soci::use(value));
  }
}

void Execute(Transaction& transaction, const std::string& text, const std::vector<std::string>& values)
{
  transaction.Sql(
      [&](soci::session& sql)
      {
        soci::statement statement(sql);
        PrepareStatement(statement, text, values);
        statement.define_and_bind();
        statement.execute(true);
      });
}

void Conditions::Add(const std::string& condition, const std::string& value)
{
  if (!value.empty())
  {
    AddAll(condition, {value});
  }
}

void Conditions::AddAll(std::string condition, const std::vector<std::string>& values)
{
  for (const std::string& value : values)
  {
    condition.replace(condition.find('?'), 1, ":p" + std::to_string(values_.size()));
    values_.push_back(value);
  }
  where_ += " AND " + condition;
}

void Conditions::AddAny(const std::string& column, const std::vector<std::string>& values)
{
  if (!values.empty())
  {
    const std::vector<std::string> marks(values.size(), "?");
    AddAll(fmt::format("{} IN ({})", column, fmt::join(marks, ", ")), values);
  }
}

int64_t CountRows(Transaction& transaction, const std::string& table, const Conditions& conditions)
{
  long long total = 0;
  Query(
      transaction, "SELECT COUNT(*) FROM " + table + conditions.Where(), conditions.Values(), [] {}, total);
  return total;
}
}  // namespace OrthancClinic
