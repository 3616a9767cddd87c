// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the rooms write to the operator's log. Never patient data, never a secret. Host connects it to
// Orthanc's log; without Host (tests, tools) it goes to the standard error.

#pragma once

#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
enum class LogLevel
{
  Info,
  Warning,
  Error
};

using LogSink = void (*)(LogLevel level, const std::string& message);

// Thread-safe; nullptr for the standard error.
ORTHANC_CLINIC_API void SetLogSink(LogSink sink);

ORTHANC_CLINIC_API void LogInfo(const std::string& message) noexcept;
ORTHANC_CLINIC_API void LogWarning(const std::string& message) noexcept;
ORTHANC_CLINIC_API void LogError(const std::string& message) noexcept;
}  // namespace OrthancClinic
