// SPDX-License-Identifier: GPL-3.0-or-later
//
// Starts the bundle's background threads: each has a name that `top -H` shows.

#pragma once

#include <functional>
#include <string>
#include <thread>

#include "Core/Api.h"

namespace OrthancClinic
{
// `name` is at most 15 characters. `body` must not throw. Signals are blocked in the thread: they belong to
// Orthanc.
ORTHANC_CLINIC_API std::thread StartThread(const std::string& name, std::function<void()> body);
}  // namespace OrthancClinic
