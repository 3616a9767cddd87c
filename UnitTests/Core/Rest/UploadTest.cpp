// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Upload.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "Core/Errors.h"
#include "Core/Rest/Router.h"
#include "Core/Rest/Translations.h"
#include "Support/Files.h"

namespace OrthancClinic
{
namespace
{
namespace fs = std::filesystem;

constexpr const char* FORM_TYPE = "multipart/form-data; boundary=b";

std::string FormBody()
{
  return "--b\r\nContent-Disposition: form-data; name=\"patient_id\"\r\n\r\np-1\r\n"
         "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"CD/IM 1.dcm\"\r\n"
         "Content-Type: Application/DICOM; x=y\r\n\r\n\1\2\r\n3\r\n"
         "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"?\"; "
         "filename*=UTF-8''%C3%A9.dcm\r\n\r\n"
         "\r\n--b--\r\n";
}

TEST(Upload, GivesThePartsOfAForm)
{
  const Testing::TemporaryDirectory folder;
  UploadReader reader(folder.Path().string(), FORM_TYPE);
  for (const char c : FormBody())
  {
    reader.Add({&c, 1});
  }
  const auto upload = reader.Finish();

  EXPECT_EQ("p-1", upload->Field("patient_id"));
  EXPECT_EQ(std::nullopt, upload->FindField("order_id"));
  const auto files = upload->Files();
  ASSERT_EQ(2, files.size());
  EXPECT_EQ("CD/IM 1.dcm", files[0].fileName);
  EXPECT_EQ("application/dicom", files[0].contentType);
  EXPECT_EQ("\1\2\r\n3", upload->Read(files[0]));
  EXPECT_EQ("\xC3\xA9.dcm", files[1].fileName);
  EXPECT_EQ("", upload->Read(files[1]));
  EXPECT_TRUE(fs::is_empty(folder.Path())) << "what is not kept has no name";

  upload->File().Keep((folder.Path() / "kept").string());
  EXPECT_THAT(Testing::ReadFile(folder.Path() / "kept"), ::testing::HasSubstr("p-1"));
  EXPECT_THROW(upload->File().Keep((folder.Path() / "kept").string()), Unavailable);
}

TEST(Upload, GivesNamesAndFieldsInUtf8WhateverTheClientSends)
{
  const Testing::TemporaryDirectory folder;
  UploadReader reader(folder.Path().string(), FORM_TYPE);
  reader.Add(
      "--b\r\nContent-Disposition: form-data; name=\"notes\"\r\n\r\nC\xF4t\xE9\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"R\xF6ntgen.dcm\"\r\n\r\n1\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\xE5\xBD\xB1.dcm\"\r\n\r\n2\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''a%00%FFb\r\n\r\n3\r\n--b--");
  const auto upload = reader.Finish();
  EXPECT_EQ("Côté", upload->Field("notes"));
  const auto files = upload->Files();
  ASSERT_EQ(3, files.size());
  EXPECT_EQ("Röntgen.dcm", files[0].fileName);
  EXPECT_EQ("影.dcm", files[1].fileName);
  EXPECT_EQ("a ÿb", files[2].fileName);
}

TEST(Upload, GivesABodyThatIsNoFormAsOneFile)
{
  const Testing::TemporaryDirectory folder;
  UploadReader reader(folder.Path().string(), "application/zip");
  reader.Add("PK");
  const auto upload = reader.Finish();
  ASSERT_EQ(1, upload->Files().size());
  EXPECT_EQ("PK", upload->Read(upload->Files().front()));
  EXPECT_EQ("application/zip", upload->Files().front().contentType);
}

TEST(Upload, RefusesWhatIsNoForm)
{
  const Testing::TemporaryDirectory folder;
  EXPECT_THROW(UploadReader(folder.Path().string(), "multipart/form-data"), BadInput);
  UploadReader cut(folder.Path().string(), FORM_TYPE);
  cut.Add(FormBody().substr(0, 60));
  EXPECT_THROW(cut.Finish(), BadInput);
  UploadReader nameless(folder.Path().string(), FORM_TYPE);
  EXPECT_THROW(nameless.Add("--b\r\n\r\nx\r\n--b--"), BadInput);
}

TEST(Upload, IsRefusedInTheCallersLanguageWhereThereIsNoPlace)
{
  try
  {
    UploadReader("/proc/uploads", FORM_TYPE);
    FAIL();
  }
  catch (const Unavailable& error)
  {
    EXPECT_THAT(Translations::Get().Translate(error.what(), "fr"),
                ::testing::StartsWith("Il n’y a pas de place pour un envoi : "));
  }
}

class UploadRoute : public ::testing::Test
{
protected:
  UploadRoute()
      : router_({.authenticate =
                     [](const HttpRequest& request)
                 {
                   if (FindHeader(request, "authorization").empty())
                   {
                     throw Forbidden("Sign in first");
                   }
                   return Principal();
                 },
                 .audit = [](const auto&) {},
                 .logError = [](const std::string&) {}})
  {
    router_.SetUploadFolder(folder_.Path().string());
    router_.Add({.method = HttpMethod::Post,
                 .path = "/api/v1/things/{id}",
                 .permission = Permission::WriteImages,
                 .summary = "Upload",
                 .upload = true,
                 .maxBody = 10,
                 .handler = [](const Request& request) {
                   return Response::Text(request.GetUpload().Field("a") + request.Path("id"), "text/plain");
                 }});
  }

