// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/WebhookReceiver.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <sstream>

#include "Support/Files.h"
#include "Support/HttpClient.h"

namespace OrthancClinic::Testing
{
namespace
{
constexpr int TOLERANCE = 300;  // seconds

std::string Base64(const std::string& bytes)
{
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  text.resize(static_cast<size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                                  reinterpret_cast<const unsigned char*>(bytes.data()),
                                                  static_cast<int>(bytes.size()))));
  return text;
}

std::string FromBase64Text(const std::string& text)
{
  std::string bytes(text.size(), '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  const auto padding = std::count(text.begin(), text.end(), '=');
  bytes.resize(static_cast<size_t>(std::max<long>(size - padding, 0)));
  return bytes;
}

std::string Sign(const std::string& secret, const std::string& content)
{
  const std::string key = FromBase64Text(secret.substr(6));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest, &size);
  return "v1," + Base64(std::string(reinterpret_cast<const char*>(digest), size));
}

std::string Header(const ServedRequest& request, const std::string& name)
{
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

bool IsStandard(const std::string& secret)
{
  return secret.starts_with("whsec_");
}
}  // namespace

WebhookReceiver::WebhookReceiver(std::string secret, Behaviour behaviour)
    // The kernel could give a port of its own choice to some connection while the receiver is away.
    : secret_(std::move(secret)), behaviour_(std::move(behaviour)), port_(FreePort())
{
  ComeBack();
}

void WebhookReceiver::SetSecret(const std::string& secret)
{
  const std::lock_guard lock(mutex_);
  secret_ = secret;
}

void WebhookReceiver::Behave(Behaviour behaviour)
{
  const std::lock_guard lock(mutex_);
  behaviour_ = std::move(behaviour);
}

void WebhookReceiver::GoAway()
{
  server_.reset();
}

void WebhookReceiver::ComeBack()
{
  server_ =
      std::make_unique<HttpServer>([this](const ServedRequest& request) { return Answer(request); }, port_);
  port_ = server_->Port();
}

std::string WebhookReceiver::Url() const
{
  return "http://127.0.0.1:" + std::to_string(port_) + "/hook";
}

std::vector<Json::Value> WebhookReceiver::Taken() const
{
  const std::lock_guard lock(mutex_);
  return taken_;
}

std::vector<Json::Value> WebhookReceiver::Calls() const
{
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::vector<std::string> WebhookReceiver::Refusals() const
{
  const std::lock_guard lock(mutex_);
  return refusals_;
}

std::vector<ServedRequest> WebhookReceiver::Requests() const
{
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::string WebhookReceiver::FindFault(const ServedRequest& request, const std::string& secret) const
{
  if (request.method != "POST" || Header(request, "content-type") != "application/json")
  {
    return "no POST of JSON";
  }
  Json::Value body;
  try
  {
    body = ParseJsonText(request.body);
  }
  catch (const std::runtime_error&)
  {
    return "the body is no JSON";
  }
  if (!IsStandard(secret))
  {
    return Header(request, "authorization") != "Bearer " + secret        ? "not authorized"
           : !body["event"].isString() || !body["resourceId"].isString() ? "event or resourceId is missing"
           : body["userId"].asString().empty()                           ? "userId is missing"
                                                                         : "";
  }
  const std::string id = Header(request, "webhook-id");
  const std::string timestamp = Header(request, "webhook-timestamp");
  if (id.empty() || id.find('.') != std::string::npos || timestamp.empty() ||
      timestamp.find_first_not_of("0123456789") != std::string::npos ||
      std::abs(std::stoll(timestamp) - std::time(nullptr)) > TOLERANCE)
  {
    return "webhook-id or webhook-timestamp";
  }
  if (!body["type"].isString() || !body["timestamp"].isString() || !body["data"].isObject())
  {
    return "type, timestamp or data is missing";
  }
  const std::string expected = Sign(secret, id + "." + timestamp + "." + request.body);
  std::istringstream signatures(Header(request, "webhook-signature"));
  for (std::string signature; std::getline(signatures, signature, ' ');)
  {
    if (signature == expected)
    {
      return "";
    }
  }
  return "the signature is wrong";
}

ServedReply WebhookReceiver::Answer(const ServedRequest& request)
{
  Behaviour behaviour;
  std::string secret;
  {
    const std::lock_guard lock(mutex_);
    behaviour = behaviour_;
    secret = secret_;
    requests_.push_back(request);
  }
  if (const std::string fault = FindFault(request, secret); !fault.empty())
  {
    const std::lock_guard lock(mutex_);
    refusals_.push_back(fault);
    return {.status = 401, .body = R"({"error": "Unauthorized"})"};
  }
  const Json::Value body = ParseJsonText(request.body);
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(body);
  }
  if (behaviour)
  {
    if (auto reply = behaviour(body))
    {
      return *std::move(reply);
    }
  }
  const std::string id = IsStandard(secret) ? Header(request, "webhook-id") : body["resourceId"].asString();
  const std::lock_guard lock(mutex_);
  if (std::find(takenIds_.begin(), takenIds_.end(), id) != takenIds_.end())
  {
    repeated_++;
  }
  else
  {
    takenIds_.push_back(id);
    taken_.push_back(body);
  }
  return IsStandard(secret) ? ServedReply{.status = 204}
                            : ServedReply{.body = R"({"success": true, "message": "Webhook received"})"};
}
}  // namespace OrthancClinic::Testing
