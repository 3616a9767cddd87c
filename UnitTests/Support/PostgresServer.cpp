// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/PostgresServer.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
// The newest that is installed; empty if there is none.
std::filesystem::path Binaries()
{
  const std::filesystem::path root = "/usr/lib/postgresql";
  std::filesystem::path newest;
  if (std::filesystem::is_directory(root))
  {
    for (const auto& version : std::filesystem::directory_iterator(root))
    {
      if (std::filesystem::exists(version.path() / "bin/initdb") &&
          (newest.empty() ||
           std::stoi(version.path().filename()) > std::stoi(newest.parent_path().filename())))
      {
        newest = version.path() / "bin";
      }
    }
  }
  return newest;
}

std::vector<std::string> Command(const std::string& program, const std::vector<std::string>& arguments)
{
  std::vector<std::string> result;
  if (geteuid() == 0)
  {
    result = {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"};
  }
  result.push_back((Binaries() / program).string());
  result.insert(result.end(), arguments.begin(), arguments.end());
  return result;
}

void RunOrThrow(const std::vector<std::string>& command)
{
  const Finished finished = RunProgram(command);
  if (finished.exitCode != 0)
  {
    throw std::runtime_error(command.front() + " failed:\n" + finished.output);
  }
}
}  // namespace

bool PostgresServer::IsInstalled()
{
  return !Binaries().empty();
}

PostgresServer& PostgresServer::Shared()
{
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() : port_(FreePort())
{
  if (geteuid() == 0)
  {
    const passwd* user = getpwnam("postgres");
    if (user == nullptr || chown(directory_.Path().c_str(), user->pw_uid, user->pw_gid) != 0)
    {
      throw std::runtime_error("PostgreSQL does not run as root, and there is no user \"postgres\"");
    }
  }
  RunOrThrow(Command("initdb", {"-D", (directory_.Path() / "data").string(), "-U", "clinic", "-A", "trust",
                                "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"}));
  Start();
}

PostgresServer::~PostgresServer()
{
  if (process_ != nullptr)
  {
    process_->Signal(SIGQUIT);  // at once, children too
    process_->Wait(std::chrono::seconds(10));
  }
}

void PostgresServer::Start()
{
  const std::string data = (directory_.Path() / "data").string();
  process_ = std::make_unique<Process>(Process::Options{
      .arguments =
          Command("postgres", {"-D", data, "-p", std::to_string(port_), "-c", "listen_addresses=127.0.0.1",
                               "-c", "unix_socket_directories=", "-c", "fsync=off", "-c",
                               "max_connections=200", "-c", "shared_buffers=32MB"}),
      .environment = {},
      .output = directory_.Path() / "log"});
  const bool ready = WaitUntil(
      [this]
      {
        return !process_->IsRunning() || RunProgram({(Binaries() / "pg_isready").string(), "-q", "-h",
                                                     "127.0.0.1", "-p", std::to_string(port_)})
                                                 .exitCode == 0;
      },
      std::chrono::seconds(60));
  if (!ready || !process_->IsRunning())
  {
    throw std::runtime_error("PostgreSQL does not start:\n" + Log());
  }
}

void PostgresServer::Stop()
{
  process_->Signal(SIGINT);
  if (!process_->Wait(std::chrono::seconds(60)))
  {
    throw std::runtime_error("PostgreSQL does not stop:\n" + Log());
  }
}

void PostgresServer::Kill9()
{
  // Each of PostgreSQL's children leads a group of its own, and ends by itself when the postmaster is gone.
  process_->Kill9();
}

void PostgresServer::Restart()
{
  if (process_->IsRunning())
  {
    Stop();
  }
  // After a kill, the last child may still hold the shared memory for a moment: start until it works.
  for (int attempt = 0;; attempt++)
  {
    try
    {
      Start();
      return;
    }
    catch (const std::runtime_error&)
    {
      if (attempt == 20)
      {
        throw;
      }
      usleep(250'000);
    }
  }
}

std::string PostgresServer::NewDatabase()
{
  const std::string name = "test" + std::to_string(++databases_);
  RunOrThrow({(Binaries() / "createdb").string(), "-h", "127.0.0.1", "-p", std::to_string(port_), "-U",
              "clinic", name});
  return name;
}

std::string PostgresServer::Url(const std::string& database) const
{
  return "postgresql://clinic@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string PostgresServer::Log() const
{
  return ReadFile(directory_.Path() / "log");
}
}  // namespace OrthancClinic::Testing
