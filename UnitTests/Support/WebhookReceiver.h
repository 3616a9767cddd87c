// SPDX-License-Identifier: GPL-3.0-or-later
//
// A receiver of webhooks as strict as the real ones: the dental CRM's (a Bearer secret, its fields), or one
// that verifies by the Standard Webhooks specification. What it refuses is answered 401 or 400, and kept for
// the test to see. What is right it takes, or answers as the test says.

#pragma once

#include <json/value.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "Support/HttpServer.h"

namespace OrthancClinic::Testing
{
class WebhookReceiver
{
public:
  // What is answered to a call that is right; nothing: it is taken. Called from several threads.
  using Behaviour = std::function<std::optional<ServedReply>(const Json::Value& body)>;

  // A "whsec_…" secret: Standard Webhooks; another one: the CRM's.
  explicit WebhookReceiver(std::string secret, Behaviour behaviour = {});

  // From now on it knows this secret alone.
  void SetSecret(const std::string& secret);
  void Behave(Behaviour behaviour);

  // Nobody listens until it comes back, on the same port.
  void GoAway();
  void ComeBack();

  std::string Url() const;
  std::vector<Json::Value> Taken() const;     // bodies, in the order of the answers; each message once
  std::vector<Json::Value> Calls() const;     // of all calls that were right
  int Repeated() const { return repeated_; }  // messages that had been taken already
  std::vector<std::string> Refusals() const;  // why
  std::vector<ServedRequest> Requests() const;

private:
  ServedReply Answer(const ServedRequest& request);
  // Empty if the call is right.
  std::string FindFault(const ServedRequest& request, const std::string& secret) const;

  mutable std::mutex mutex_;
  std::string secret_;  // guarded by mutex_, as what follows
  Behaviour behaviour_;
  std::vector<Json::Value> taken_;
  std::vector<std::string> takenIds_;
  std::vector<Json::Value> calls_;
  std::vector<std::string> refusals_;
  std::vector<ServedRequest> requests_;
  std::atomic<int> repeated_{0};
  uint16_t port_ = 0;
  std::unique_ptr<HttpServer> server_;
};
}  // namespace OrthancClinic::Testing
