// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/AwsSignature.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "Core/Digest.h"
#include "Core/LetterCase.h"

namespace OrthancClinic
{
HttpHeaders Sign(const AwsSignature& signature, const std::string& method, const std::string& url,
                 HttpHeaders headers, Timestamp now)
{
  std::string time = ToString(now);  // 2026-02-08T10:30:00.000Z
  time = time.substr(0, 4) + time.substr(5, 2) + time.substr(8, 5) + time.substr(14, 2) + time.substr(17, 2) +
         "Z";
  const size_t hostAt = url.find("://") + 3;
  const size_t pathAt = std::min(url.find_first_of("/?", hostAt), url.size());
  const size_t queryAt = std::min(url.find('?', pathAt), url.size());
  headers.emplace_back("x-amz-date", time);

  std::string host = url.substr(hostAt, pathAt - hostAt);
  const std::string defaultPort = url.starts_with("https") ? ":443" : ":80";  // which libcurl does not send
  host.resize(host.size() - (host.ends_with(defaultPort) ? defaultPort.size() : 0));
  std::map<std::string, std::string> sorted = {{"host", host}};
  for (const auto& [name, value] : headers)
  {
    sorted[ToLower(name)] = value;
  }
  std::string lines;
  std::string names;
  for (const auto& [name, value] : sorted)
  {
    lines += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string path = url.substr(pathAt, queryAt - pathAt);
  const std::string query = queryAt < url.size() ? url.substr(queryAt + 1) : "";
  const std::string request = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", method, path.empty() ? "/" : path, query,
                                          lines, names, sorted["x-amz-content-sha256"]);

  const std::string scope = time.substr(0, 8) + "/" + signature.region + "/s3/aws4_request";
  std::string key = "AWS4" + signature.secretKey;
  for (const std::string& part :
       {time.substr(0, 8), signature.region, std::string("s3"), std::string("aws4_request")})
  {
    key = HmacSha256(key, part);
  }
  const std::string proof =
      ToHexadecimal(HmacSha256(key, "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + Sha256Of(request)));
  headers.emplace_back("authorization",
                       fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                                   signature.accessKey, scope, names, proof));
  return headers;
}
}  // namespace OrthancClinic
