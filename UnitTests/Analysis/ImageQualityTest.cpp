// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/ImageQuality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "Core/Configuration/Json.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr unsigned SIZE = 200;

// 12 bits in 16, by a function of the place.
Image Make(const std::function<double(unsigned x, unsigned y)>& value,
           Image::Format format = Image::Format::Gray16)
{
  Image image;
  image.width = SIZE;
  image.height = SIZE;
  image.format = format;
  for (unsigned y = 0; y < SIZE; y++)
  {
    for (unsigned x = 0; x < SIZE; x++)
    {
      const auto bits = static_cast<uint16_t>(static_cast<int16_t>(std::lround(value(x, y))));
      image.pixels.append(reinterpret_cast<const char*>(&bits), 2);
    }
  }
  return image;
}

Presentation TwelveBits()
{
  Presentation presentation;
  presentation.bitsStored = 12;
  return presentation;
}

// A soft pattern with all the values from 500 to 3500, and noise of that deviation.
Image Pattern(double noise)
{
  std::mt19937 random(1);
  std::normal_distribution<double> normal(0, noise);
  return Make(
      [&](unsigned x, unsigned y)
      {
        return std::clamp(
            2000 + 1500 * std::sin(x / 9.0) * std::cos(y / 11.0) + (noise > 0 ? normal(random) : 0), 0.0,
            4095.0);
      });
}

std::vector<std::string> Kinds(const Image& image, const Presentation& presentation,
                               const std::string& tags = "{}", bool isCt = false)
{
  AnalysedImage analysed;
  analysed.sopInstanceUid = "1.2.3";
  analysed.columns = SIZE;
  analysed.rows = SIZE;
  analysed.tags = JsonLiteral(tags);
  const Json::Value findings = QualityFindings(analysed, Measure(image, presentation, isCt));
  Json::Value result;
  result["findings"] = findings;
  CheckResult(result, {analysed});
  std::vector<std::string> kinds;
  for (const Json::Value& finding : findings)
  {
    kinds.push_back(finding["kind"].asString());
  }
  return kinds;
}

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr const char* COMPLETE =
    R"({"0008,0060": "IO", "0020,0062": "L", "0020,0020": "L\\F", "0028,0030": "0.1\\0.1"})";

TEST(ImageQuality, FindsNothingWrongWithAGoodImage)
{
  EXPECT_THAT(Kinds(Pattern(20), TwelveBits(), COMPLETE), ElementsAre("quality.measured"));
}

// Immerkær's estimate, in the same unit as the pixels: within a tenth of the noise that was added.
TEST(ImageQuality, MeasuresTheNoiseThatWasAdded)
{
  for (const double noise : {20.0, 60.0, 150.0})
  {
    const Image image = Pattern(noise);
    const auto measures = Measure(image, TwelveBits(), false);
    ASSERT_TRUE(measures);
    const double contrast = measures->contrast * 4095;
    const double sigma = contrast / std::pow(10, *measures->signalToNoise / 20);
    EXPECT_NEAR(noise, sigma, 0.15 * noise);
  }
  EXPECT_THAT(Kinds(Pattern(600), TwelveBits(), COMPLETE), Contains("quality.noise"));
}

TEST(ImageQuality, FindsWhatIsWrong)
{
  struct Case
  {
    Image image;
    const char* kind;
  };
  const auto flat = [](unsigned x, unsigned) { return 2000 + x / 10.0; };
  const auto soft = [](unsigned x, unsigned y)
  { return 2000 + 1800 * std::sin(x / 300.0) * std::cos(y / 300.0); };
  const auto white = [](unsigned x, unsigned y) { return x < 100 ? 4095 : 20.0 * y; };
  const auto black = [](unsigned x, unsigned y) { return x < 100 ? 0 : 20.0 * y; };
  // Stripes of three pixels, as letters have them, in the uppermost rows.
  const auto text = [](unsigned x, unsigned y)
  { return y < 8 ? (x / 3 % 2 == 0 ? 4000.0 : 100.0) : 100 + 19.0 * x; };
  for (const Case& item :
       {Case{Make(flat), "quality.low_contrast"}, Case{Make(soft), "quality.blur"},
        Case{Make(white), "quality.overexposed"}, Case{Make(black), "quality.underexposed"},
        Case{Make(text), "quality.burned_in_text"}})
  {
    EXPECT_THAT(Kinds(item.image, TwelveBits(), COMPLETE), Contains(item.kind));
  }
  Presentation inverted = TwelveBits();
  inverted.inverted = true;
  EXPECT_THAT(Kinds(Make(white), inverted, COMPLETE), Contains("quality.underexposed")) << "MONOCHROME1";
  EXPECT_THAT(Kinds(Make(text), TwelveBits(), COMPLETE), Not(Contains("quality.overexposed")));
}

TEST(ImageQuality, LooksAtTheAttributes)
{
  const Image image = Pattern(20);
  EXPECT_THAT(Kinds(image, TwelveBits(), R"({"0008,0060": "IO"})"),
              ElementsAre("quality.measured", "quality.laterality_missing", "quality.orientation_missing",
                          "quality.spacing_missing"));
  EXPECT_THAT(Kinds(image, TwelveBits(), R"({"0008,0060": "DX", "0020,0060": "L", "0020,0062": "R"})"),
              Contains("quality.laterality_contradictory"));
  EXPECT_THAT(
      Kinds(image, TwelveBits(), R"({"0008,0060": "PX", "0018,1164": "0.1\\0.1", "0020,0020": "L\\F"})"),
      ElementsAre("quality.measured"));
}

