// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which studies a request may see: those of the caller's practices, and those that its browser has opened by
// links.

#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "Core/Rest/RateLimit.h"
#include "Core/Rest/Router.h"
#include "LinkStore.h"

namespace OrthancClinic::Viewer
{
// Thread-safe.
class Opening
{
public:
  static constexpr const char* COOKIE = "clinic_viewer";

  explicit Opening(Database& database) : database_(database), attempts_(MOST_ATTEMPTS) {}

  // Links are opened so often from one address; throws TooManyRequests.
  void LimitAttempts(const std::string& address);

  // Who may see a study, and why they may: for the audit trail. Throws NotFound if nobody lets them, the
  // study is not known, or two studies have the UID. `permission` is ReadImages, or WriteMeasurements to
  // store some.
  AuditEntry Require(const Request& request, const std::string& studyUid, Permission permission);

  // The studies that links have opened in this browser; at most one second old.
  std::vector<Link> LinksOf(const Request& request);

  // After a change of the links.
  void Forget();

private:
  static constexpr int MOST_ATTEMPTS = 60;  // in a minute

  Database& database_;
  RateLimit attempts_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::pair<Timestamp, std::vector<Link>>> sessions_;
  std::unordered_map<std::string, std::pair<Timestamp, LinkedStudy>> studies_;

  LinkedStudy FindStudy(const std::string& uid);
};
}  // namespace OrthancClinic::Viewer
