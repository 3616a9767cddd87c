// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Log.h"

#include <atomic>
#include <iostream>

namespace OrthancClinic
{
namespace
{
void WriteToStandardError(LogLevel level, const std::string& message)
{
  static constexpr const char* NAMES[] = {"I ", "W ", "E "};
  std::cerr << NAMES[static_cast<int>(level)] + message + "\n";
}

std::atomic<LogSink> sink_{&WriteToStandardError};

void Write(LogLevel level, const std::string& message) noexcept
{
  try
  {
    sink_.load()(level, message);
  }
  catch (...)
  {
    // A log that cannot be written has nobody left to tell.
  }
}
}  // namespace

void SetLogSink(LogSink sink)
{
  sink_ = (sink != nullptr) ? sink : &WriteToStandardError;
}

void LogInfo(const std::string& message) noexcept
{
  Write(LogLevel::Info, message);
}

void LogWarning(const std::string& message) noexcept
{
  Write(LogLevel::Warning, message);
}

void LogError(const std::string& message) noexcept
{
  Write(LogLevel::Error, message);
}
}  // namespace OrthancClinic
