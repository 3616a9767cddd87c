// SPDX-License-Identifier: GPL-3.0-or-later
//
// A child process of a test: started with its own process group, its output in a file, signalled and waited
// for with a time-out. It never outlives the test: it is killed in the destructor, and by the kernel if the
// test dies.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace OrthancClinic::Testing
{
class Process
{
public:
  struct Options
  {
    std::vector<std::string> arguments = {};              // the program (looked up in PATH) and its arguments
    std::map<std::string, std::string> environment = {};  // added to our own
    std::filesystem::path output = {};  // stdout and stderr are appended; empty: thrown away
  };

  // Starts the program. Throws std::runtime_error if that fails. The kernel's promise to kill it holds for
  // the thread that constructs: start it from a thread that lives as long as the process must.
  explicit Process(const Options& options);
  ~Process();  // kills the group and waits
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t Id() const { return id_; }

  bool IsRunning();

  // To the process alone, or to its whole group. Nothing happens when it has ended.
  void Signal(int signal);
  void SignalGroup(int signal);

  // The exit code, or 128 + the number of the signal that ended it; nothing when it still runs after
  // `timeout`.
  std::optional<int> Wait(std::chrono::milliseconds timeout = std::chrono::minutes(2));

  // SIGKILL to the group, and waits until it is gone.
  void Kill9();

private:
  pid_t id_ = -1;
  std::optional<int> exitCode_;
};

struct Finished
{
  int exitCode = 0;
  std::string output;
};

// Runs a program to its end and gives what it printed on stdout and stderr. Throws std::runtime_error when it
// still runs after `timeout`.
Finished RunProgram(const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& environment = {},
                    std::chrono::milliseconds timeout = std::chrono::minutes(2));
}  // namespace OrthancClinic::Testing
