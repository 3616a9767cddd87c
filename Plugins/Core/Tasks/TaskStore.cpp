// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Tasks/TaskStore.h"

#include <stdexcept>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Database/Query.h"
#include "Core/Uuid.h"

namespace OrthancClinic
{
namespace
{
constexpr const char* COLUMNS =
    "id, kind, key, payload, state, generation, attempts, due_at, created_at, last_error";

TaskState ParseState(const std::string& text)
{
  for (const TaskState state : {TaskState::Due, TaskState::Leased, TaskState::Dead})
  {
    if (text == ToString(state))
    {
      return state;
    }
  }
  throw std::logic_error("Unknown task state in the database: " + text);
}

// A row of COLUMNS, bound with Into().
struct Row
{
  Task task;
  std::string payload;
  std::string state;
  std::string dueAt;
  std::string createdAt;
  std::string lastError;
  soci::indicator hasError = soci::i_null;

  Task Read()
  {
    task.payload = ParseJson(payload);
    task.state = ParseState(state);
    task.dueAt = ParseTimestamp(dueAt).value();
    task.createdAt = ParseTimestamp(createdAt).value();
    task.lastError = (hasError == soci::i_ok) ? std::optional(lastError) : std::nullopt;
    return task;
  }
};

template <typename Prepared>
std::vector<Task> Fetch(Prepared&& prepared)
{
  Row row;
  soci::statement statement =
      (prepared, soci::into(row.task.id), soci::into(row.task.kind), soci::into(row.task.key),
       soci::into(row.payload), soci::into(row.state), soci::into(row.task.generation),
       soci::into(row.task.attempts), soci::into(row.dueAt), soci::into(row.createdAt),
       soci::into(row.lastError, row.hasError));
  statement.execute();
  std::vector<Task> tasks;
  while (statement.fetch())
  {
    tasks.push_back(row.Read());
  }
  return tasks;
}
}  // namespace

std::string ToString(TaskState state)
{
  switch (state)
  {
    case TaskState::Due:
      return "due";
    case TaskState::Leased:
      return "leased";
    case TaskState::Dead:
      return "dead";
  }
  throw std::logic_error("Unknown task state");
}

Json::Value ToJson(const Task& task)
{
  Json::Value json;
  json["id"] = task.id;
  json["kind"] = task.kind;
  json["key"] = task.key;
  json["state"] = ToString(task.state);
  json["attempts"] = task.attempts;
  json["due_at"] = ToString(task.dueAt);
  json["created_at"] = ToString(task.createdAt);
  json["last_error"] = task.lastError ? Json::Value(*task.lastError) : Json::Value();
  return json;
}

void TaskStore::Enqueue(const std::string& kind, const std::string& key, const Json::Value& payload,
                        Timestamp dueAt)
{
  const std::string id = NewUuid();
  const std::string document = WriteJson(payload);
  const std::string due = ToString(dueAt);
  const std::string now = ToString(Now());
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "INSERT INTO tasks (id, kind, key, payload, state, generation, attempts, due_at, created_at) "
               "VALUES (:id, :kind, :key, :payload, 'due', 1, 0, :due, :now) "
               "ON CONFLICT (kind, key) DO UPDATE SET payload = excluded.payload, due_at = excluded.due_at, "
               "generation = tasks.generation + 1, "
               "attempts = CASE tasks.state WHEN 'leased' THEN tasks.attempts ELSE 0 END, "
               "state = CASE tasks.state WHEN 'leased' THEN 'leased' ELSE 'due' END",
            soci::use(id), soci::use(kind), soci::use(key), soci::use(document), soci::use(due),
            soci::use(now);
      });
  transaction_.Notify("tasks");
}

void TaskStore::Cancel(const std::string& kind, const std::string& key)
{
  transaction_.Sql(
      [&](soci::session& sql)
      { sql << "DELETE FROM tasks WHERE kind = :kind AND key = :key", soci::use(kind), soci::use(key); });
}

void TaskStore::CancelWaiting(const std::string& kind, const std::string& key)
{
  Execute(transaction_, "DELETE FROM tasks WHERE kind = :kind AND key = :key AND state <> 'leased'",
          {kind, key});
}

