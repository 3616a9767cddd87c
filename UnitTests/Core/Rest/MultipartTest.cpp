// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Multipart.h"

#include <gtest/gtest.h>

#include "Core/Errors.h"

namespace OrthancClinic
{
TEST(Multipart, GivesThePartsWithTheirHeaders)
{
  const auto parts =
      ParseMultipart("multipart/form-data; boundary=\"x y\"",
                     "preamble\r\n--x y\r\nContent-Disposition: form-data; name=\"file\"; "
                     "filename=\"a;\\\"b.dcm\"\r\nCONTENT-type:  text/plain \r\n\r\none\r\n--two\r\n"
                     "--x y\r\n\r\n\r\n--x y--\r\nepilogue");
  ASSERT_EQ(2, parts.size());
  EXPECT_EQ("one\r\n--two", parts[0].body);
  EXPECT_EQ("text/plain", parts[0].headers.at("content-type"));
  EXPECT_EQ("file", HeaderParameter(parts[0].headers.at("content-disposition"), "name"));
  EXPECT_EQ("a;\"b.dcm", HeaderParameter(parts[0].headers.at("content-disposition"), "filename"));
  EXPECT_EQ("", parts[1].body);
  EXPECT_TRUE(parts[1].headers.empty());
}

TEST(Multipart, KeepsTheFoldersOfWindowsInANameAsBrowsersSendThem)
{
  EXPECT_EQ("C:\\CD\\\"1\".dcm", HeaderParameter(R"(form-data; filename="C:\CD\\\"1\".dcm")", "filename"));
}

TEST(Multipart, RefusesWhatIsNone)
{
  const std::string type = "multipart/related; boundary=b";
  for (const char* body :
       {"", "--b", "--b\r\n", "--b\r\n\r\nx", "--b\r\n\r\nx\r\n--b", "--b\r\nA: b\r\nx\r\n--b--",
        "--b\r\nno colon\r\n\r\nx\r\n--b--", "x\r\n--c\r\n\r\nx\r\n--c--"})
  {
    EXPECT_THROW(ParseMultipart(type, body), BadInput) << body;
  }
  for (const char* bad :
       {"", "multipart/related", "application/json; boundary=b", "multipart/related; boundary="})
  {
    EXPECT_THROW(ParseMultipart(bad, "--b\r\n\r\nx\r\n--b--"), BadInput) << bad;
  }
  EXPECT_THROW(ParseMultipart("multipart/related; boundary=" + std::string(71, 'b'), "--b--"), BadInput);
  EXPECT_EQ(0, ParseMultipart(type, "--b--").size());
}

// Whatever is cut off or changed gives an error or parts, and no crash.
TEST(Multipart, StandsAnything)
{
  const std::string whole = "--b\r\nA: c\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n";
  for (size_t cut = 0; cut < whole.size(); cut++)
  {
    for (const char change : {'\r', '\n', '-', 'b', ':', '\0'})
    {
      std::string changed = whole;
      changed[cut] = change;
      for (const std::string& body : {changed, whole.substr(0, cut), whole.substr(cut)})
      {
        try
        {
          ParseMultipart("multipart/mixed; boundary=b", body);
        }
        catch (const BadInput&)
        {
          continue;
        }
      }
    }
  }
}

// However the body is cut into pieces, the parts are the same.
TEST(MultipartReader, DoesNotDependOnThePieces)
{
  const std::string body =
      "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--\r\n--x\r\n--b\r\n\r\n\r\n--b  \r\nA: "
      "c\r\n\r\n" +
      std::string(1000, '\r') + "\r\n--b--\r\nepilogue";
  const auto whole = ParseMultipart("multipart/form-data; boundary=b", body);
  ASSERT_EQ(3, whole.size());
  EXPECT_EQ("\r\n--\r\n--x", whole[0].body);
  for (size_t piece = 1; piece < 40; piece++)
  {
    std::vector<std::string> bodies;
    size_t ended = 0;
    MultipartReader reader("multipart/form-data; boundary=b",
                           {.begin = [&](const auto&) { bodies.emplace_back(); },
                            .data = [&](std::string_view bytes) { bodies.back() += bytes; },
                            .end = [&] { ended++; }});
    for (size_t at = 0; at < body.size(); at += piece)
    {
      reader.Add(std::string_view(body).substr(at, piece));
    }
    reader.Finish();
    ASSERT_EQ(3, bodies.size());
    EXPECT_EQ(3, ended);
    for (size_t i = 0; i < 3; i++)
    {
      EXPECT_EQ(whole[i].body, bodies[i]) << piece;
    }
  }
}
}  // namespace OrthancClinic
