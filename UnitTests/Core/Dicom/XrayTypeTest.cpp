// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/XrayType.h"

#include <gtest/gtest.h>

#include "Core/Configuration/Json.h"

namespace OrthancClinic
{
namespace
{
TEST(XrayType, IsDecidedFromWhatDicomSays)
{
  struct Case
  {
    const char* tags;
    const char* type;
  };
  const auto table = ReadXrayTypes(DefaultXrayTypes());
  for (
      const Case& item :
      {Case{R"({"0008,0060": "PX", "0028,0010": "1000", "0028,0011": "2400"})", "panoramic"},
       Case{R"({"0008,0060": "PX", "0028,0010": "2000", "0028,0011": "1800"})", "cephalometric"},
       Case{
           R"({"0008,0060": "PX", "0028,0010": "1000", "0028,0011": "2400", "0008,103e": "Céphalométrie latérale"})",
           "cephalometric"},
       Case{R"({"0008,0060": "IO"})", "periapical"},
       Case{R"({"0008,0060": "IO", "0008,103e": "BITEWING LEFT"})", "bitewing"},
       Case{R"({"0008,0060": "IO", "0054,0220": [{"0008,0104": "Bite-wing"}], "0018,1030": "Bitewing"})",
            "bitewing"},
       Case{R"({"0008,0060": "XC"})", "bitewing"},
       Case{R"({"0008,0060": "CT", "0008,1090": "CBCT 3000"})", "cbct"},
       Case{R"({"0008,0060": "CT", "0018,0015": "CHEST"})", "other"},
       Case{R"({"0008,0060": "DX", "0018,0015": "CHEST"})", "other"},
       Case{R"({"0008,0060": "DX", "0008,1030": "Orthopantomogramme"})", "panoramic"},
       Case{R"({"0008,0060": "OT", "0008,0016": "1.2.840.10008.5.1.4.1.1.1.3"})", "periapical"},
       Case{"{}", "other"}})
  {
    EXPECT_EQ(item.type, XrayTypeOf(table, JsonLiteral(item.tags))) << item.tags;
  }
}
}  // namespace
}  // namespace OrthancClinic