std::vector<Task> TaskStore::Lease(const std::string& kind, const std::string& lease, Timestamp until,
                                   int limit)
{
  const std::string leasedUntil = ToString(until);
  const std::string now = ToString(Now());
  const std::string skipLocked = transaction_.IsPostgreSql() ? " FOR UPDATE SKIP LOCKED" : "";
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        return Fetch(
            (sql.prepare << "UPDATE tasks SET state = 'leased', lease = :lease, leased_until = :until, "
                            "attempts = attempts + 1 WHERE id IN (SELECT id FROM tasks "
                            "WHERE state = 'due' AND kind = :kind AND due_at <= :now "
                            "ORDER BY due_at LIMIT :limit" +
                                skipLocked + ") RETURNING " + COLUMNS,
             soci::use(lease), soci::use(leasedUntil), soci::use(kind), soci::use(now), soci::use(limit)));
      });
}

void TaskStore::Hasten(const std::string& kind, const std::string& prefix)
{
  const std::string now = ToString(Now());
  Execute(transaction_,
          "UPDATE tasks SET due_at = :now WHERE kind = :kind AND state = 'due' AND due_at > :now2 AND "
          "SUBSTR(key, 1, CAST(:length AS INTEGER)) = :prefix",
          {now, kind, now, std::to_string(prefix.size()), prefix});
  transaction_.Notify("tasks");
}

std::optional<Timestamp> TaskStore::NextDue(const std::string& kind)
{
  return transaction_.Sql(
      [&](soci::session& sql) -> std::optional<Timestamp>
      {
        std::string due;
        sql << "SELECT due_at FROM tasks WHERE state = 'due' AND kind = :kind ORDER BY due_at LIMIT 1",
            soci::use(kind), soci::into(due);
        return sql.got_data() ? ParseTimestamp(due) : std::nullopt;
      });
}

int TaskStore::Keep(const std::string& owner, const std::set<Leased>& held, Timestamp until, Timestamp dueAt)
{
  const std::string first = owner + ":";
  const std::string last = owner + ";";  // the code point after ':'
  const std::string leasedUntil = ToString(until);
  const std::string due = ToString(dueAt);
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::vector<Leased> abandoned;
        Leased leased;
        soci::statement statement =
            (sql.prepare
                 << "SELECT id, lease FROM tasks WHERE state = 'leased' AND lease >= :first AND lease "
                    "< :last",
             soci::use(first), soci::use(last), soci::into(leased.first), soci::into(leased.second));
        statement.execute();
        while (statement.fetch())
        {
          if (!held.contains(leased))
          {
            abandoned.push_back(leased);
          }
        }
        for (const auto& [id, lease] : abandoned)
        {
          sql << "UPDATE tasks SET state = 'due', lease = NULL, leased_until = NULL, due_at = :due, "
                 "last_error = 'The end of the attempt could not be recorded' "
                 "WHERE id = :id AND lease = :lease",
              soci::use(due), soci::use(id), soci::use(lease);
        }
        sql << "UPDATE tasks SET leased_until = :until WHERE state = 'leased' AND lease >= :first AND lease "
               "< :last",
            soci::use(leasedUntil), soci::use(first), soci::use(last);
        return static_cast<int>(abandoned.size());
      });
}

void TaskStore::Recover(bool everyLease)
{
  const std::string now = everyLease ? "9999" : ToString(Now());
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "UPDATE tasks SET state = 'due', lease = NULL, leased_until = NULL, "
               "last_error = 'The process ended during the attempt' "
               "WHERE state = 'leased' AND leased_until < :now",
            soci::use(now);
      });
  transaction_.Notify("tasks");
}

void TaskStore::Complete(const Task& task, const std::string& lease)
{
  const bool owned = transaction_.Sql(
      [&](soci::session& sql)
      {
        soci::statement remove = (sql.prepare << "DELETE FROM tasks WHERE id = :id AND lease = :lease "
                                                 "AND generation = :generation",
                                  soci::use(task.id), soci::use(lease), soci::use(task.generation));
        remove.execute(true);
        if (remove.get_affected_rows() == 1)
        {
          return true;
        }
        soci::statement again =
            (sql.prepare << "UPDATE tasks SET state = 'due', lease = NULL, leased_until = NULL, "
                            "attempts = 0 WHERE id = :id AND lease = :lease",
             soci::use(task.id), soci::use(lease));
        again.execute(true);
        return again.get_affected_rows() == 1;
      });
  if (!owned)
  {
    throw Conflict("The task " + task.kind + " was taken over by another worker");
  }
  transaction_.Notify("tasks");
}

