// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/Provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic::Analysis
{
namespace
{
Question Of(int columns, int rows)
{
  Question question;
  question.language = "fr";
  question.images.emplace_back();
  question.images[0].sopInstanceUid = "1.2.3";
  question.images[0].columns = columns;
  question.images[0].rows = rows;
  return question;
}

Json::Value Answered(const std::string& more)
{
  Json::Value answer = JsonLiteral(R"({"summary": null, "findings": [{"kind": "caries", "severity": "low",
    "text": "Carie.", "recommendation": null, "confidence": null, "image": 1, "tooth": null, "box": null}]})");
  const Json::Value values = ParseJson(more);
  for (const std::string& name : values.getMemberNames())
  {
    (name == "summary" ? answer : answer["findings"][0])[name] = values[name];
  }
  return answer;
}

// Shares that add up to one do so in pixels as well, whatever the size.
TEST(AnAnswer, MayReachTheEdgeOfTheImage)
{
  for (int size = 1; size < 3000; size += 7)
  {
    const Question question = Of(size, size);
    for (const char* box : {"[0.2, 0.3, 0.8, 0.7]", "[0.1, 0.1, 0.9, 0.9]", "[0.35, 0, 0.65, 1]"})
    {
      EXPECT_NO_THROW(
          CheckResult(FromWire(Answered(std::string("{\"box\": ") + box + "}"), question), question.images))
          << size << box;
    }
    EXPECT_THROW(
        CheckResult(FromWire(Answered(R"({"box": [0.5, 0.5, 0.6, 0.1]})"), question), question.images),
        BadInput);
  }
}

TEST(AnAnswer, SaysNothingWithBlankText)
{
  const Question question = Of(10, 10);
  const Json::Value result = FromWire(Answered(R"({"recommendation": " \n", "summary": "  "})"), question);
  EXPECT_FALSE(result.isMember("summary"));
  EXPECT_FALSE(result["findings"][0].isMember("recommendation"));
  EXPECT_THROW(CheckResult(FromWire(Answered(R"({"text": " "})"), question), question.images), BadInput);
}
}  // namespace
}  // namespace OrthancClinic::Analysis
