// SPDX-License-Identifier: GPL-3.0-or-later

#include "IncomingSender.h"

#include <charconv>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/LetterCase.h"
#include "StandardWebhooks.h"

namespace OrthancClinic::Webhooks
{
namespace
{
constexpr std::string_view BEARER = "bearer ";
constexpr auto TOLERANCE = std::chrono::minutes(5);
constexpr size_t SHORTEST_SECRET = 16;
constexpr size_t MOST_SIGNATURES = 16;  // of a sender that rotates

// What signs: a secret of another form is the key itself.
std::string SigningKeyOf(const std::string& secret)
{
  return secret.starts_with(SECRET_PREFIX) ? KeyOf(secret).value_or("") : secret;
}

// The token of "Authorization: Bearer …"; empty without it.
std::string BearerOf(const HttpRequest& request)
{
  const std::string header = FindHeader(request, "authorization");
  return ToLower(header.substr(0, BEARER.size())) == BEARER ? header.substr(BEARER.size()) : "";
}

struct Signed
{
  std::string text;                     // what is signed: id.timestamp.body
  std::vector<std::string> signatures;  // those of version 1
};

// Nothing if the request is not signed, or was long ago.
std::optional<Signed> ReadSigned(const HttpRequest& request, Timestamp now)
{
  const std::string id = FindHeader(request, "webhook-id");
  const std::string time = FindHeader(request, "webhook-timestamp");
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(time.data(), time.data() + time.size(), seconds);
  if (id.empty() || error != std::errc() || end != time.data() + time.size())
  {
    return std::nullopt;
  }
  const int64_t present = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const int64_t tolerance = std::chrono::seconds(TOLERANCE).count();
  if (seconds < present - tolerance || seconds > present + tolerance)
  {
    return std::nullopt;
  }
  Signed read;
  read.text = id + "." + time + "." + request.body;
  const std::string header = FindHeader(request, "webhook-signature");
  std::string_view rest = header;
  while (!rest.empty() && read.signatures.size() < MOST_SIGNATURES)
  {
    const size_t space = rest.find(' ');
    const std::string_view one = rest.substr(0, space);
    if (one.starts_with("v1,"))
    {
      read.signatures.emplace_back(one.substr(3));
    }
    rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
  }
  return read;
}
}  // namespace

Json::Value ToJson(const IncomingSender& sender)
{
  Json::Value json;
  json["id"] = sender.id;
  json["practice_id"] = OrNull(sender.practiceId);
  json["has_secret"] = true;
  json["updated_at"] = ToString(sender.updatedAt);
  return json;
}

std::optional<std::string> FindFaultOfSecret(const std::string& secret)
{
  if (secret.starts_with(SECRET_PREFIX))
  {
    return KeyOf(secret) ? std::nullopt
                         : std::optional<std::string>("expected 24 to 64 bytes in base64 after \"whsec_\"");
  }
  return secret.size() >= SHORTEST_SECRET
             ? std::nullopt
             : std::optional<std::string>("expected at least 16 characters, or \"whsec_\" and base64");
}

std::optional<Principal> FindSender(const HttpRequest& request, const std::vector<IncomingSender>& senders,
                                    Timestamp now)
{
  const std::string bearer = BearerOf(request);
  const std::string bearerHash = Sha256Of(bearer);  // so that not even the length of a secret is told
  const auto signedText = ReadSigned(request, now);
  Grants grants;
  std::string name;
  for (const IncomingSender& sender : senders)
  {
    bool proves = !bearer.empty() & AreEqual(bearerHash, Sha256Of(sender.secret));
    if (signedText)
    {
      const std::string key = SigningKeyOf(sender.secret);
      const std::string expected = Sign(key, signedText->text);
      for (const std::string& signature : signedText->signatures)
      {
        proves |= !key.empty() & AreEqual(expected, signature);
      }
    }
    if (proves)
    {
      name = name.empty() ? sender.id : name;
      for (const Permission permission :
           {Permission::WritePatients, Permission::WriteAppointments, Permission::WriteOrders})
      {
        grants.Add(sender.practiceId.empty() ? Grants::EVERYWHERE : sender.practiceId, permission);
      }
    }
  }
  if (name.empty())
  {
    return std::nullopt;
  }
  return Principal{.name = "webhook:" + name,
                   .remoteAddress = request.remoteAddress,
                   .grants = std::make_shared<const Grants>(grants)};
}
}  // namespace OrthancClinic::Webhooks
