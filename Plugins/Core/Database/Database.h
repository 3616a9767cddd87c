// SPDX-License-Identifier: GPL-3.0-or-later
//
// The bundle's own database: one pool of connections per process, to an SQLite file (WAL mode) or to
// PostgreSQL. All SQL is written in the common subset of both; Dialect names the few differences.

#pragma once

#include <soci/soci.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Errors.h"

namespace OrthancClinic
{
// The database refused or could not be reached (file system full, read-only, connection lost, locked for too
// long). The message is the driver's, without the values of the statement.
class ORTHANC_CLINIC_API DatabaseError : public Unavailable
{
public:
  using Unavailable::Unavailable;
};

// The numbered scripts of one component, in order: file name ("0001_core.sql") and content.
using MigrationScripts = std::vector<std::pair<std::string_view, std::string_view>>;

class ORTHANC_CLINIC_API Database
{
public:
  // `location` is "postgresql://..." (libpq's URL) or the path of an SQLite file, which is made if it is
  // missing (readable by its owner alone). Throws DatabaseError; the message never contains the URL, which
  // may carry a password.
  explicit Database(const std::string& location, unsigned connections = 8);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  bool IsPostgreSql() const { return postgreSql_; }

  // Brings the tables of `component` to the newest number of `scripts`, each script in its own transaction,
  // under a lock against other processes. Forward only: throws Conflict if the database is newer than
  // `scripts`.
  void Migrate(const std::string& component, const MigrationScripts& scripts);

  // `listener` runs in this process after each commit of a transaction that called Notify(channel); it must
  // be quick and must not throw. Whoever listens also polls: a commit of another process is not told.
  [[nodiscard]] std::shared_ptr<void> Listen(const std::string& channel, std::function<void()> listener);

private:
  friend class Transaction;

  struct Connection
  {
    std::unique_ptr<soci::session> session;
    bool broken = false;
  };

  struct Listener
  {
    std::string channel;
    std::function<void()> run;
  };

  void Tell(const std::string& channel);
  std::unique_ptr<soci::session> Connect() const;
  std::unique_ptr<Connection> Borrow();
  void Mend(std::unique_ptr<Connection>& connection);  // if it is broken; gives it back if it cannot
  void GiveBack(std::unique_ptr<Connection> connection) noexcept;

  const bool postgreSql_;
  const std::string location_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::mutex listenersMutex_;
  std::vector<std::weak_ptr<Listener>> listeners_;
  std::timed_mutex
      writer_;  // SQLite has one writer: queue for it here, fairly, instead of polling the file's lock
};

// One transaction on a borrowed connection, rolled back unless committed. Not shared between threads. Nothing
// that waits for the network or for Orthanc belongs between its construction and its end.
class ORTHANC_CLINIC_API Transaction
{
public:
  enum class Mode
  {
    Write,
    ReadOnly
  };

  // Throws DatabaseError if no connection can be had.
  explicit Transaction(Database& database, Mode mode = Mode::Write);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Runs what BeforeCommit collected, commits, then wakes whom Notify named. Throws DatabaseError, after
  // which nothing was changed; std::logic_error if a statement failed and its error was swallowed.
  void Commit();

  // Runs a statement: `Sql([&](soci::session& sql) { sql << "...", soci::use(...); })`. Turns the driver's
  // errors into DatabaseError, or Conflict where a UNIQUE or FOREIGN KEY constraint was violated.
  template <typename Function>
  auto Sql(Function&& function)
  {
    try
    {
      return function(*connection_->session);
    }
    catch (const soci::soci_error& error)
    {
      failed_ = true;
      Rethrow(error);
    }
  }

  // Runs `function` so that, if it throws, what it wrote is undone and the rest of the transaction stays
  // usable.
  template <typename Function>
  void Savepoint(Function&& function)
  {
    Sql([](soci::session& sql) { sql << "SAVEPOINT part"; });
    try
    {
      function();
    }
    catch (...)
    {
      Sql([](soci::session& sql) { sql << "ROLLBACK TO SAVEPOINT part"; });
      failed_ = false;
      throw;
    }
    Sql([](soci::session& sql) { sql << "RELEASE SAVEPOINT part"; });
  }

  bool IsPostgreSql() const { return database_.IsPostgreSql(); }

  // A number that is greater than that of every transaction committed before: events, audit records and
  // changes of records are numbered with it, so that a reader that remembers the last number it saw misses
  // none. Holds a row lock until the end of the transaction (so that the order of the numbers is the order of
  // the commits): ask for it late.
  int64_t NextSerial();

  // `action` runs just before the commit, in the transaction.
  void BeforeCommit(std::function<void()> action);

  // Wakes those who listen to `channel` once the commit has succeeded.
  void Notify(const std::string& channel);

private:
  [[noreturn]] void Rethrow(const soci::soci_error& error);

  Database& database_;
  const Mode mode_;
  bool open_ = false;
  bool failed_ = false;  // a statement failed: PostgreSQL would answer COMMIT with a silent rollback
  std::unique_lock<std::timed_mutex> writer_;
  std::unique_ptr<Database::Connection> connection_;
  std::vector<std::function<void()>> beforeCommit_;
  std::set<std::string> channels_;
};
}  // namespace OrthancClinic
