// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/Storescu.h"

#include <optional>
#include <sstream>

namespace OrthancClinic::Testing
{
StoreResult ParseStorescuOutput(const std::string& output)
{
  static const std::string sending = "I: Sending file: ";
  StoreResult result;
  result.output = output;
  std::optional<std::string> current;
  const auto finish = [&](bool acknowledged)
  {
    if (current)
    {
      (acknowledged ? result.acknowledged : result.failed).emplace_back(*current);
      current.reset();
    }
  };

  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);)
  {
    const size_t start = line.find(sending);
    if (start != std::string::npos)
    {
      finish(false);
      current = line.substr(start + sending.size());
    }
    else if (line.find("I: Received Store Response (Success)") != std::string::npos)
    {
      finish(true);
    }
  }
  finish(false);
  return result;
}

Storescu::Storescu(const Options& options, const std::vector<std::filesystem::path>& filesOrFolders)
{
  std::vector<std::string> arguments = {"storescu",  "--verbose",
                                        "--no-halt", "--required",
                                        "+sd",       "+r",
                                        "-aet",      options.callingAe,
                                        "-aec",      options.calledAe,
                                        "127.0.0.1", std::to_string(options.port)};
  arguments.insert(arguments.end(), filesOrFolders.begin(), filesOrFolders.end());
  process_ = std::make_unique<Process>(
      Process::Options{.arguments = std::move(arguments),
                       .environment = {{"TCP_NODELAY", options.noDelay ? "1" : "0"}},
                       .output = directory_.Path() / "output"});
}

size_t Storescu::AcknowledgedSoFar() const
{
  return ParseStorescuOutput(ReadFile(directory_.Path() / "output")).acknowledged.size();
}

StoreResult Storescu::Wait()
{
  const std::optional<int> exitCode = process_->Wait();
  if (!exitCode)
  {
    process_->Kill9();
  }
  StoreResult result = ParseStorescuOutput(ReadFile(directory_.Path() / "output"));
  result.exitCode = exitCode.value_or(-1);
  return result;
}

StoreResult Store(const Storescu::Options& options, const std::vector<std::filesystem::path>& filesOrFolders)
{
  return Storescu(options, filesOrFolders).Wait();
}
}  // namespace OrthancClinic::Testing
