// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who may tell us something: who knows a practice's secret. They show it as it is (`Authorization: Bearer`),
// or sign with it by the Standard Webhooks specification 1.0.0.

#pragma once

#include <json/value.h>

#include <optional>
#include <string>
#include <vector>

#include "Core/Identity/Principal.h"
#include "Core/Rest/Http.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Webhooks
{
struct IncomingSender
{
  std::string id;
  std::string practiceId;  // empty: every practice
  std::string secret;      // "whsec_…", of which base64 stands for the key, or any other text
  Timestamp updatedAt{};
};

// Without its secret.
Json::Value ToJson(const IncomingSender& sender);

// Nothing if the secret will do, else what is expected.
std::optional<std::string> FindFaultOfSecret(const std::string& secret);

// The principal ("webhook:<id>") that the request proves to be, with what it may write in which practices;
// nothing if it proves nothing. Compares in constant time. A signature is valid for five minutes.
std::optional<Principal> FindSender(const HttpRequest& request, const std::vector<IncomingSender>& senders,
                                    Timestamp now);
}  // namespace OrthancClinic::Webhooks
