// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Database/Database.h"

#include <fcntl.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

#include "Core/Timestamp.h"

namespace OrthancClinic
{
namespace
{
constexpr std::chrono::seconds CONNECTION_TIMEOUT(10);
constexpr std::chrono::seconds LOCK_TIMEOUT(10);
constexpr std::string_view POSTGRESQL_SCHEMES[] = {"postgresql://", "postgres://"};

// The advisory lock that a migration holds in PostgreSQL; any number that nobody else uses will do.
constexpr int64_t MIGRATION_LOCK = 0x4f43'4d49'4752;

bool HasPostgreSqlScheme(const std::string& location)
{
  return std::any_of(std::begin(POSTGRESQL_SCHEMES), std::end(POSTGRESQL_SCHEMES),
                     [&](std::string_view scheme) { return location.starts_with(scheme); });
}

// SQLite would make the file with the process's umask; it holds patient data. Its journals inherit the mode.
void CreateForOwnerOnly(const std::string& path)
{
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 && errno != EROFS && errno != EACCES)
  {
    throw DatabaseError(fmt::format("Cannot open the database file {}: {}", path, std::strerror(errno)));
  }
  if (file >= 0)
  {
    close(file);
  }
}

// Drivers add the statement and its values to the message ("... while executing ... with ..."): values may be
// patient data.
std::string WithoutValues(const soci::soci_error& error)
{
  std::string message = error.get_error_message();
  if (const size_t end = message.find(" while executing"); end != std::string::npos)
  {
    message.resize(end);
  }
  // PostgreSQL's detail line ("DETAIL:  Key (id)=(...) already exists.") and its context quote values too.
  for (const char* marker : {"\nDETAIL:", "DETAIL:", "\nCONTEXT:", "\nLINE "})
  {
    if (const size_t end = message.find(marker); end != std::string::npos)
    {
      message.resize(end);
    }
  }
  while (!message.empty() && (message.back() == '\n' || message.back() == ' '))
  {
    message.pop_back();
  }
  return message;
}

bool IsConstraint(const soci::soci_error& error)
{
  if (error.get_error_category() == soci::soci_error::constraint_violation)
  {
    return true;
  }
  const std::string message = error.what();
  return message.find("constraint failed") != std::string::npos ||
         message.find("violates unique constraint") != std::string::npos ||
         message.find("violates foreign key constraint") != std::string::npos;
}

// Splits a script at the semicolons that end a line: our scripts contain no other statements than that.
std::vector<std::string> Statements(std::string_view script)
{
  std::vector<std::string> statements;
  std::string current;
  for (size_t position = 0; position < script.size();)
  {
    size_t end = script.find('\n', position);
    end = (end == std::string_view::npos) ? script.size() : end;
    std::string_view line = script.substr(position, end - position);
    position = end + 1;
    if (const size_t comment = line.find("--"); comment != std::string_view::npos)
    {
      line = line.substr(0, comment);
    }
    while (!line.empty() && line.back() == ' ')
    {
      line.remove_suffix(1);
    }
    if (line.empty())
    {
      continue;
    }
    current += line;
    current += '\n';
    if (line.back() == ';')
    {
      current.resize(current.size() - 2);
      statements.push_back(std::move(current));
      current.clear();
    }
  }
  if (!current.empty())
  {
    statements.push_back(std::move(current));
  }
  return statements;
}

// libpq's keyword/value form of a URL: SOCI 4.0 takes the string apart itself and would spoil a URL.
std::string ToConnectionString(const std::string& url)
{
  char* error = nullptr;
  PQconninfoOption* const options = PQconninfoParse(url.c_str(), &error);
  if (options == nullptr)
  {
    PQfreemem(error);  // may quote the password
    throw DatabaseError("Clinic.Database: the PostgreSQL URL is malformed");
  }
  std::string text;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; option++)
  {
    if (option->val != nullptr)
    {
      text += std::string(option->keyword) + "='";
      for (const char* c = option->val; *c != '\0'; c++)
      {
        text += (*c == '\'' || *c == '\\') ? std::string("\\") + *c : std::string(1, *c);
      }
      text += "' ";
    }
  }
  PQconninfoFree(options);
  return text;
}

int NumberOf(std::string_view fileName)
{
  return std::stoi(std::string(fileName.substr(0, fileName.find('_'))));
}
}  // namespace

