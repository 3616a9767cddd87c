// SPDX-License-Identifier: GPL-3.0-or-later
//
// What Azure does and Azurite does not: the end-to-end tests speak to the latter.

#include "Replication/AzureTarget.h"

#include <gmock/gmock.h>

#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Tasks/TaskWorkers.h"
#include "Support/HttpServer.h"

namespace OrthancClinic::Replication
{
namespace
{
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Testing::HttpServer;
using ::testing::Pair;
using Testing::ServedReply;
using Testing::ServedRequest;

constexpr const char* KEY = "a key";
constexpr size_t MEBIBYTE = 1 << 20;

const UploadMemory NOTHING{.recall = [] { return std::nullopt; }, .remember = [](const std::string&) {}};

bool Never()
{
  return false;
}

std::string Base64Md5(const std::string& bytes)
{
  Digest digest(Digest::Algorithm::Md5);
  digest.Add(bytes);
  return ToBase64(digest.Bytes());
}

ServedReply Refuse(int status, const std::string& code, std::map<std::string, std::string> headers = {})
{
  headers["x-ms-error-code"] = code;
  return {.status = status,
          .body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>" + code + "</Code></Error>",
          .contentType = "application/xml",
          .headers = headers};
}

// An account that refuses what Azure would refuse, and otherwise answers as the test says.
class Account
{
public:
  explicit Account(HttpServer::Handler handler, std::string replication = "Standard_LRS",
                   std::string publicAccess = "")
      : handler_(std::move(handler)),
        replication_(std::move(replication)),
        publicAccess_(std::move(publicAccess)),
        server_([this](const ServedRequest& request) { return Answer(request); })
  {
  }

  TargetOptions Options() const
  {
    TargetOptions options;
    options.name = "quebec";
    options.type = TargetType::Azure;
    options.endpoint = server_.Url("/clinic");
    options.region = "canadaeast";
    options.bucket = "images";
    options.accessKey = "clinic";
    options.secretKey = ToBase64(KEY);
    options.partMebibytes = 5;
    options.timeout = std::chrono::seconds(10);
    return options;
  }

  std::vector<ServedRequest> Requests() const { return server_.Requests(); }

private:
  ServedReply Answer(const ServedRequest& request)
  {
    HttpHeaders signedHeaders;
    std::string proof;
    for (const auto& [name, value] : request.headers)
    {
      if (name == "authorization")
      {
        proof = value;
      }
      else if (name != "content-length")
      {
        signedHeaders.emplace_back(name, value);
      }
    }
    const std::string text = StringToSign("clinic", request.method, server_.Url(request.target),
                                          signedHeaders, request.body.size());
    if (proof != "SharedKey clinic:" + ToBase64(HmacSha256(KEY, text)))
    {
      return Refuse(403, "AuthenticationFailed");
    }
    if (const auto md5 = request.headers.find("content-md5");
        md5 != request.headers.end() && md5->second != Base64Md5(request.body))
    {
      return Refuse(400, "Md5Mismatch");
    }
    if (request.target.ends_with("?restype=container"))
    {
      ServedReply reply{.status = 200};
      if (!publicAccess_.empty())
      {
        reply.headers["x-ms-blob-public-access"] = publicAccess_;
      }
      return reply;
    }
    if (request.target.find("restype=account") != std::string::npos)
    {
      return {.status = 200, .headers = {{"x-ms-sku-name", replication_}}};
    }
    return handler_(request);
  }