TEST(ImageQuality, ChecksTheCalibrationOfCt)
{
  Presentation presentation;
  presentation.bitsStored = 16;
  presentation.isSigned = true;
  const auto phantom = [](double air, double water)
  {
    return Make([=](unsigned x, unsigned y)
                { return std::hypot(x - 100.0, y - 100.0) < 80 ? water + (x + y) % 3 : air + (x * y) % 7; },
                Image::Format::SignedGray16);
  };
  const std::string tags = R"({"0008,0060": "CT", "0028,0030": "0.5\\0.5"})";
  EXPECT_THAT(Kinds(phantom(-1000, 0), presentation, tags, true),
              Not(Contains(::testing::StartsWith("quality.ct_"))));
  EXPECT_THAT(Kinds(phantom(-900, 0), presentation, tags, true), Contains("quality.ct_air"));
  EXPECT_THAT(Kinds(phantom(-1000, 12), presentation, tags, true), Contains("quality.ct_water"));
}

// Of CT and MR, air is the lowest value and 16 bits hold a tenth of what they could: nothing is wrong with
// that.
TEST(ImageQuality, ExpectsAnExposureOfADetectorAlone)
{
  const Image dark = Make([](unsigned x, unsigned y) { return x < 100 ? 0 : 1.0 * (x + y); });
  Presentation wide;
  for (const char* modality : {"CT", "MR", "NM", "OT"})
  {
    EXPECT_THAT(
        Kinds(dark, wide, R"({"0028,0030": "0.1\\0.1", "0008,0060": ")" + std::string(modality) + "\"}"),
        ElementsAre("quality.measured"))
        << modality;
  }
}

TEST(ImageQuality, SaysThatABlankImageIsBlank)
{
  const Image blank = Make([](unsigned, unsigned) { return 0; });
  EXPECT_THAT(Kinds(blank, TwelveBits(), R"({"0028,0030": "0.1\\0.1", "0008,0060": "CT"})", true),
              ElementsAre("quality.measured", "quality.blank"));
  const auto measures = Measure(blank, TwelveBits(), true);
  EXPECT_FALSE(measures->signalToNoise || measures->sharpness) << "of nothing";
  EXPECT_FALSE(measures->water) << "nor is it water";
}

// In a lung, most values lie between -900 and -700 HU; outside of a round field, at the lowest that there is.
TEST(ImageQuality, TakesNoLungAndNoMarginForAir)
{
  Presentation presentation;
  presentation.bitsStored = 12;
  presentation.intercept = -1024;
  const auto lung = [](unsigned x, unsigned y)
  {
    const double share = (x * 7 + y * 13) % 200 / 200.0;
    return std::hypot(x - 100.0, y - 100.0) < 90 ? 1024 - 900 + 200 * std::sqrt(share) : 0.0;
  };
  EXPECT_FALSE(Measure(Make(lung), presentation, true)->air);
}

TEST(ImageQuality, AsksForASideWhereThereAreTwo)
{
  const Image image = Pattern(20);
  const std::string rest = R"("0020,0020": "L\\F", "0028,0030": "0.1\\0.1"})";
  EXPECT_THAT(Kinds(image, TwelveBits(), R"({"0008,0060": "CR", "0018,0015": "CHEST", )" + rest),
              ElementsAre("quality.measured"));
  EXPECT_THAT(Kinds(image, TwelveBits(), R"({"0008,0060": "CR", "0018,0015": "KNEE", )" + rest),
              Contains("quality.laterality_missing"));
}

TEST(ImageQuality, AsksForASpacingWhereLengthsAreMeasured)
{
  const Image image = Pattern(20);
  const auto kinds = [&](const char* tags) { return Kinds(image, TwelveBits(), tags); };
  EXPECT_THAT(kinds(R"({"0008,0060": "CT"})"), Contains("quality.spacing_missing"));
  for (const char* tags :
       {R"({"0008,0060": "XC"})", R"({"0008,0060": "US", "0018,6011": [{"0018,6012": "1"}]})",
        R"({"0008,0060": "MR", "5200,9230": [{"0028,9110": []}]})"})
  {
    EXPECT_THAT(kinds(tags), Not(Contains("quality.spacing_missing"))) << tags;
  }
}

TEST(ImageQuality, MeasuresNoColoursAndNothingTiny)
{
  Image tiny;
  tiny.width = 4;
  tiny.height = 4;
  tiny.pixels.resize(16);
  EXPECT_FALSE(Measure(tiny, Presentation(), false));
  Image colours = tiny;
  colours.format = Image::Format::Rgb24;
  EXPECT_FALSE(Measure(colours, Presentation(), false));
  EXPECT_THAT(Kinds(tiny, Presentation(), COMPLETE), ElementsAre("quality.not_measured"));
}
}  // namespace
}  // namespace OrthancClinic::Analysis