Database::Database(const std::string& location, unsigned connections)
    : postgreSql_(HasPostgreSqlScheme(location)), location_(location)
{
  if (!postgreSql_)
  {
    CreateForOwnerOnly(location);
  }
  for (unsigned i = 0; i < connections; i++)
  {
    idle_.push_back(std::make_unique<Connection>());  // connected at first use
  }
  auto first = Borrow();
  GiveBack(std::move(first));
}

Database::~Database() = default;

std::unique_ptr<soci::session> Database::Connect() const
{
  try
  {
    if (postgreSql_)
    {
      auto session = std::make_unique<soci::session>(soci::postgresql, ToConnectionString(location_));
      *session << "SET client_min_messages = warning";
      return session;
    }

    // "shared_cache" stays off: connections of one process must see only what was committed.
    auto session = std::make_unique<soci::session>(soci::sqlite3, "dbname=\"" + location_ + "\" timeout=10");
    std::string mode;
    *session << "PRAGMA journal_mode = WAL", soci::into(mode);
    // FULL: what was acknowledged (a person's decision, a patient of the CRM) survives a power failure.
    *session << "PRAGMA synchronous = FULL";
    *session << "PRAGMA foreign_keys = ON";
    *session << "PRAGMA temp_store = MEMORY";
    return session;
  }
  catch (const soci::soci_error& error)
  {
    if (postgreSql_)
    {
      throw DatabaseError("Cannot connect to the PostgreSQL server of Clinic.Database: " +
                          WithoutValues(error));
    }
    throw DatabaseError("Cannot open the database file " + location_ + ": " + WithoutValues(error));
  }
}

std::unique_ptr<Database::Connection> Database::Borrow()
{
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(mutex_);
    if (!returned_.wait_for(lock, CONNECTION_TIMEOUT, [this] { return !idle_.empty(); }))
    {
      throw DatabaseError("All connections to the database are busy");
    }
    connection = std::move(idle_.back());
    idle_.pop_back();
  }

  Mend(connection);
  return connection;
}

void Database::Mend(std::unique_ptr<Connection>& connection)
{
  if (connection->session && !connection->broken)
  {
    return;
  }
  try
  {
    connection->session.reset();
    connection->session = Connect();
    connection->broken = false;
  }
  catch (...)
  {
    GiveBack(std::move(connection));
    throw;
  }
}

void Database::GiveBack(std::unique_ptr<Connection> connection) noexcept
{
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));  // reserved: the vector never grows beyond its first size
  }
  returned_.notify_one();
}

void Database::Migrate(const std::string& component, const MigrationScripts& scripts)
{
  {
    Transaction transaction(*this);
    transaction.Sql(
        [&](soci::session& sql)
        {
          if (postgreSql_)
          {
            sql << "SELECT pg_advisory_xact_lock(:key)", soci::use(MIGRATION_LOCK);
          }
          sql << "CREATE TABLE IF NOT EXISTS migrations (component TEXT NOT NULL, number INTEGER NOT NULL, "
                 "name TEXT NOT NULL, applied_at TEXT NOT NULL, PRIMARY KEY (component, number))";
        });
    transaction.Commit();
  }

  for (;;)
  {
    Transaction transaction(*this);
    const bool done = transaction.Sql(
        [&](soci::session& sql)
        {
          if (postgreSql_)
          {
            sql << "SELECT pg_advisory_xact_lock(:key)", soci::use(MIGRATION_LOCK);
          }
          int current = 0;
          sql << "SELECT COALESCE(MAX(number), 0) FROM migrations WHERE component = :component",
              soci::use(component), soci::into(current);
          const int newest = scripts.empty() ? 0 : NumberOf(scripts.back().first);
          if (current > newest)
          {
            throw Conflict(
                fmt::format("The database's tables of {} have version {}, which is newer than this program's "
                            "{}: install the "
                            "newer program, or restore the backup that was made before it",
                            component, current, newest));
          }
          for (const auto& [name, script] : scripts)
          {
            if (NumberOf(name) <= current)
            {
              continue;
            }
            for (std::string statement : Statements(script))
            {
              // Text that is searched by prefix must sort by code point in both databases.
              static constexpr std::string_view COLLATION = " COLLATE \"C\"";
              if (!postgreSql_)
              {
                for (size_t at; (at = statement.find(COLLATION)) != std::string::npos;)
                {
                  statement.erase(at, COLLATION.size());
                }
              }
              sql << statement;
            }
            const int number = NumberOf(name);
            const std::string file(name);
            const std::string now = ToString(Now());
            sql << "INSERT INTO migrations (component, number, name, applied_at) VALUES (:component, "
                   ":number, :name, "
                   ":now)",
                soci::use(component), soci::use(number), soci::use(file), soci::use(now);
            return false;  // one script per transaction
          }
          return true;
        });
    transaction.Commit();
    if (done)
    {
      return;
    }
  }
}