  const HttpServer::Handler handler_;
  const std::string replication_;
  const std::string publicAccess_;
  HttpServer server_;
};

ServedReply Take(const ServedRequest& request)
{
  return {.status = 201, .headers = {{"Content-MD5", Base64Md5(request.body)}}};
}

// What Put says; empty if it is satisfied.
std::string Put(const TargetOptions& options, const std::string& bytes,
                std::optional<std::chrono::seconds>* retryAfter = nullptr)
{
  try
  {
    AzureTarget(options, {}).Put("key", *MakeContent(bytes), "application/dicom", NOTHING, Never);
    return "";
  }
  catch (const Unavailable& error)
  {
    if (retryAfter != nullptr)
    {
      *retryAfter = error.RetryAfter();
    }
    return error.what();
  }
  catch (const PermanentFailure& error)
  {
    return std::string("for ever: ") + error.what();
  }
}

std::string Check(const TargetOptions& options, const ResidencyPolicy& policy = {})
{
  try
  {
    AzureTarget(options, policy).Check();
    return "";
  }
  catch (const Forbidden& error)
  {
    return error.what();
  }
}

TEST(AzureTarget, TakesAnObjectWithItsChecksum)
{
  const Account account(&Take);
  EXPECT_EQ("", Put(account.Options(), "bytes"));
  ServedRequest put = account.Requests().back();
  EXPECT_EQ("PUT", put.method);
  EXPECT_EQ("/clinic/images/key", put.target);
  EXPECT_EQ("bytes", put.body);
  EXPECT_EQ("BlockBlob", put.headers["x-ms-blob-type"]);
  EXPECT_EQ("application/dicom", put.headers["x-ms-blob-content-type"]);
}

TEST(AzureTarget, SaysWhatABadAnswerMeans)
{
  struct Case
  {
    int status;
    const char* code;
    const char* meaning;
  };
  for (const Case& item :
       {Case{403, "AuthenticationFailed", "the account key is wrong, or the clock of this machine"},
        Case{403, "AuthorizationFailure", "the account's firewall does not let this machine in"},
        Case{404, "ContainerNotFound", "there is no such container"},
        Case{400, "Md5Mismatch", "is Orthanc's file damaged?"},
        Case{409, "BlobImmutableDueToPolicy", "the container's immutability policy forbids it"},
        Case{500, "OperationTimedOut", "the object store answered 500 OperationTimedOut"},
        Case{413, "RequestBodyTooLarge", "for ever: Storing an object: the object store answered 413"},
        Case{503, "ServerBusy", "the object store answered 503 ServerBusy"}})
  {
    const Account account(
        [&](const ServedRequest&) {
          return Refuse(item.status, item.code, {{"Retry-After", "7"}});
        });
    std::optional<std::chrono::seconds> retryAfter;
    EXPECT_THAT(Put(account.Options(), "bytes", &retryAfter), HasSubstr(item.meaning)) << item.code;
    EXPECT_EQ(item.status >= 500, retryAfter == std::chrono::seconds(7)) << item.code;
  }
  const Account account(&Take);
  TargetOptions options = account.Options();
  options.secretKey = ToBase64("another");
  EXPECT_THAT(Put(options, "bytes"), HasSubstr("403"));
}

TEST(AzureTarget, BelievesNoStoreThatTookAnotherThing)
{
  const auto takeWrong = [](const ServedRequest& request)
  {
    return request.method == "GET"
               ? Refuse(404, "BlobNotFound")
               : ServedReply{.status = 201, .headers = {{"Content-MD5", Base64Md5("no")}}};
  };
  const Account wrong(takeWrong);
  EXPECT_THAT(Put(wrong.Options(), "bytes"), HasSubstr("checksum differs"));
  EXPECT_THAT(Put(wrong.Options(), std::string(6 * MEBIBYTE, 'x')), HasSubstr("checksum differs"))
      << "of a part";
  const Account silent([](const ServedRequest&) { return ServedReply{.status = 201}; });
  EXPECT_THAT(Put(silent.Options(), "bytes"), HasSubstr("checksum differs"));
}

TEST(AzureTarget, TriesAgainWhereAPartWasLost)
{
  const Account account(
      [](const ServedRequest& request)
      {
        return request.method == "GET"                                      ? Refuse(404, "BlobNotFound")
               : request.target.find("comp=blocklist") == std::string::npos ? Take(request)
                                                                            : Refuse(400, "InvalidBlockList");
      });
  EXPECT_THAT(Put(account.Options(), std::string(6 * MEBIBYTE, 'x')),
              HasSubstr("Ending an upload: the object store answered 400 InvalidBlockList"));
}

TEST(AzureTarget, KnowsWhereASecondCopyIs)
{
  for (const char* replication : {"Standard_LRS", "Standard_ZRS", "Premium_LRS"})
  {
    const Account account(&Take, replication);
    EXPECT_EQ("", Check(account.Options())) << replication;
  }
  for (const char* replication : {"Standard_GRS", "Standard_RAGRS", "Standard_GZRS", "Standard_RAGZRS"})
  {
    const Account account(&Take, replication);
    TargetOptions options = account.Options();
    EXPECT_THAT(Check(options), HasSubstr(replication));
    EXPECT_EQ("", Check(options, ResidencyPolicy{"CA"})) << replication;
    options.assessment = "PIA-1";
    EXPECT_EQ("", Check(options)) << replication;
  }
}

TEST(AzureTarget, SendsNothingWhereItMustNotBe)
{
  const Account account(&Take);
  struct Case
  {
    const char* region;
    const char* declared;
    const char* assessment;
    const char* why;
  };
  for (const Case& item :
       {Case{"eastus", "", "", "eastus"}, Case{"eastus", "QC", "PIA-1", "declared"},
        Case{"", "", "", "The region  of the host"}, Case{"canadacentral", "", "", "impact assessment"},
        Case{"canadacentral", "QC", "PIA-1", "declared as QC"}})
  {
    TargetOptions options = account.Options();
    options.region = item.region;
    options.jurisdiction = item.declared;
    options.assessment = item.assessment;
    EXPECT_THAT(Check(options), HasSubstr(item.why)) << item.region;
    EXPECT_THROW(AzureTarget(options, {}).Put("key", *MakeContent("x"), "text/plain", NOTHING, Never),
                 Forbidden);
  }
  EXPECT_TRUE(account.Requests().empty());
  const Account open(&Take, "Standard_LRS", "container");
  EXPECT_THAT(Check(open.Options()), HasSubstr("Anybody may read the container"));
}

TEST(AzureTarget, ListsPageByPage)
{
  const Account account(
      [](const ServedRequest& request)
      {
        const bool isFirst = request.target.find("marker=") == std::string::npos;
        return ServedReply{
            .body = isFirst ? "<EnumerationResults><Blobs>"
                              "<Blob><Name>clinic/1.2/manifest.000001.json</Name>"
                              "<Properties><Content-Length>7</Content-Length></Properties></Blob>"
                              "<BlobPrefix><Name>clinic/1.2/3/</Name></BlobPrefix>"
                              "</Blobs><NextMarker>next one</NextMarker></EnumerationResults>"
                            : "<EnumerationResults><Blobs><BlobPrefix><Name>clinic/1.2/4/</Name></BlobPrefix>"
                              "</Blobs><NextMarker /></EnumerationResults>",
            .contentType = "application/xml"};
      });
  TargetOptions options = account.Options();
  options.prefix = "clinic";
  std::vector<std::pair<std::string, int64_t>> found;
  AzureTarget(options, {})
      .List("1.2/", [&](const std::string& name, int64_t size) { found.emplace_back(name, size); });
  EXPECT_THAT(found, ElementsAre(Pair("manifest.000001.json", 7), Pair("3/", 0), Pair("4/", 0)));
}

TEST(AzureTarget, TellsAnAbsentObjectFromAnAbsentContainer)
{
  const Account absent([](const ServedRequest&) { return Refuse(404, "BlobNotFound"); });
  EXPECT_EQ(std::nullopt, AzureTarget(absent.Options(), {}).Get("key"));
  EXPECT_NO_THROW(AzureTarget(absent.Options(), {}).Delete("key"));
  const Account none([](const ServedRequest&) { return Refuse(404, "ContainerNotFound"); });
  EXPECT_THROW(AzureTarget(none.Options(), {}).Get("key"), Unavailable) << "that is no lost copy";
  EXPECT_THROW(AzureTarget(none.Options(), {}).Delete("key"), Unavailable);
}

TEST(AzureTarget, OverwritesNoManifest)
{
  const Account account(
      [](const ServedRequest& request) {
        return request.headers.contains("if-none-match") ? Refuse(409, "BlobAlreadyExists") : Take(request);
      });
  EXPECT_FALSE(AzureTarget(account.Options(), {}).PutNew("key", *MakeContent("{}"), "text/plain", Never));
  const Account leased([](const ServedRequest&) { return Refuse(409, "ContainerBeingDeleted"); });
  EXPECT_THROW(AzureTarget(leased.Options(), {}).PutNew("key", *MakeContent("{}"), "text/plain", Never),
               Unavailable);
}
}  // namespace
}  // namespace OrthancClinic::Replication
