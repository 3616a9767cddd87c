// SPDX-License-Identifier: GPL-3.0-or-later

#include "StandardWebhooks.h"

#include "Core/Digest.h"

namespace OrthancClinic::Webhooks
{
std::optional<std::string> KeyOf(const std::string& secret)
{
  auto key = secret.starts_with(SECRET_PREFIX)
                 ? FromBase64(std::string_view(secret).substr(SECRET_PREFIX.size()))
                 : std::nullopt;
  return key && key->size() >= SHORTEST_KEY && key->size() <= LONGEST_KEY ? std::move(key) : std::nullopt;
}

std::string Sign(const std::string& key, const std::string& signedText)
{
  return ToBase64(HmacSha256(key, signedText));
}
}  // namespace OrthancClinic::Webhooks