std::shared_ptr<void> Database::Listen(const std::string& channel, std::function<void()> listener)
{
  auto entry = std::make_shared<Listener>(Listener{channel, std::move(listener)});
  const std::lock_guard lock(listenersMutex_);
  std::erase_if(listeners_, [](const auto& known) { return known.expired(); });
  listeners_.push_back(entry);
  return entry;
}

void Database::Tell(const std::string& channel)
{
  std::vector<std::shared_ptr<Listener>> called;
  {
    const std::lock_guard lock(listenersMutex_);
    for (const auto& known : listeners_)
    {
      if (auto listener = known.lock(); listener && listener->channel == channel)
      {
        called.push_back(std::move(listener));
      }
    }
  }
  for (const auto& listener : called)
  {
    listener->run();
  }
}

Transaction::Transaction(Database& database, Mode mode) : database_(database), mode_(mode)
{
  if (!database.IsPostgreSql() && mode == Mode::Write)
  {
    writer_ = std::unique_lock(database.writer_, LOCK_TIMEOUT);
    if (!writer_.owns_lock())
    {
      throw DatabaseError("The database is locked by another writer");
    }
  }

  const char* const begin = (mode == Mode::ReadOnly) ? (database.IsPostgreSql() ? "BEGIN READ ONLY" : "BEGIN")
                            : database.IsPostgreSql() ? "BEGIN"
                                                      : "BEGIN IMMEDIATE";
  connection_ = database.Borrow();
  // A connection that was idle may have died with its server: it is made anew, once.
  for (bool isNew = false;; isNew = true)
  {
    try
    {
      *connection_->session << begin;
      open_ = true;
      return;
    }
    catch (const soci::soci_error& error)
    {
      connection_->broken = true;
      const std::string message = WithoutValues(error);
      if (isNew)
      {
        database.GiveBack(std::move(connection_));
        throw DatabaseError("The database does not answer: " + message);
      }
    }
    database.Mend(connection_);
  }
}

Transaction::~Transaction()
{
  if (!connection_)
  {
    return;
  }
  if (open_)
  {
    try
    {
      *connection_->session << "ROLLBACK";
    }
    catch (const soci::soci_error&)
    {
      connection_->broken = true;  // closing it rolls back
    }
  }
  database_.GiveBack(std::move(connection_));
}

void Transaction::Commit()
{
  // An action may add another one.
  for (size_t i = 0; i < beforeCommit_.size(); i++)
  {
    const auto action = beforeCommit_[i];
    action();
  }
  if (failed_)
  {
    throw std::logic_error("A transaction in which a statement failed cannot be committed");
  }
  Sql([](soci::session& sql) { sql << "COMMIT"; });
  open_ = false;
  database_.GiveBack(std::move(connection_));
  if (writer_.owns_lock())
  {
    writer_.unlock();
  }
  for (const std::string& channel : channels_)
  {
    database_.Tell(channel);
  }
}

int64_t Transaction::NextSerial()
{
  return Sql(
      [](soci::session& sql)
      {
        long long serial = 0;
        sql << "UPDATE serials SET value = value + 1 WHERE name = 'serial' RETURNING value",
            soci::into(serial);
        return static_cast<int64_t>(serial);
      });
}

void Transaction::BeforeCommit(std::function<void()> action)
{
  beforeCommit_.push_back(std::move(action));
}

void Transaction::Notify(const std::string& channel)
{
  channels_.insert(channel);
}

void Transaction::Rethrow(const soci::soci_error& error)
{
  if (IsConstraint(error))
  {
    throw Conflict("The database refused a value that must be unique or must exist: " + WithoutValues(error));
  }
  if (error.get_error_category() == soci::soci_error::connection_error || database_.IsPostgreSql())
  {
    // Cheap and safe: a PostgreSQL connection on which a statement failed is replaced.
    connection_->broken = error.get_error_category() == soci::soci_error::connection_error ||
                          std::string_view(error.what()).find("connection") != std::string_view::npos ||
                          std::string_view(error.what()).find("terminating") != std::string_view::npos;
  }
  throw DatabaseError("The database failed: " + WithoutValues(error));
}
}  // namespace OrthancClinic
