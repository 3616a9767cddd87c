// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/AzureSignature.h"

#include <gtest/gtest.h>

#include "Core/Digest.h"

namespace OrthancClinic
{
namespace
{
// The examples of learn.microsoft.com, "Authorize with Shared Key".
TEST(AzureSignature, SignsWhatMicrosoftPublishes)
{
  const std::string host = "https://myaccount.blob.core.windows.net";
  const HttpHeaders first = {{"x-ms-date", "Sun, 11 Oct 2009 21:49:13 GMT"}, {"x-ms-version", "2009-09-19"}};
  const HttpHeaders second = {{"x-ms-version", "2015-02-21"}, {"x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"}};
  struct Case
  {
    const char* method;
    std::string path;
    HttpHeaders headers;
    const char* text;
  };
  for (const Case& item :
       {Case{"GET", "/mycontainer?restype=container&comp=metadata&timeout=20", first,
             "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Sun, 11 Oct 2009 21:49:13 GMT\nx-ms-version:2009-09-19\n"
             "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"},
        Case{"PUT", "/mycontainer?restype=container&timeout=30", second,
             "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
             "/myaccount/mycontainer\nrestype:container\ntimeout:30"},
        Case{"GET",
             "/mycontainer?restype=container&comp=metadata",
             {},
             "GET\n\n\n\n\n\n\n\n\n\n\n\n/myaccount/mycontainer\ncomp:metadata\nrestype:container"},
        Case{"GET",
             "/mycontainer?restype=container&comp=list&include=snapshots&include=metadata&"
             "include=uncommittedblobs",
             {},
             "GET\n\n\n\n\n\n\n\n\n\n\n\n/myaccount/mycontainer\ncomp:list\n"
             "include:metadata,snapshots,uncommittedblobs\nrestype:container"},
        Case{"GET", "/mycontainer/myblob", {}, "GET\n\n\n\n\n\n\n\n\n\n\n\n/myaccount/mycontainer/myblob"}})
  {
    EXPECT_EQ(item.text, StringToSign("myaccount", item.method, host + item.path, item.headers, 0));
  }
}

TEST(AzureSignature, HasEveryHeaderInItsPlace)
{
  EXPECT_EQ(
      "PUT\nencoding\nlanguage\n11\nmd5\ntype\n\nmodified\nmatch\n*\nunmodified\nbytes=0-9\n"
      "x-ms-blob-type:BlockBlob\nx-ms-date:now\n/clinic/clinic/images/a%20b\nblockid:MDE=\ncomp:block",
      StringToSign("clinic", "PUT", "http://127.0.0.1:10000/clinic/images/a%20b?comp=block&BlockId=MDE%3D",
                   {{"Range", "bytes=0-9"},
                    {"If-Unmodified-Since", "unmodified"},
                    {"If-None-Match", "*"},
                    {"If-Match", "match"},
                    {"If-Modified-Since", "modified"},
                    {"Content-Type", "type"},
                    {"Content-MD5", "md5"},
                    {"Content-Language", "language"},
                    {"Content-Encoding", "encoding"},
                    {"X-Ms-Date", "now"},
                    {"x-ms-blob-type", "BlockBlob"}},
                   11));
  EXPECT_EQ("GET\n\n\n\n\n\n\n\n\n\n\n\n/clinic/", StringToSign("clinic", "GET", "https://host", {}, 0));
}

TEST(AzureSignature, GivesTheDateAndTheProof)
{
  const AzureSignature signature{"clinic", "key"};
  const std::string url = "https://clinic.blob.core.windows.net/images";
  const HttpHeaders headers = Sign(signature, "GET", url, {{"x-ms-version", "2021-12-02"}}, 0,
                                   *ParseTimestamp("2009-10-11T21:49:13Z"));
  ASSERT_EQ(3u, headers.size());
  EXPECT_EQ("x-ms-date", headers[1].first);
  EXPECT_EQ("Sun, 11 Oct 2009 21:49:13 GMT", headers[1].second);
  EXPECT_EQ("Authorization", headers[2].first);
  EXPECT_EQ("SharedKey clinic:" +
                ToBase64(HmacSha256("key", StringToSign("clinic", "GET", url, {headers[0], headers[1]}, 0))),
            headers[2].second);
}
}  // namespace
}  // namespace OrthancClinic
