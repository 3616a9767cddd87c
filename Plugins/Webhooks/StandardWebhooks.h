// SPDX-License-Identifier: GPL-3.0-or-later
//
// Secrets and signatures of the Standard Webhooks specification 1.0.0, in both directions
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace OrthancClinic::Webhooks
{
// "Symmetric: 24 to 64 bytes, base64 encoded, prefixed with whsec_".
constexpr std::string_view SECRET_PREFIX = "whsec_";
constexpr size_t SHORTEST_KEY = 24;
constexpr size_t LONGEST_KEY = 64;

// The bytes of a "whsec_…"; nothing if it is none of that form.
std::optional<std::string> KeyOf(const std::string& secret);

// Base64 of the HMAC-SHA256 of `signedText`, which is id.timestamp.body.
std::string Sign(const std::string& key, const std::string& signedText);
}  // namespace OrthancClinic::Webhooks
