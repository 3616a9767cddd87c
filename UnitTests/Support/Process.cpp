// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/Process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "Support/Files.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
std::vector<char*> Pointers(std::vector<std::string>& texts)
{
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts)
  {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> MergedEnvironment(const std::map<std::string, std::string>& added)
{
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry)
  {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('='))))
    {
      result.push_back(text);
    }
  }
  for (const auto& [name, value] : added)
  {
    result.push_back(name + "=" + value);
  }
  return result;
}
}  // namespace

Process::Process(const Options& options)
{
  // All memory is prepared before the fork: between fork and exec only async-signal-safe calls are allowed.
  std::vector<std::string> arguments = options.arguments;
  std::vector<std::string> environment = MergedEnvironment(options.environment);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  const std::string output = options.output.empty() ? "/dev/null" : options.output.string();
  const pid_t parent = getpid();

  id_ = fork();
  if (id_ < 0)
  {
    throw std::system_error(errno, std::generic_category(), "fork");
  }
  if (id_ == 0)
  {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
    {
      _exit(126);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int in = open("/dev/null", O_RDONLY);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    closefrom(3);
    execvpe(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  setpgid(id_, id_);  // also here, so that it holds when we return
}

Process::~Process()
{
  Kill9();
}

bool Process::IsRunning()
{
  if (!exitCode_)
  {
    int status = 0;
    const pid_t ended = waitpid(id_, &status, WNOHANG);
    if (ended == id_)
    {
      exitCode_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
  return !exitCode_;
}

void Process::Signal(int signal)
{
  if (IsRunning())
  {
    kill(id_, signal);
  }
}

void Process::SignalGroup(int signal)
{
  if (IsRunning())
  {
    kill(-id_, signal);
  }
}

std::optional<int> Process::Wait(std::chrono::milliseconds timeout)
{
  WaitUntil([this] { return !IsRunning(); }, timeout);
  return exitCode_;
}

void Process::Kill9()
{
  SignalGroup(SIGKILL);
  Wait();
}

Finished RunProgram(const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& environment, std::chrono::milliseconds timeout)
{
  const TemporaryDirectory directory;
  Process process(
      {.arguments = arguments, .environment = environment, .output = directory.Path() / "output"});
  const std::optional<int> exitCode = process.Wait(timeout);
  if (!exitCode)
  {
    throw std::runtime_error(arguments.front() + " does not end");
  }
  return {.exitCode = *exitCode, .output = ReadFile(directory.Path() / "output")};
}
}  // namespace OrthancClinic::Testing
