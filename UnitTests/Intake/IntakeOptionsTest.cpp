// SPDX-License-Identifier: GPL-3.0-or-later

#include "Intake/IntakeOptions.h"

#include <gmock/gmock.h>

#include "Core/Errors.h"
#include "Support/Documentation.h"

namespace OrthancClinic::Intake
{
namespace
{
TEST(IntakeOptions, StandInThePage)
{
  EXPECT_EQ(Testing::DocumentedOptions("Plugins/Intake/README.md"), OptionTable("Intake", OptionsSchema()));
}

TEST(IntakeOptions, RefuseTagsThatNobodyMayChange)
{
  for (const char* keyword :
       {"SOPInstanceUID", "Modality", "PixelData", "Rows", "SpecificCharacterSet", "NoSuchTag"})
  {
    Json::Value orthanc;
    orthanc["Clinic"]["Intake"]["ModifiableTags"][0] = keyword;
    Configuration configuration(orthanc);
    try
    {
      ReadOptions(configuration);
      ADD_FAILURE() << keyword;
    }
    catch (const BadInput& error)
    {
      EXPECT_THAT(error.what(), ::testing::StartsWith("Clinic.Intake.ModifiableTags[0]"));
    }
  }
}
}  // namespace
}  // namespace OrthancClinic::Intake
