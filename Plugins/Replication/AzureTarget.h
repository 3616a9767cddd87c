// SPDX-License-Identifier: GPL-3.0-or-later
//
// Copies in a container of Azure Blob Storage, as block blobs, by its REST API and the key of the account.
// Nothing is sent before the residency guard has let it pass. Azure does not tell a caller where an account
// is: its region is what the administrator says.

#pragma once

#include "Core/Http/AzureSignature.h"
#include "ObjectStoreTarget.h"

namespace OrthancClinic::Replication
{
class AzureTarget : public ObjectStoreTarget
{
public:
  AzureTarget(const TargetOptions& options, const ResidencyPolicy& policy);

  void Check() override;
  bool PutNew(const std::string& key, IContent& content, const std::string& contentType,
              const std::function<bool()>& isCancelled) override;
  std::optional<std::string> Get(const std::string& key) override;
  void Delete(const std::string& key) override;
  void Tidy(Timestamp) override {}  // Azure forgets after a week what was begun and not ended
  void List(const std::string& folder, const std::function<void(const std::string&, int64_t)>& each) override;

private:
  std::string Url(const std::string& key, const std::string& query = "") const;
  HttpReply Call(const std::string& method, const std::string& url, std::string_view body = {},
                 HttpHeaders headers = {}, const std::function<bool()>& isCancelled = {});
  // Sends bytes with their MD5, which Azure compares before it takes them.
  HttpReply CallPut(const std::string& url, std::string_view bytes, const std::string& md5,
                    HttpHeaders headers, const std::function<bool()>& isCancelled);
  HttpReply CallPutBlob(const std::string& key, std::string_view bytes, const std::string& md5,
                        HttpHeaders headers, const std::string& contentType,
                        const std::function<bool()>& isCancelled);
  std::string PutWhole(const std::string& key, IContent& content, const std::string& contentType,
                       const std::function<bool()>& isCancelled) override;
  std::string PutInParts(const std::string& key, IContent& content, const std::string& contentType,
                         const UploadMemory& memory, const std::function<bool()>& isCancelled) override;

  const AzureSignature signature_;
};
}  // namespace OrthancClinic::Replication
