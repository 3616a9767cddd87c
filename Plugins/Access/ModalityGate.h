// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which AE titles may send images, and which have called without being known. Decides in memory, on the store
// path; writes behind it.

#pragma once

#include <json/value.h>

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "Core/Database/Database.h"
#include "Core/Rest/Router.h"
#include "Core/Thread.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Access
{
class ModalityGate
{
public:
  static constexpr uint16_t NOT_AUTHORIZED = 0x0124;  // PS3.7 C.5.12

  // `modalities` is Orthanc's DicomModalities.
  ModalityGate(Database& database, const Json::Value& modalities, bool strict);

  void Start();
  void Stop();

  // 0, or the DIMSE status of the refusal.
  uint16_t Decide(const std::string& callingAe);

  void AddRoutes(Router& router);

private:
  void Refresh();

  Database& database_;
  std::set<std::string> configured_;
  const bool strict_;
  std::mutex mutex_;
  std::set<std::string> known_;
  std::map<std::string, int64_t>
      unknown_;            // that called since the last refresh, and how many instances they sent
  PeriodicThread thread_;  // last: it uses the others
};
}  // namespace OrthancClinic::Access
