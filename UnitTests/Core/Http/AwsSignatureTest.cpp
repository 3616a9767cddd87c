// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/AwsSignature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "Core/Digest.h"

namespace OrthancClinic
{
namespace
{
std::string Authorization(const std::string& method, const std::string& url, HttpHeaders headers)
{
  const AwsSignature signature{"us-east-1", "AKIAIOSFODNN7EXAMPLE",
                               "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
  headers = Sign(signature, method, url, std::move(headers), *ParseTimestamp("2013-05-24T00:00:00Z"));
  return headers.back().second;
}

// The examples of docs.aws.amazon.com, "Signature Calculations for the Authorization Header".
TEST(AwsSignature, IsWhatAwsPublishes)
{
  const std::string host = "https://examplebucket.s3.amazonaws.com";
  struct Case
  {
    const char* method;
    std::string path;
    HttpHeaders headers;
    const char* signature;
  };
  const std::string empty = Sha256Of("");
  for (const Case& item : {Case{"GET",
                                "/test.txt",
                                {{"Range", "bytes=0-9"}, {"x-amz-content-sha256", empty}},
                                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
                           Case{"PUT",
                                "/test%24file.text",
                                {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                 {"x-amz-content-sha256", Sha256Of("Welcome to Amazon S3.")}},
                                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
                           Case{"GET",
                                "?lifecycle=",
                                {{"x-amz-content-sha256", empty}},
                                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
                           Case{"GET",
                                "/?max-keys=2&prefix=J",
                                {{"x-amz-content-sha256", empty}},
                                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"}})
  {
    EXPECT_THAT(Authorization(item.method, host + item.path, item.headers),
                ::testing::EndsWith(std::string("Signature=") + item.signature));
  }
}

TEST(AwsSignature, KnowsWhatTheHostHeaderWillBe)
{
  const HttpHeaders headers = {{"x-amz-content-sha256", Sha256Of("")}};
  EXPECT_EQ(Authorization("GET", "https://s3.example.org/", headers),
            Authorization("GET", "https://s3.example.org:443/", headers));
  EXPECT_NE(Authorization("GET", "https://s3.example.org/", headers),
            Authorization("GET", "https://s3.example.org:8443/", headers));
}

TEST(AwsSignature, SortsByTheNamesOfTheHeaders)
{
  EXPECT_THAT(
      Authorization("PUT", "http://127.0.0.1:9000/bucket/key",
                    {{"x-amz-server-side-encryption-aws-kms-key-id", "key"},
                     {"X-Amz-Server-Side-Encryption", "aws:kms"},
                     {"x-amz-content-sha256", Sha256Of("")}}),
      ::testing::HasSubstr("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-server-side-encryption;"
                           "x-amz-server-side-encryption-aws-kms-key-id,"));
}
}  // namespace
}  // namespace OrthancClinic
