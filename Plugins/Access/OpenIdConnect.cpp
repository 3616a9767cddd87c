// SPDX-License-Identifier: GPL-3.0-or-later

#include "OpenIdConnect.h"

#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/LetterCase.h"
#include "Core/Rest/Http.h"

namespace OrthancClinic::Access
{
namespace
{
constexpr auto DISCOVERY_LIFE = std::chrono::hours(1);
constexpr auto SKEW = std::chrono::seconds(60);
constexpr size_t LARGEST_ANSWER = 1 << 20;

std::string ToBase64Url(std::string text)
{
  text = ToBase64(text);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.erase(std::min(text.find('='), text.size()));
  return text;
}

std::string FromBase64Url(std::string text)
{
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  auto bytes = FromBase64(text);
  if (!bytes)
  {
    throw Forbidden("the provider's token or key cannot be read");
  }
  return *std::move(bytes);
}

template <typename Type, void (*Free)(Type*)>
using Owned = std::unique_ptr<Type, decltype([](Type* value) { Free(value); })>;

// A JSON Web Key (RFC 7517) as PEM, which libjwt reads.
std::string ToPem(const Json::Value& key)
{
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  Owned<BIGNUM, BN_free> modulus;
  Owned<BIGNUM, BN_free> exponent;
  std::string point;
  const bool isRsa = key["kty"] == "RSA";
  bool good = isRsa || (key["kty"] == "EC" && key["crv"] == "P-256");
  if (isRsa)
  {
    const auto number = [&](const char* name)
    {
      const std::string bytes = FromBase64Url(key[name].asString());
      return BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()),
                       nullptr);
    };
    modulus.reset(number("n"));
    exponent.reset(number("e"));
    good = OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) == 1 &&
           OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) == 1 &&
           BN_num_bits(modulus.get()) >= 2048;
  }
  else if (good)
  {
    point = "\x04" + FromBase64Url(key["x"].asString()) + FromBase64Url(key["y"].asString());
    good = OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
           OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                            point.size()) == 1;
  }
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(good ? OSSL_PARAM_BLD_to_param(builder.get())
                                                           : nullptr);
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, isRsa ? "RSA" : "EC", nullptr));
  EVP_PKEY* made = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
  {
    throw Forbidden("the provider's key is of a kind that is not known here");
  }
  const Owned<EVP_PKEY, EVP_PKEY_free> owned(made);
  const Owned<BIO, BIO_free_all> memory(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PUBKEY(memory.get(), made) != 1)
  {
    throw Forbidden("the provider's key cannot be used");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<size_t>(size)};
}

// What may be a user's name here.
std::string ToName(const std::string& text)
{
  for (const char c : text)
  {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || !(std::isalnum(byte) || c == '.' || c == '_' || c == '-' || c == '@'))
    {
      throw Forbidden("the provider's name for the user cannot be used here");
    }
  }
  if (text.empty() || text.size() > 128)
  {
    throw Forbidden("the provider gives no name for the user");
  }
  return ToLower(text);
}
}  // namespace

OpenIdConnect::OpenIdConnect(const OidcOptions& options)
    : options_(options),
      http_({.timeout = std::chrono::seconds(15),
             .largestBody = LARGEST_ANSWER,
             .certificateAuthorities = options.certificateAuthorities})
{
}

OpenIdConnect::Attempt OpenIdConnect::NewAttempt()
{
  return {RandomSecret(), RandomSecret(), RandomSecret()};
}

Json::Value OpenIdConnect::FetchJson(const HttpCall& call)
{
  const HttpReply reply = http_.Send(call);
  if (reply.status != 200)
  {
    throw Unavailable("the provider answers " + std::to_string(reply.status));
  }
  try
  {
    return ParseJson(reply.body);
  }
  catch (const BadInput&)
  {
    throw Unavailable("the provider's answer is no JSON");
  }
}

// https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
Json::Value OpenIdConnect::Discover()
{
  {
    const std::lock_guard lock(mutex_);
    if (!discovered_.isNull() && Now() - discoveredAt_ < DISCOVERY_LIFE)
    {
      return discovered_;
    }
  }
  std::string url = options_.issuer;
  url += url.ends_with('/') ? "" : "/";
  const Json::Value document = FetchJson({.url = url + ".well-known/openid-configuration"});
  if (document["issuer"] != options_.issuer)
  {
    throw Unavailable("the provider calls itself otherwise than Clinic.Access.OpenIdConnect.Issuer");
  }
  for (const char* name : {"authorization_endpoint", "token_endpoint", "jwks_uri"})
  {
    if (!document[name].isString())
    {
      throw Unavailable(std::string("the provider's discovery document has no ") + name);
    }
  }
  const std::lock_guard lock(mutex_);
  discovered_ = document;
  discoveredAt_ = Now();
  return document;
}

