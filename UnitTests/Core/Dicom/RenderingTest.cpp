// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/Rendering.h"

#include <gtest/gtest.h>

#include "Core/Configuration/Json.h"

namespace OrthancClinic
{
namespace
{
Image Gray16(const std::vector<int>& values, Image::Format format = Image::Format::Gray16)
{
  Image image;
  image.width = static_cast<unsigned>(values.size());
  image.height = 1;
  image.format = format;
  for (const int value : values)
  {
    image.pixels += static_cast<char>(value & 255);
    image.pixels += static_cast<char>((value >> 8) & 255);
  }
  return image;
}

std::vector<int> Shown(const Image& stored, const std::string& tags, const std::string& raw = "")
{
  const Presentation presentation =
      ReadPresentation(JsonLiteral(tags), [&](const std::string&) { return raw; });
  const Image image = Render(stored, presentation);
  std::vector<int> values;
  for (const char value : image.pixels)
  {
    values.push_back(static_cast<unsigned char>(value));
  }
  return values;
}

using Values = std::vector<int>;

// PS3.3 C.11.2.1.2.1 gives for c=2048, w=4096: 0 at x <= 0, ymax at x > 4095; for c=2048, w=1: a step at
// 2047.5.
TEST(Rendering, WindowsAsTheStandardSays)
{
  EXPECT_EQ((Values{0, 128, 255}),
            Shown(Gray16({0, 2048, 4095}), R"({"0028,1050": "2048", "0028,1051": "4096"})"));
  EXPECT_EQ((Values{0, 255}), Shown(Gray16({2047, 2048}), R"({"0028,1050": "2048", "0028,1051": "1"})"));
  EXPECT_EQ((Values{0, 255}), Shown(Gray16({0, 100}), R"({"0028,1050": "1\\40", "0028,1051": "1\\400"})"))
      << "the first of several";
  EXPECT_EQ((Values{255, 127, 0}),
            Shown(Gray16({0, 2048, 4095}),
                  R"({"0028,0004": "MONOCHROME1", "0028,1050": "2048", "0028,1051": "4096"})"));
  EXPECT_EQ(
      (Values{0, 128, 255}),
      Shown(Gray16({0, 50, 100}), R"({"0028,1050": "50", "0028,1051": "100", "0028,1056": "LINEAR_EXACT"})"));
  EXPECT_EQ(
      (Values{30, 128, 225}),
      Shown(Gray16({0, 50, 100}), R"({"0028,1050": "50", "0028,1051": "100", "0028,1056": "SIGMOID"})"));
}

TEST(Rendering, KnowsWhatTheValuesMeasure)
{
  // Hounsfield units: air, water, bone.
  EXPECT_EQ((Values{0, 102, 255}), Shown(Gray16({-1000, 0, 2000}, Image::Format::SignedGray16),
                                         R"({"0028,0103": "1", "0028,1050": "40", "0028,1051": "400"})"));
  EXPECT_EQ((Values{0, 102, 255}),
            Shown(Gray16({24, 1024, 3024}),
                  R"({"0028,1052": "-1024", "0028,1053": "1", "0028,1050": "40", "0028,1051": "400"})"));
}

TEST(Rendering, UsesTheLookupTables)
{
  // Four entries of 12 bits from the value 10 on.
  const std::string entries("\x00\x00\x55\x05\xaa\x0a\xff\x0f", 8);
  EXPECT_EQ(
      (Values{0, 0, 85, 170, 255, 255}),
      Shown(Gray16({0, 10, 11, 12, 13, 99}),
            R"({"0028,3010": [{"0028,3002": "4\\10\\12"}], "0028,1050": "1", "0028,1051": "1"})", entries));
  // As a modality LUT: 0, 1365, 2730, 4095 are then windowed.
  EXPECT_EQ((Values{0, 85, 170, 255}),
            Shown(Gray16({10, 11, 12, 13}),
                  R"({"0028,3000": [{"0028,3002": "4\\10\\12"}], "0028,1050": "2048", "0028,1051": "4096"})",
                  entries));
  EXPECT_EQ((Values{0, 255}), Shown(Gray16({0, 9}), R"({"0028,3010": [{"0028,3002": "4\\10\\12"}]})", "sho"))
      << "a broken table is none";
}

TEST(Rendering, ShowsAllWhereNothingIsSaidAndLeavesPaddingOut)
{
  EXPECT_EQ((Values{0, 128, 255}), Shown(Gray16({100, 150, 200}), "{}"));
  EXPECT_EQ((Values{0, 0, 255}), Shown(Gray16({65535, 100, 200}), R"({"0028,0120": "65535"})"));
  EXPECT_EQ((Values{0, 255, 0}),
            Shown(Gray16({65535, 100, 200}), R"({"0028,0120": "65535", "0028,0004": "MONOCHROME1"})"))
      << "padding is black there, too";
  EXPECT_EQ((Values{128, 128}), Shown(Gray16({7, 7}), "{}"));
}

TEST(Rendering, AveragesWhatItMakesSmaller)
{
  Image image;
  image.width = 4;
  image.height = 2;
  image.pixels = std::string("\x00\x0a\x64\x64\x0a\x14\x64\x64", 8);
  Presentation presentation;
  presentation.center = 127.5;
  presentation.width = 256;
  const Image small = Render(image, presentation, 2);
  ASSERT_EQ(2u, small.width);
  ASSERT_EQ(1u, small.height);
  EXPECT_NEAR(10, small.pixels[0], 1);
  EXPECT_NEAR(100, small.pixels[1], 1);
  EXPECT_EQ(4u, Render(image, presentation, 100).width) << "never larger";
}
}  // namespace
}  // namespace OrthancClinic
