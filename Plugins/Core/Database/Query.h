// SPDX-License-Identifier: GPL-3.0-or-later
//
// Statements whose parameters are texts, as many as a caller has: SOCI's own operators want them counted in
// the source.
//
//   std::string name;
//   int number = 0;
//   Query(transaction, "SELECT name, number FROM things WHERE owner = :owner", {owner}, [&] { use(name,
//   number); },
//         name, number);

#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"

namespace OrthancClinic
{
// A column that may be NULL is std::tie(value, indicator).
template <typename Type>
void BindColumn(soci::statement& statement, std::tuple<Type&, soci::indicator&>& column)
{
  statement.exchange(soci::into(std::get<0>(column), std::get<1>(column)));
}

template <typename Type>
void BindColumn(soci::statement& statement, Type& column)
{
  statement.exchange(soci::into(column));
}

// Prepares the statement with its parameters, which must outlive it; columns may then be bound.
ORTHANC_CLINIC_API void PrepareStatement(soci::statement& statement, const std::string& text,
                                         const std::vector<std::string>& values);

// Runs a SELECT; `row` is called after each row was read into `columns`.
template <typename Row, typename... Columns>
void Query(Transaction& transaction, const std::string& text, const std::vector<std::string>& values,
           Row&& row, Columns&&... columns)
{
  transaction.Sql(
      [&](soci::session& sql)
      {
        soci::statement statement(sql);
        PrepareStatement(statement, text, values);
        (BindColumn(statement, columns), ...);
        statement.define_and_bind();
        statement.execute();
        while (statement.fetch())
        {
          row();
        }
      });
}

// Runs any other statement.
ORTHANC_CLINIC_API void Execute(Transaction& transaction, const std::string& text,
                                const std::vector<std::string>& values);

// The conditions of a search. A '?' stands for a value.
class ORTHANC_CLINIC_API Conditions
{
public:
  // Left out if the value is empty.
  void Add(const std::string& condition, const std::string& value);

  void AddAll(std::string condition, const std::vector<std::string>& values);

  // The column has one of the values; left out if there are none.
  void AddAny(const std::string& column, const std::vector<std::string>& values);

  const std::string& Where() const { return where_; }  // " WHERE …"
  const std::vector<std::string>& Values() const { return values_; }

private:
  std::string where_ = " WHERE 1 = 1";
  std::vector<std::string> values_;
};

ORTHANC_CLINIC_API int64_t CountRows(Transaction& transaction, const std::string& table,
                                     const Conditions& conditions);
}  // namespace OrthancClinic
