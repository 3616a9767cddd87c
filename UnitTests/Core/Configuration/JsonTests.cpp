// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Configuration/Json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "Core/Errors.h"

using namespace OrthancClinic;

namespace
{
std::string MessageFor(std::string_view text)
{
  try
  {
    ParseJson(text);
  }
  catch (const BadInput& e)
  {
    return e.what();
  }
  return "";
}
}  // namespace

TEST(Json, ReadsEveryKindOfValue)
{
  const Json::Value value = ParseJson(
      " {\"a\": [null, true, false, -0, 12, 1.5, 1e3, 9223372036854775807, 9223372036854775808],\t\r\n"
      "\"é\": \"\\u00e9\\ud83d\\ude00\\n\\/\"} ");

  EXPECT_EQ(
      WriteJson(value),
      "{\"a\":[null,true,false,0,12,1.5,1000,9223372036854775807,9.223372036854776e+18],\"é\":\"é😀\\n/\"}");
  EXPECT_EQ(value["a"][7].asInt64(), std::numeric_limits<int64_t>::max());
  EXPECT_FALSE(value["a"][8].isInt64());
}

TEST(Json, HasTextsThatMayBeMissing)
{
  const Json::Value json = ParseJson(R"({"a": "x", "b": 5})");
  EXPECT_EQ("x", TextOf(json, "a"));
  EXPECT_EQ("", TextOf(json, "b"));
  EXPECT_EQ("", TextOf(json, "c"));
  EXPECT_EQ("", TextOf(json["b"], "a"));
  EXPECT_EQ(Json::Value("x"), OrNull(TextOf(json, "a")));
  EXPECT_EQ(Json::Value(), OrNull(TextOf(json, "b")));
}

TEST(Json, TakesAScalarAsADocument)
{
  EXPECT_EQ(ParseJson("\"x\"").asString(), "x");
}

TEST(Json, RefusesWhatIsNotStrictJsonAndSaysWhere)
{
  struct Case
  {
    std::string text;
    std::string message;
  };
  using namespace std::string_literals;
  const std::vector<Case> cases = {{"", "line 1"},
                                   {"{\n  \"a\": 1,\n}", "line 3"},
                                   {"[1,]", "line 1"},
                                   {"[1 2]", "line 1"},
                                   {"[1", "line 1"},
                                   {"{\"a\" 1}", "line 1"},
                                   {"{\"a\":1", "line 1"},
                                   {"{} x", "line 1"},
                                   {"// c\n{}", "line 1"},
                                   {"{'a':1}", "line 1"},
                                   {"01", "line 1"},
                                   {"-", "line 1"},
                                   {"+1", "line 1"},
                                   {"1.", "line 1"},
                                   {".5", "line 1"},
                                   {"1e", "line 1"},
                                   {"1e999", "out of range"},
                                   {"-1e999", "out of range"},
                                   {std::string(400, '9'), "out of range"},
                                   {"NaN", "line 1"},
                                   {"Infinity", "line 1"},
                                   {"nul", "line 1"},
                                   {"nullx", "line 1"},
                                   {"\"a", "line 1"},
                                   {"\"\t\"", "line 1"},
                                   {"\"\0\""s, "NUL"},
                                   {"{}\0"s, "NUL"},
                                   {"\"\\u0000\"", "U+0000"},
                                   {"{\"\\u0000\":1}", "U+0000"},
                                   {"\"\\x\"", "line 1"},
                                   {"\"\\u12g4\"", "line 1"},
                                   {"\"\\u-123\"", "line 1"},
                                   {"\"\\u12", "line 1"},
                                   {"\"\\", "line 1"},
                                   {"\"\\ud800\"", "line 1"},
                                   {"\"\\ud800\\u0041\"", "line 1"},
                                   {"\"\\ud800\\n\"", "line 1"},
                                   {"\"\\udc00\"", "line 1"},
                                   {"\"é\xC3\"", "line 1"},
                                   {"\"\xC0\xAF\"", "line 1"},
                                   {"\"\xED\xA0\x80\"", "line 1"},
                                   {"\"\xF4\x90\x80\x80\"", "line 1"},
                                   {"\"\xFF\"", "line 1"},
                                   {"\xEF\xBB\xBF{}", "line 1"},
                                   {"{\"a\":1,\"a\":2}", "twice"}};

  for (const Case& c : cases)
  {
    EXPECT_THAT(MessageFor(c.text), ::testing::HasSubstr(c.message)) << c.text.substr(0, 40);
  }
}

TEST(Json, CountsDepth)
{
  EXPECT_NO_THROW(ParseJson(std::string(64, '[') + std::string(64, ']')));
  EXPECT_EQ(MessageFor(std::string(65, '[') + std::string(65, ']')), "nested too deeply (at most 64 levels)");
  EXPECT_NE(MessageFor(std::string(1000000, '[')), "");
  EXPECT_THROW(ParseJson("[[1]]", 1), BadInput);
}

TEST(Json, SurvivesEveryTruncationAndEveryChangedByte)
{
  const std::string text = R"({"a":[1,-2.5e+3,"\ud83d\ude00é\u00e9",true,null,{}],"b":{"c":false}})";
  for (size_t i = 0; i < text.size(); i++)
  {
    EXPECT_THROW(ParseJson(text.substr(0, i)), BadInput);
    for (unsigned byte = 0; byte < 256; byte++)
    {
      std::string changed = text;
      changed[i] = static_cast<char>(byte);
      try
      {
        const std::string written = WriteJson(ParseJson(changed));
        EXPECT_EQ(WriteJson(ParseJson(written)), written);
      }
      catch (const BadInput&)
      {
      }
    }
  }
}

TEST(Json, WritesTheShortestNumbers)
{
  EXPECT_EQ(WriteJson(0.1), "0.1");
  EXPECT_EQ(WriteJson(0.99998), "0.99998");
  EXPECT_EQ(WriteJson(1.0), "1");
  EXPECT_EQ(WriteJson(std::numeric_limits<Json::UInt64>::max()), "18446744073709551615");
  EXPECT_EQ(WriteJson(std::nan("")), "null");
}

TEST(Json, EscapesWhatMustBe)
{
  EXPECT_EQ(WriteJson(Json::Value(std::string("\"\\\b\n\x1f\x7f<é", 9))),
            "\"\\\"\\\\\\u0008\\n\\u001f\x7f<é\"");
}

TEST(Json, CountsCodePoints)
{
  EXPECT_EQ(CountCodePoints(""), 0u);
  EXPECT_EQ(CountCodePoints("王小东"), 3u);
  EXPECT_EQ(CountCodePoints("é\xFF"), std::nullopt);
}

TEST(Json, AbbreviatesAtCharacters)
{
  EXPECT_EQ(Abbreviate("éé", 2), "éé");
  EXPECT_EQ(Abbreviate("ééé", 2), "éé…");
  EXPECT_EQ(Abbreviate("\xFF"), "?");
  EXPECT_EQ(Abbreviate("a\n"), "?");
}

TEST(Json, ALiteralThatIsBrokenIsOurOwnMistake)
{
  EXPECT_THROW(JsonLiteral("{"), std::logic_error);
}
