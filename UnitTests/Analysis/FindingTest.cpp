// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/Finding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic::Analysis
{
namespace
{
std::string Check(const std::string& finding)
{
  AnalysedImage image;
  image.sopInstanceUid = "1.2.3";
  image.columns = 200;
  image.rows = 100;
  try
  {
    CheckResult(ParseJson("{\"findings\": [" + finding + "]}"), {image});
    return "";
  }
  catch (const BadInput& error)
  {
    return error.what();
  }
}

TEST(Finding, IsCheckedBeforeItIsBelieved)
{
  const std::string base =
      R"("kind": "caries", "severity": "low", "text": {"en": "Caries"}, "image": "1.2.3")";
  EXPECT_EQ("", Check("{" + base + "}"));
  EXPECT_EQ(
      "", Check("{" + base + R"(, "box": [0, 0, 200, 100], "tooth": "36", "confidence": 0.5, "frame": 1})"));
  EXPECT_EQ("", Check("{" + base + R"(, "polygon": [[0, 0], [10, 0], [10, 10]]})"));
  struct Case
  {
    const char* more;
    const char* where;
  };
  for (const Case& item :
       {Case{R"(, "box": [0, 0, 201, 10])", "findings[0].box"},
        Case{R"(, "box": [-1, 0, 20, 10])", "findings[0].box"},
        Case{R"(, "box": [10, 10, 0, 10])", "findings[0].box"},
        Case{R"(, "box": [10, 10, 5])", "findings[0].box"},
        Case{R"(, "box": [1e300, 0, 1e300, 1])", "findings[0].box"},
        Case{R"(, "polygon": [[0, 0], [10, 0], [10, 101]])", "findings[0].polygon"},
        Case{R"(, "polygon": [[0, 0], [10, 0]])", "findings[0].polygon"},
        Case{R"(, "confidence": 1.1)", "findings[0].confidence"},
        Case{R"(, "confidence": "high")", "findings[0].confidence"},
        Case{R"(, "tooth": "99")", "findings[0].tooth"}, Case{R"(, "tooth": "56")", "findings[0].tooth"},
        Case{R"(, "frame": 2)", "findings[0].image"}, Case{R"(, "diagnosis": "x")", "findings[0].diagnosis"}})
  {
    EXPECT_THAT(Check("{" + base + item.more + "}"), ::testing::StartsWith(item.where)) << item.more;
  }
  EXPECT_THAT(Check(R"({"kind": "caries", "severity": "low", "text": {"en": "x"}, "image": "1.2.4"})"),
              ::testing::HasSubstr("none of the images"));
  EXPECT_THAT(
      Check(R"({"kind": "a b", "severity": "low", "text": {"en": "Jean Tremblay"}, "image": "1.2.3"})"),
      ::testing::Not(::testing::HasSubstr("Tremblay")));
  EXPECT_NE("", Check(R"({"kind": "caries", "severity": "low", "text": {}, "image": "1.2.3"})"));
  EXPECT_NE("", Check("\"prose\""));
}
}  // namespace
}  // namespace OrthancClinic::Analysis
