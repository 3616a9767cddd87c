// SPDX-License-Identifier: GPL-3.0-or-later
//
// A real S3 server: Ceph's object gateway, started by Resources/ceph.sh. One for the whole test program.

#pragma once

#include <json/value.h>

#include <memory>
#include <string>

#include "Support/Files.h"
#include "Support/Process.h"

namespace OrthancClinic::Testing
{
class CephServer
{
public:
  static constexpr const char* REGION = "ca-central-1";

  // Whether Debian's packages are there.
  static bool IsInstalled();

  // Started at the first call (some 15 seconds), ended with the program. Throws if it does not start.
  static CephServer& Shared();

  CephServer();

  std::string Url() const;
  uint16_t Port() const { return port_; }

  // Makes a bucket, with Object Lock if asked, and gives its name.
  std::string NewBucket(bool withLock = false);

  // A call signed by curl's own command, apart from our code: prints the body.
  Finished Call(const std::vector<std::string>& arguments, const std::string& path) const;

  // What `"Clinic": {"Replication": {"Targets": […]}}` needs for this bucket.
  Json::Value Target(const std::string& name, const std::string& bucket) const;

private:
  TemporaryDirectory directory_;
  uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
  int buckets_ = 0;
};
}  // namespace OrthancClinic::Testing
