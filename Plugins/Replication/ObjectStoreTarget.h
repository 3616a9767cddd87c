// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the targets in object stores share, whatever they speak (S3Target, AzureTarget): a store is looked at
// before it gets its first object, and daily; what is large goes in parts; and what a bad answer means.

#pragma once

#include <mutex>
#include <optional>
#include <pugixml.hpp>
#include <string>

#include "Core/Http/HttpClient.h"
#include "Core/Timestamp.h"
#include "Target.h"

namespace OrthancClinic::Replication
{
class ObjectStoreTarget : public ITarget
{
public:
  std::string Put(const std::string& key, IContent& content, const std::string& contentType,
                  const UploadMemory& memory, const std::function<bool()>& isCancelled) override;

protected:
  ObjectStoreTarget(const TargetOptions& options, const ResidencyPolicy& policy);

  // With what the configuration lets every key begin with.
  std::string FullKey(const std::string& key) const;

  // Check, unless that passed within the last day.
  void CheckOnce();

  // The size of a part where an object may have so many of them.
  size_t PartSize(size_t size, size_t mostParts) const;

  const TargetOptions options_;
  const ResidencyGuard guard_;
  HttpClient http_;

private:
  // Store the object under its full key, and return its SHA-256.
  virtual std::string PutWhole(const std::string& key, IContent& content, const std::string& contentType,
                               const std::function<bool()>& isCancelled) = 0;
  virtual std::string PutInParts(const std::string& key, IContent& content, const std::string& contentType,
                                 const UploadMemory& memory, const std::function<bool()>& isCancelled) = 0;

  std::mutex mutex_;
  std::optional<Timestamp> checkedAt_;  // guarded by mutex_
};

// Everything but A-Z a-z 0-9 - _ . ~ (and '/' in a path) is encoded.
std::string EncodeUri(const std::string& text, bool keepSlash);

std::string FromHexadecimal(const std::string& text);

// Empty if the reply has no such header; the name in lower case.
std::string HeaderOf(const HttpReply& reply, const char* name);

// Throws Unavailable if it is none.
pugi::xml_document ParseXml(const std::string& text);

// The store's word for what went wrong; empty if it gave none.
std::string ErrorCodeOf(const HttpReply& reply);

// The reply if it is a success; else throws Unavailable where another try, or an administrator, can help,
// PermanentFailure where they cannot. `what` begins the message: "Storing an object".
HttpReply Expect(HttpReply reply, const char* what);
}  // namespace OrthancClinic::Replication
