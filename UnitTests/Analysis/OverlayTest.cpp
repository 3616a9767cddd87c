// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/Overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Support/Files.h"
#include "Support/Process.h"

namespace OrthancClinic::Analysis
{
namespace
{
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* FONT = "/usr/share/fonts/opentype/unifont/unifont.otf";

class Overlay : public ::testing::Test
{
protected:
  void SetUp() override
  {
    if (!std::filesystem::exists(FONT))
    {
      GTEST_SKIP() << "fonts-unifont is not installed";
    }
  }
};

const Lettering& Letters()
{
  static const Lettering letters(FONT);
  return letters;
}

AnalysedImage Source()
{
  AnalysedImage image;
  image.sopClassUid = "1.2.840.10008.5.1.4.1.1.1.3";
  image.sopInstanceUid = "1.2.826.0.1.3680043.8.498.3";
  image.columns = 400;
  image.rows = 200;
  image.tags = ParseJson(R"({"0008,0060": "IO", "0010,0010": "Lévesque^Zoé", "0010,0020": "4711",
    "0020,000d": "1.2.826.0.1.3680043.8.498.1", "0020,0020": "L\\F"})");
  return image;
}

Image Rendered()
{
  Image image;
  image.width = 200;
  image.height = 100;
  image.pixels.assign(200 * 100, '\x40');
  return image;
}

Json::Value Findings(const std::string& where)
{
  return ParseJson(R"([{"kind": "caries", "tooth": "36", "severity": "low", "text": {"en": "Caries"},
    "image": "1.2.826.0.1.3680043.8.498.3", )" +
                   where + "}]");
}

unsigned At(const Image& image, unsigned x, unsigned y)
{
  const auto* const pixel =
      reinterpret_cast<const unsigned char*>(image.pixels.data()) + 3 * (y * image.width + x);
  return pixel[0] << 16U | pixel[1] << 8U | pixel[2];
}

constexpr unsigned YELLOW = 0xFFDC00;

TEST_F(Overlay, DrawsBoxesAndPolygonsWhereTheyAre)
{
  const Image box =
      DrawFindings(Letters(), Rendered(), Source(), Findings(R"("box": [100, 100, 200, 60])"), "en");
  EXPECT_EQ(YELLOW, At(box, 50, 60));
  EXPECT_EQ(YELLOW, At(box, 150, 80));
  EXPECT_EQ(YELLOW, At(box, 100, 50));
  EXPECT_EQ(0x404040U, At(box, 100, 65)) << "inside nothing is changed";

  const Image polygon = DrawFindings(Letters(), Rendered(), Source(),
                                     Findings(R"("polygon": [[100, 100], [300, 100], [200, 180]])"), "en");
  EXPECT_EQ(YELLOW, At(polygon, 100, 50));
  EXPECT_EQ(YELLOW, At(polygon, 100, 90));
  EXPECT_EQ(0x404040U, At(polygon, 60, 85));
}

TEST_F(Overlay, SaysInEachLanguageThatItIsNotVerified)
{
  std::string before;
  for (const char* language : {"en", "fr", "es", "zh"})
  {
    const Image drawn =
        DrawFindings(Letters(), Rendered(), Source(), Findings(R"("box": [100, 100, 200, 60])"), language);
    EXPECT_NE(before, drawn.pixels);
    before = drawn.pixels;
    EXPECT_EQ(0U, At(drawn, 0, 0)) << "on black";
  }
  EXPECT_EQ(16, Letters().Width("AI", 16));
  EXPECT_EQ(16, Letters().Width("\u672A", 16));
}

TEST_F(Overlay, IsLabelledInEnglishWhereTheFontLacksLetters)
{
  constexpr const char* LATIN = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
  if (!std::filesystem::exists(LATIN))
  {
    GTEST_SKIP() << "fonts-dejavu-core is not installed";
  }
  const Lettering latin(LATIN);
  EXPECT_EQ("IA, non vérifié", LabelIn("fr", latin));
  EXPECT_EQ("AI, not verified", LabelIn("zh", latin));
  EXPECT_EQ("AI，未经核实", LabelIn("zh", Letters()));
}

TEST_F(Overlay, HasAQuestionMarkForALetterThatTheFontLacks)
{
  const auto draw = [](const std::string& text)
  {
    Image image{.width = 16, .height = 16, .format = Image::Format::Rgb24, .pixels = std::string(768, '\0')};
    Letters().Draw(image, 0, 0, text, 16, {255, 255, 255});
    return image.pixels;
  };
  EXPECT_FALSE(Letters().Has("a\U0001F600"));
  EXPECT_EQ(draw("?"), draw("\U0001F600"));
  EXPECT_NE(draw("?"), draw("é"));
}

TEST_F(Overlay, NeedsAFont)
{
  EXPECT_THROW(Lettering("/nowhere.otf"), BadInput);
  // Its letters are those of invented languages, in the area for private use.
  EXPECT_THROW(Lettering("/usr/share/fonts/opentype/unifont/unifont_csur.otf"), BadInput);
}

TEST_F(Overlay, IsForImagesWithARegionAlone)
{
  EXPECT_TRUE(HasRegions(Source(), Findings(R"("box": [1, 1, 2, 2])")));
  EXPECT_FALSE(HasRegions(Source(), Findings(R"("confidence": 0.5)")));
  AnalysedImage other = Source();
  other.sopInstanceUid = "1.2.3";
  EXPECT_FALSE(HasRegions(other, Findings(R"("box": [1, 1, 2, 2])")));
}

TEST_F(Overlay, IsAValidSecondaryCaptureOfItsSource)
{
  const Testing::TemporaryDirectory folder;
  const auto path = folder.Path() / "overlay.dcm";
  Analysis analysis;
  analysis.id = "a1";
  analysis.studyInstanceUid = "1.2.826.0.1.3680043.8.498.1";
  analysis.provider = "montreal";
  const auto make = [&](const AnalysedImage& source)
  {
    const Image drawn =
        DrawFindings(Letters(), Rendered(), source, Findings(R"("box": [100, 100, 200, 60])"), "fr");
    return MakeOverlay({.analysis = analysis,
                        .image = source,
                        .drawn = drawn,
                        .number = 1,
                        .algorithm = "gpt-x",
                        .algorithmVersion = "abc"});
  };
  Testing::WriteFile(path, make(Source()));
  const std::string checked = Testing::RunProgram({"dciodvfy", path.string()}).output;
  EXPECT_THAT(checked, HasSubstr("SCImage"));
  EXPECT_THAT(checked, Not(HasSubstr("Error")));
  const std::string dump = Testing::RunProgram({"dcmdump", path.string()}).output;
  for (const char* text :
       {"DERIVED\\SECONDARY", "[NO]", "121322", "1.2.826.0.1.3680043.8.498.3",
        "drawn into the rendered image", "AI overlay, not verified: montreal", "L\\F", "4711"})
  {
    EXPECT_THAT(dump, HasSubstr(text));
  }
  EXPECT_EQ(make(Source()), make(Source())) << "however often it is made";

  AnalysedImage burned = Source();
  burned.tags["0028,0301"] = "YES";
  Testing::WriteFile(path, make(burned));
  EXPECT_THAT(Testing::RunProgram({"dcmdump", "+P", "BurnedInAnnotation", path.string()}).output,
              HasSubstr("[YES]"));
}
}  // namespace
}  // namespace OrthancClinic::Analysis