std::string OpenIdConnect::AuthorizationUrl(const Attempt& attempt)
{
  const std::string endpoint = Discover()["authorization_endpoint"].asString();
  Digest digest(Digest::Algorithm::Sha256);
  digest.Add(attempt.verifier);
  return endpoint + (endpoint.find('?') == std::string::npos ? "?" : "&") +
         "response_type=code&client_id=" + EncodeQueryText(options_.clientId) +
         "&redirect_uri=" + EncodeQueryText(options_.redirectUri) +
         "&scope=" + EncodeQueryText(options_.scope) + "&state=" + attempt.state + "&nonce=" + attempt.nonce +
         "&code_challenge=" + ToBase64Url(digest.Bytes()) + "&code_challenge_method=S256";
}

// The key that signed, as PEM; an unknown id makes it look once more whether the provider has new ones.
std::string OpenIdConnect::FindKey(const std::string& keyId, const std::string& algorithm)
{
  const std::string type = algorithm == "RS256" ? "RSA" : algorithm == "ES256" ? "EC" : "";
  if (type.empty())
  {
    throw Forbidden("the ID token is signed in a way that is not accepted");
  }
  const auto find = [&](const Json::Value& keys) -> Json::Value
  {
    for (const Json::Value& key : keys)
    {
      if (key["kty"] == type && (key["kid"].asString() == keyId || keyId.empty()) &&
          (!key["use"].isString() || key["use"] == "sig"))
      {
        return key;
      }
    }
    return {};
  };
  Json::Value key;
  {
    const std::lock_guard lock(mutex_);
    key = find(keys_);
  }
  if (key.isNull())
  {
    const Json::Value fetched = FetchJson({.url = Discover()["jwks_uri"].asString()});
    const std::lock_guard lock(mutex_);
    keys_ = fetched["keys"];
    key = find(keys_);
  }
  if (key.isNull())
  {
    throw Forbidden("the ID token is signed by a key that the provider does not name");
  }
  return ToPem(key);
}

Json::Value OpenIdConnect::Claims(const std::string& idToken)
{
  const size_t dot = idToken.find('.');
  Json::Value header;
  try
  {
    header = ParseJson(FromBase64Url(idToken.substr(0, dot)));
  }
  catch (const BadInput&)
  {
    throw Forbidden("the provider's ID token cannot be read");
  }
  const std::string algorithm = header["alg"].asString();
  const std::string pem = FindKey(header["kid"].asString(), algorithm);
  jwt_t* raw = nullptr;
  if (jwt_decode(&raw, idToken.c_str(), reinterpret_cast<const unsigned char*>(pem.data()),
                 static_cast<int>(pem.size())) != 0)
  {
    throw Forbidden("the ID token's signature is not the provider's");
  }
  const Owned<jwt_t, jwt_free> jwt(raw);
  const std::unique_ptr<char, void (*)(void*)> text(jwt_get_grants_json(raw, nullptr), std::free);
  if (algorithm != jwt_alg_str(jwt_get_alg(raw)) || !text)
  {
    throw Forbidden("the provider's ID token cannot be read");
  }
  return ParseJson(text.get());
}

OpenIdConnect::Identity OpenIdConnect::Finish(const Attempt& attempt, const std::string& code)
{
  const std::string body = "grant_type=authorization_code&code=" + EncodeQueryText(code) +
                           "&redirect_uri=" + EncodeQueryText(options_.redirectUri) +
                           "&client_id=" + EncodeQueryText(options_.clientId) +
                           "&code_verifier=" + attempt.verifier;
  HttpCall call{.method = "POST", .url = Discover()["token_endpoint"].asString()};
  call.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  if (!options_.clientSecret.empty())
  {
    // RFC 6749 s. 2.3.1: both are form-encoded first.
    call.headers.emplace_back("Authorization", "Basic " + ToBase64(EncodeQueryText(options_.clientId) + ":" +
                                                                   EncodeQueryText(options_.clientSecret)));
  }
  call.body = body;
  const Json::Value claims = Claims(FetchJson(call)["id_token"].asString());

  const auto has = [](const Json::Value& oneOrMany, const std::string& wanted)
  {
    if (!oneOrMany.isArray())
    {
      return oneOrMany == wanted;
    }
    return std::any_of(oneOrMany.begin(), oneOrMany.end(),
                       [&](const Json::Value& one) { return one == wanted; });
  };
  const Timestamp expires =
      claims["exp"].isIntegral() ? Timestamp(std::chrono::seconds(claims["exp"].asInt64())) : Timestamp{};
  if (claims["iss"] != options_.issuer || !has(claims["aud"], options_.clientId))
  {
    throw Forbidden("the ID token is of another provider, or for somebody else");
  }
  if (expires + SKEW < Now() || !AreEqual(claims["nonce"].asString(), attempt.nonce))
  {
    throw Forbidden("the ID token has expired, or was given for another sign-in");
  }

  Identity identity;
  identity.name = ToName(claims[options_.nameClaim].asString());
  identity.displayName = claims["name"].asString();
  for (const auto& [value, assignments] : options_.roles)
  {
    if (has(claims[options_.roleClaim], value))
    {
      identity.roles.insert(identity.roles.end(), assignments.begin(), assignments.end());
    }
  }
  if (identity.roles.empty())
  {
    throw Forbidden("the provider gives the user no role that is known here");
  }
  return identity;
}
}  // namespace OrthancClinic::Access
