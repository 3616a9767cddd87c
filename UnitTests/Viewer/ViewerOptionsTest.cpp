// SPDX-License-Identifier: GPL-3.0-or-later

#include "Viewer/ViewerOptions.h"

#include <gtest/gtest.h>

#include "Core/Errors.h"
#include "Support/Documentation.h"

namespace OrthancClinic::Viewer
{
TEST(ViewerOptions, AreInTheReadme)
{
  EXPECT_EQ(Testing::DocumentedOptions("Plugins/Viewer/README.md"), OptionTable("Viewer", OptionsSchema()));
}

TEST(ViewerOptions, TakeTheRootOfDicomWebFromOrthanc)
{
  for (const auto& [root, expected] : {std::pair("/dicom-web/", "/dicom-web/"), std::pair("pacs", "/pacs/")})
  {
    Json::Value orthanc;
    orthanc["DicomWeb"]["Root"] = root;
    Configuration configuration(orthanc);
    EXPECT_EQ(expected, ReadOptions(configuration).dicomWebRoot);
  }
}

TEST(ViewerOptions, RefuseWhatIsNoAddress)
{
  for (const char* bad :
       {"imaging.example.org", "https://imaging.example.org/", "javascript:x", "https://a b"})
  {
    Json::Value orthanc;
    orthanc["Clinic"]["Viewer"]["PublicUrl"] = bad;
    Configuration configuration(orthanc);
    EXPECT_THROW(ReadOptions(configuration), BadInput) << bad;
  }
}
}  // namespace OrthancClinic::Viewer
