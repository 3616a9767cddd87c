// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/AnalysisOptions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Errors.h"
#include "Support/Documentation.h"

namespace OrthancClinic::Analysis
{
namespace
{
using ::testing::StartsWith;

std::string Read(const std::string& section)
{
  Json::Value orthanc;
  orthanc["Clinic"]["Analysis"] = JsonLiteral(section);
  Configuration configuration(orthanc);
  try
  {
    ReadOptions(configuration);
    return "";
  }
  catch (const BadInput& error)
  {
    return error.what();
  }
}

TEST(AnalysisOptions, StandInThePageOfThePlugin)
{
  EXPECT_EQ(Testing::DocumentedOptions("Plugins/Analysis/README.md"),
            OptionTable("Analysis", OptionsSchema()));
}

TEST(AnalysisOptions, NameTheKeyThatIsWrong)
{
  EXPECT_EQ("", Read("{}"));
  EXPECT_THAT(Read(R"({"Providers": [{"Name": "a", "Type": "openai", "Model": "m"}]})"),
              StartsWith("Clinic.Analysis.Providers[0].Endpoint"));
  EXPECT_THAT(Read(R"({"Providers": [{"Name": "a", "Type": "openai", "Endpoint": "https://x.ca"}]})"),
              StartsWith("Clinic.Analysis.Providers[0].Model"));
  EXPECT_THAT(Read(R"({"Providers": [{"Name": "a", "Type": "http", "Endpoint": "https://x.ca"}]})"),
              StartsWith("Clinic.Analysis.Providers[0].Secret"));
  EXPECT_THAT(Read(R"({"Providers": [{"Name": "a", "Type": "quality"}, {"Name": "a", "Type": "quality"}]})"),
              StartsWith("Clinic.Analysis.Providers[1].Name"));
  EXPECT_THAT(
      Read(
          R"({"Providers": [{"Name": "a", "Type": "openai", "Endpoint": "https://x.ca", "Model": "m", "DailyCost": 5}]})"),
      StartsWith("Clinic.Analysis.Providers[0].DailyCost"));
  EXPECT_THAT(Read(R"({"Rules": [{"Provider": "none"}]})"), StartsWith("Clinic.Analysis.Rules[0].Provider"));
  EXPECT_THAT(Read(R"({"Rules": [{"Provider": "quality", "XrayTypes": ["teeth"]}]})"),
              StartsWith("Clinic.Analysis.Rules[0].XrayTypes[0]"));
}
}  // namespace
}  // namespace OrthancClinic::Analysis
