// SPDX-License-Identifier: GPL-3.0-or-later
//
// Copies in a folder, of a NAS for instance: written to a temporary file, synchronised, read back, renamed.

#pragma once

#include <boost/filesystem.hpp>

#include "Target.h"

namespace OrthancClinic::Replication
{
class DirectoryTarget : public ITarget
{
public:
  explicit DirectoryTarget(const TargetOptions& options);

  void Check() override;
  std::string Put(const std::string& key, IContent& content, const std::string& contentType,
                  const UploadMemory& memory, const std::function<bool()>& isCancelled) override;
  bool PutNew(const std::string& key, IContent& content, const std::string& contentType,
              const std::function<bool()>& isCancelled) override;
  std::optional<std::string> Get(const std::string& key) override;
  void Delete(const std::string& key) override;
  void Tidy(Timestamp) override {}  // what is left of a killed process is a hidden file of a few kilobytes
  void List(const std::string& folder, const std::function<void(const std::string&, int64_t)>& each) override;

private:
  const boost::filesystem::path root_;
};
}  // namespace OrthancClinic::Replication
