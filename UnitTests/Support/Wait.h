// SPDX-License-Identifier: GPL-3.0-or-later
//
// Waiting for something that another process does.

#pragma once

#include <chrono>
#include <functional>

namespace OrthancClinic::Testing
{
// Asks `predicate` every 20 ms until it holds; false when it still does not after `timeout`.
bool WaitUntil(const std::function<bool()>& predicate,
               std::chrono::milliseconds timeout = std::chrono::seconds(20));
}  // namespace OrthancClinic::Testing
