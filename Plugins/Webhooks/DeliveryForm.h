// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a receiver gets: the dental CRM's form, and that of the Standard Webhooks specification 1.0.0
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

#pragma once

#include <json/value.h>

#include <optional>
#include <string>

#include "Core/Http/HttpClient.h"
#include "Core/Records/Study.h"
#include "Core/Timestamp.h"
#include "EndpointStore.h"

namespace OrthancClinic::Webhooks
{
// Nothing if the secret fits the form, else what is expected. "Symmetric: 24 to 64 bytes, base64 encoded,
// prefixed with whsec_"; a Bearer secret is what stands in a header.
std::optional<std::string> FindFault(Form form, const std::string& secret);

std::string NewSecret(Form form);
std::string NewMessageId();  // without a full stop, which separates what is signed

// "v1,<base64 of HMAC-SHA256 of id.timestamp.body>". `secret` is a "whsec_…" without fault.
std::string Signature(const std::string& secret, const std::string& id, int64_t timestamp,
                      const std::string& body);

// The call of one attempt, made now.
HttpCall MakeCall(const Endpoint& endpoint, const std::string& messageId, const std::string& body,
                  Timestamp now);

std::string StandardBody(const std::string& event, Timestamp at, const std::string& practiceId,
                         const Json::Value& data);

// Who decided is told as "machine" or "person", not by name.
std::string CrmBody(const std::string& orthancInstanceId, const std::string& crmUserId, const Study& study);

// What a person's test sends.
std::string TestBody(const Endpoint& endpoint, const std::string& crmUserId, Timestamp now);

// Empty if the answer says that it was taken, else why not.
std::string FindFault(Form form, const HttpReply& reply);
}  // namespace OrthancClinic::Webhooks
