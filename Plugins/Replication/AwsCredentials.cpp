// SPDX-License-Identifier: GPL-3.0-or-later

#include "AwsCredentials.h"

#include <cstdlib>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic::Replication
{
namespace
{
// docs.aws.amazon.com, "Use the Instance Metadata Service to access instance metadata" and "Retrieve security
// credentials from instance metadata": the keys of a role are renewed at the latest five minutes before they
// expire.
constexpr const char* METADATA = "http://169.254.169.254";
constexpr const char* ROLE_PATH = "/latest/meta-data/iam/security-credentials/";
constexpr std::chrono::minutes BEFORE_EXPIRY(5);

std::string Environment(const char* name)
{
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}
}  // namespace

AwsCredentials::AwsCredentials(const TargetOptions& options)
    : ofRole_(options.credentials == "InstanceRole"),
      http_({.connectTimeout = std::chrono::seconds(2), .timeout = std::chrono::seconds(5)})
{
  if (options.credentials == "Environment")
  {
    keys_ = {Environment("AWS_ACCESS_KEY_ID"), Environment("AWS_SECRET_ACCESS_KEY"),
             Environment("AWS_SESSION_TOKEN")};
    if (keys_.accessKey.empty() || keys_.secretKey.empty())
    {
      throw BadInput(
          "Clinic.Replication.Targets: the Credentials of a target are those of the Environment, expected: "
          "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
  }
  else
  {
    keys_ = {options.accessKey, options.secretKey, ""};
  }
}

AwsKeys AwsCredentials::Get()
{
  const std::lock_guard lock(mutex_);
  if (ofRole_ && (!expireAt_ || Now() >= *expireAt_ - BEFORE_EXPIRY))
  {
    try
    {
      keys_ = AskForRole();
    }
    catch (const Unavailable&)
    {
      if (!expireAt_ || Now() >= *expireAt_)
      {
        throw;
      }  // else they are still good, and the next call asks again
    }
  }
  return keys_;
}

AwsKeys AwsCredentials::AskForRole()
{
  std::string service = Environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  service = service.empty() ? METADATA : service;
  service.erase(service.find_last_not_of('/') + 1);
  const auto ask = [&](const HttpCall& call)
  {
    HttpReply reply = http_.Send(call);
    if (reply.status != 200)
    {
      throw Unavailable("The instance metadata service answered " + std::to_string(reply.status) +
                        ": has this machine a role?");
    }
    return std::move(reply.body);
  };
  const std::string token = ask({.method = "PUT",
                                 .url = service + "/latest/api/token",
                                 .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "60"}}});
  const std::vector<std::pair<std::string, std::string>> headers = {{"X-aws-ec2-metadata-token", token}};
  std::string role = ask({.url = service + ROLE_PATH, .headers = headers});
  role = role.substr(0, role.find_first_of("\r\n"));
  try
  {
    const Json::Value json = ParseJson(ask({.url = service + ROLE_PATH + role, .headers = headers}));
    const auto text = [&](const char* name)
    {
      if (!json[name].isString())
      {
        throw BadInput("");
      }
      return json[name].asString();
    };
    const AwsKeys keys{text("AccessKeyId"), text("SecretAccessKey"), text("Token")};
    expireAt_ = ParseTimestamp(text("Expiration")).value_or(Now());
    return keys;
  }
  catch (const BadInput&)
  {
    throw Unavailable("The instance metadata service gives no keys");
  }
}
}  // namespace OrthancClinic::Replication