  HttpRequest Head(const std::string& length = "") const
  {
    HttpRequest head{.method = HttpMethod::Post, .path = "/api/v1/things/7"};
    head.headers["authorization"] = "x";
    if (!length.empty())
    {
      head.headers["content-length"] = length;
    }
    return head;
  }

  int Status(HttpRequest head, const std::vector<std::string>& pieces) const
  {
    const auto incoming = router_.Receive(std::move(head));
    for (const std::string& piece : pieces)
    {
      incoming->Add(piece);
    }
    return incoming->Finish().status;
  }

  const Testing::TemporaryDirectory folder_;
  Router router_;
};

TEST_F(UploadRoute, IsAnsweredWhenAllOfItHasCome)
{
  EXPECT_TRUE(router_.IsUpload(HttpMethod::Post, "/api/v1/things/7"));
  EXPECT_FALSE(router_.IsUpload(HttpMethod::Get, "/api/v1/things/7"));
  EXPECT_FALSE(router_.IsUpload(HttpMethod::Post, "/api/v1/things"));
  const auto incoming = router_.Receive(Head("4"));
  incoming->Add("ab");
  incoming->Add("cd");
  const HttpResponse response = incoming->Finish();
  EXPECT_EQ(200, response.status);
  EXPECT_EQ("7", response.body);
  HttpRequest whole = Head();
  whole.body = "abc";
  EXPECT_EQ(200, router_.Dispatch(whole).status);
}

TEST_F(UploadRoute, IsRefusedInTheCallersLanguage)
{
  HttpRequest head = Head("4");
  head.headers["accept-language"] = "es";
  const auto incoming = router_.Receive(std::move(head));
  incoming->Add("abc");
  const HttpResponse response = incoming->Finish();
  EXPECT_EQ("es", response.headers.at("Content-Language"));
  EXPECT_NE(std::string::npos, response.body.find("El envío se interrumpió")) << response.body;
}

TEST_F(UploadRoute, IsRefusedWithTheReason)
{
  HttpRequest stranger = Head();
  stranger.headers.clear();
  EXPECT_EQ(401, Status(stranger, {"a"}));
  EXPECT_EQ(413, Status(Head("11"), {"a"}));
  EXPECT_EQ(413, Status(Head(), {"123456", "789012"}));
  EXPECT_EQ(400, Status(Head("5"), {"a"})) << "cut off";
  EXPECT_EQ(400, Status(Head(), {}));
  HttpRequest elsewhere = Head();
  elsewhere.path = "/api/v1/nothing";
  EXPECT_EQ(404, Status(elsewhere, {"a"}));
  HttpRequest form = Head();
  form.headers["content-type"] = "multipart/form-data";
  EXPECT_EQ(400, Status(form, {"a"}));
}
}  // namespace
}  // namespace OrthancClinic
