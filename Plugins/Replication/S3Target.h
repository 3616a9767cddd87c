// SPDX-License-Identifier: GPL-3.0-or-later
//
// Copies in an S3-compatible object store. Nothing is sent before the residency guard has let it pass and the
// bucket was seen to be in the region that is configured.

#pragma once

#include "AwsCredentials.h"
#include "ObjectStoreTarget.h"

namespace OrthancClinic::Replication
{
class S3Target : public ObjectStoreTarget
{
public:
  S3Target(const TargetOptions& options, const ResidencyPolicy& policy);

  void Check() override;
  bool PutNew(const std::string& key, IContent& content, const std::string& contentType,
              const std::function<bool()>& isCancelled) override;
  std::optional<std::string> Get(const std::string& key) override;
  void Delete(const std::string& key) override;
  void List(const std::string& folder, const std::function<void(const std::string&, int64_t)>& each) override;

  void Tidy(Timestamp before) override;

private:
  using Headers = HttpHeaders;

  std::string Url(const std::string& key, const std::string& query = "") const;
  HttpReply Call(const std::string& method, const std::string& url, std::string_view body = {},
                 Headers headers = {}, const std::string& sha256 = "UNSIGNED-PAYLOAD",
                 const std::function<bool()>& isCancelled = {});
  Headers StorageHeaders() const;
  void CompareETag(const HttpReply& reply, const std::string& md5) const;
  // The reply to a PUT of the whole object, whatever it is.
  HttpReply CallPut(const std::string& key, std::string_view bytes, const std::string& md5,
                    const std::string& sha256, Headers headers, const std::function<bool()>& isCancelled);
  std::string PutWhole(const std::string& key, IContent& content, const std::string& contentType,
                       const std::function<bool()>& isCancelled) override;
  std::string PutInParts(const std::string& key, IContent& content, const std::string& contentType,
                         const UploadMemory& memory, const std::function<bool()>& isCancelled) override;

  AwsCredentials credentials_;
};
}  // namespace OrthancClinic::Replication
