// SPDX-License-Identifier: GPL-3.0-or-later

#include <gtest/gtest.h>

#include "Core/Configuration/Configuration.h"
#include "Core/Errors.h"
#include "Matching/MatchingOptions.h"
#include "Support/Documentation.h"

namespace OrthancClinic::Matching
{
namespace
{
TEST(MatchingOptions, StandInThePageOfThePlugin)
{
  EXPECT_EQ(Testing::DocumentedOptions("Plugins/Matching/README.md"),
            OptionTable("Matching", OptionsSchema()));
}

TEST(MatchingOptions, RefuseThresholdsInTheWrongOrder)
{
  Json::Value orthanc;
  orthanc["Clinic"]["Matching"]["ReviewThreshold"] = 0.9999;
  Configuration configuration(orthanc);
  EXPECT_THROW(ReadOptions(configuration), BadInput);
}
}  // namespace
}  // namespace OrthancClinic::Matching
