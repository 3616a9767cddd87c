// SPDX-License-Identifier: GPL-3.0-or-later

#include "Intake/XrayReading.h"

#include <gtest/gtest.h>

#include "Core/Configuration/Json.h"

namespace OrthancClinic::Intake
{
namespace
{
TEST(DentalType, FollowsFromTheModalityAndWhatElseTheImageSays)
{
  struct Case
  {
    const char* modality;
    const char* more;
    const char* type;
  };
  for (const Case& item : {
           Case{"PX", R"("0028,0011": "2400")", "panoramic"},
           Case{"PX", R"("0028,0011": "900")", "cephalometric"},
           Case{"PX", R"("0028,0011": "2400", "0008,103e": "Céphalométrie")", "cephalometric"},
           Case{"IO", R"("0028,0011": "800")", "periapical"},
           Case{"IO", R"("0028,0011": "800", "0018,5101": "BITEWING")", "bitewing"},
           Case{"DX", R"("0028,0011": "800")", "periapical"},
           Case{"DX", R"("0028,0011": "800", "0018,0015": "JAW")", "periapical"},
           Case{"DX", R"("0028,0011": "800", "0018,0015": "CHEST")", ""},
           Case{"DX", R"("0028,0011": "800", "0008,2218": [{"0008,0104": "Thorax"}])", ""},
           Case{"DX", R"("0028,0011": "800", "0008,2218": [{"0008,0104": "Mandible"}])", "periapical"},
           Case{"DX", R"("0028,0011": "800", "0008,1030": "Panoramique")", "panoramic"},
           Case{"CR", R"("0028,0011": "800")", "periapical"},
           Case{"RG", R"("0028,0011": "800")", "periapical"},
           Case{"XA", R"("0028,0011": "800")", "periapical"},
           Case{"XC", R"("0028,0011": "800")", "bitewing"},
           Case{"CT", R"("0028,0011": "800")", "cbct"},
           Case{"CT", R"("0028,0011": "800", "0018,0015": "ABDOMEN")", ""},
           Case{"OT", R"("0028,0011": "800")", ""},
           Case{"OT", R"("0028,0011": "800", "0008,103e": "Orthopantomogramm")", "panoramic"},
           Case{"MR", R"("0028,0011": "800", "0018,0015": "HEAD")", ""},
           Case{"SR", R"("0028,0011": "800")", ""},
       })
  {
    const std::string tags =
        std::string(R"({"0008,0060": ")") + item.modality + R"(", "0028,0010": "1000", )" + item.more + "}";
    EXPECT_EQ(item.type, DentalTypeOf(ParseJson(tags))) << tags;
  }
  EXPECT_EQ("", DentalTypeOf(ParseJson(R"({"0008,0060": "PX"})"))) << "it has no pixels";
}

TEST(DentalType, OfAPictureOfAVolumeIsThatOfAnImage)
{
  EXPECT_TRUE(IsOfVolume("CT", "1.2.840.10008.5.1.4.1.1.2"));
  EXPECT_FALSE(IsOfVolume("CT", "1.2.840.10008.5.1.4.1.1.7"));
  EXPECT_FALSE(IsOfVolume("PX", "1.2.840.10008.5.1.4.1.1.2"));
}

TEST(TimeOfAnXray, IsReadInTheZoneOfThePracticeUnlessTheImageNamesOne)
{
  struct Case
  {
    const char* tags;
    const char* time;
  };
  for (const Case& item : {
           Case{R"({"0008,002a": "20260208103000.500", "0008,0020": "20200101"})",
                "2026-02-08T15:30:00.000Z"},
           Case{R"({"0008,002a": "20260208103000+0100"})", "2026-02-08T09:30:00.000Z"},
           Case{R"({"0008,002a": "20260208", "0008,0201": "-0330"})", "2026-02-08T03:30:00.000Z"},
           Case{R"({"0008,0022": "20260208", "0008,0032": "1030", "0008,0020": "20200101"})",
                "2026-02-08T15:30:00.000Z"},
           Case{R"({"0008,0023": "20260708", "0008,0033": "103000.123456"})", "2026-07-08T14:30:00.000Z"},
           Case{R"({"0008,0023": "", "0008,0020": "20260208 ", "0008,0030": "103000 "})",
                "2026-02-08T15:30:00.000Z"},
           Case{R"({"0008,0020": "2026.02.08", "0008,0030": "10:30"})", "2026-02-08T05:00:00.000Z"},
           Case{R"({"0008,002a": "20260230101010", "0008,0020": "20260208"})", "2026-02-08T05:00:00.000Z"},
           Case{R"({"0008,0020": "20260208", "0008,0030": "993000"})", "2026-02-08T05:00:00.000Z"},
       })
  {
    const auto time = TakenAt(ParseJson(item.tags), "America/Toronto");
    ASSERT_TRUE(time) << item.tags;
    EXPECT_EQ(item.time, ToString(*time)) << item.tags;
  }
  EXPECT_FALSE(TakenAt(ParseJson(R"({"0008,0020": "yesterday"})"), "America/Toronto"));
  EXPECT_FALSE(TakenAt(ParseJson("{}"), "America/Toronto"));
}
}  // namespace
}  // namespace OrthancClinic::Intake