void TaskStore::Fail(const Task& task, const std::string& lease, const std::string& error,
                     std::optional<Timestamp> dueAt)
{
  const std::string due = ToString(dueAt.value_or(Now()));
  const std::string state = dueAt ? "due" : "dead";
  transaction_.Sql(
      [&](soci::session& sql)
      {
        // A task that was enqueued anew meanwhile has new reasons to succeed: it runs at once.
        sql << "UPDATE tasks SET lease = NULL, leased_until = NULL, last_error = :error, "
               "state = CASE WHEN generation = :generation THEN :state ELSE 'due' END, "
               "due_at = CASE WHEN generation = :generation2 THEN :due ELSE due_at END, "
               "attempts = CASE WHEN generation = :generation3 THEN attempts ELSE 0 END "
               "WHERE id = :id AND lease = :lease",
            soci::use(error), soci::use(task.generation), soci::use(state), soci::use(task.generation),
            soci::use(due), soci::use(task.generation), soci::use(task.id), soci::use(lease);
      });
  transaction_.Notify("tasks");
}

void TaskStore::Release(const Task& task, const std::string& lease)
{
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "UPDATE tasks SET state = 'due', lease = NULL, leased_until = NULL, attempts = attempts - 1 "
               "WHERE id = :id AND lease = :lease",
            soci::use(task.id), soci::use(lease);
      });
}

bool TaskStore::Exists(const std::string& kind, const std::string& key)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        long long count = 0;
        sql << "SELECT COUNT(*) FROM tasks WHERE kind = :kind AND key = :key", soci::use(kind),
            soci::use(key), soci::into(count);
        return count != 0;
      });
}

std::optional<Task> TaskStore::Find(const std::string& id)
{
  return transaction_.Sql(
      [&](soci::session& sql) -> std::optional<Task>
      {
        auto tasks = Fetch(
            (sql.prepare << std::string("SELECT ") + COLUMNS + " FROM tasks WHERE id = :id", soci::use(id)));
        return tasks.empty() ? std::nullopt : std::optional(tasks.front());
      });
}

std::pair<std::vector<Task>, int64_t> TaskStore::List(const std::string& kind, const std::string& state,
                                                      int64_t limit, int64_t offset)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        const std::string where =
            " FROM tasks WHERE (:kind = '' OR kind = :kind2) AND (:state = '' OR state = "
            ":state2)";
        long long total = 0;
        sql << "SELECT COUNT(*)" + where, soci::use(kind), soci::use(kind), soci::use(state),
            soci::use(state), soci::into(total);
        const long long rows = limit;
        const long long first = offset;
        auto tasks = Fetch((sql.prepare << std::string("SELECT ") + COLUMNS + where +
                                               " ORDER BY due_at, id LIMIT :limit OFFSET :offset",
                            soci::use(kind), soci::use(kind), soci::use(state), soci::use(state),
                            soci::use(rows), soci::use(first)));
        return std::pair(std::move(tasks), static_cast<int64_t>(total));
      });
}

std::map<std::pair<std::string, TaskState>, int64_t> TaskStore::Count()
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::map<std::pair<std::string, TaskState>, int64_t> counts;
        std::string kind;
        std::string state;
        long long count = 0;
        soci::statement statement =
            (sql.prepare << "SELECT kind, state, COUNT(*) FROM tasks GROUP BY kind, state", soci::into(kind),
             soci::into(state), soci::into(count));
        statement.execute();
        while (statement.fetch())
        {
          counts[{kind, ParseState(state)}] = count;
        }
        return counts;
      });
}

void TaskStore::Retry(const std::string& id)
{
  const auto task = Find(id);
  if (!task)
  {
    throw NotFound("There is no such task");
  }
  if (task->state == TaskState::Leased)
  {
    throw Conflict("The task is running");
  }
  const std::string now = ToString(Now());
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "UPDATE tasks SET state = 'due', attempts = 0, due_at = :now WHERE id = :id AND state <> "
               "'leased'",
            soci::use(now), soci::use(id);
      });
  transaction_.Notify("tasks");
}

void TaskStore::Discard(const std::string& id)
{
  const auto task = Find(id);
  if (!task)
  {
    throw NotFound("There is no such task");
  }
  if (task->state != TaskState::Dead)
  {
    throw Conflict("Only a dead task can be discarded");
  }
  transaction_.Sql([&](soci::session& sql)
                   { sql << "DELETE FROM tasks WHERE id = :id AND state = 'dead'", soci::use(id); });
}
}  // namespace OrthancClinic
