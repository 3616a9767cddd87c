// SPDX-License-Identifier: GPL-3.0-or-later

#include "Intake/Preview.h"

#include <gmock/gmock.h>

#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Intake/PreviewJpeg.h"

namespace OrthancClinic::Intake
{
namespace
{
using ::testing::HasSubstr;

// An Orthanc of one study with one CT image, whose file is its pixels.
class OneImage : public IOrthanc, public IImageCodec
{
public:
  Json::Value tags = JsonLiteral(R"({"0008,0060": "CT", "0028,0010": "2", "0028,0011": "2",
      "0028,0100": "16", "0028,0101": "16", "0028,0103": "0", "0028,0004": "MONOCHROME2",
      "0028,1052": "-1024", "0028,1053": "1"})");
  std::string uuid = "first";
  bool decodable = true;
  int decoded = 0;
  Json::Value series = Json::arrayValue;
  std::map<std::string, Json::Value> instances = {};

  Json::Value Get(const std::string& path) override
  {
    if (path == "/instances/i/attachments/dicom/info")
    {
      Json::Value info;
      info["Uuid"] = uuid;
      info["UncompressedSize"] = 8;
      return info;
    }
    if (path == "/studies/s/series")
    {
      return series;
    }
    if (path.ends_with("/tags?short") && path != "/instances/none/tags?short")
    {
      return path == "/instances/pdf/tags?short" ? Json::Value(Json::objectValue) : tags;
    }
    if (const auto found = instances.find(path); found != instances.end())
    {
      return found->second;
    }
    throw NotFound("There is no " + path);
  }
  std::string GetBytes(const std::string& path) override
  {
    if (path == "/instances/i/metadata/TransferSyntax")
    {
      return "1.2.840.10008.1.2.4.201";
    }
    return path == "/instances/i/file" ? "file" : throw NotFound("There is no " + path);
  }
  Image DecodeFrame(const std::string&, unsigned) override
  {
    decoded++;
    if (!decodable)
    {
      throw BadInput("Orthanc cannot decode this image");
    }
    // 0, 1064 (40 HU), 1024 (0 HU), 1104 (80 HU), little endian
    return {2, 2, Image::Format::Gray16, std::string("\0\0\x28\x04\x00\x04\x50\x04", 8)};
  }
  std::string EncodePng(const Image& image) override { return image.pixels; }

  Json::Value Post(const std::string&, const std::string&) override { return {}; }
  std::string PostBytes(const std::string&, const std::string&) override { return ""; }
  void Put(const std::string&, const std::string&) override {}
  void Delete(const std::string&) override {}
  Answer Fetch(const std::string&, const std::map<std::string, std::string>&) override { return {}; }
  Json::Value ReadDicom(const std::string&) override { return {}; }
  std::string EncodeJpeg(const Image&, int) override { return ""; }
  std::string Transcode(const std::string&, const std::string&) override { return ""; }
};

constexpr size_t CACHE = 1 << 20;

std::string FieldOf(const std::function<void()>& call)
{
  try
  {
    call();
  }
  catch (const BadInput& error)
  {
    return error.Fields().empty() ? "none" : error.Fields()[0].field + ": " + error.Fields()[0].message;
  }
  return "no error";
}

std::shared_ptr<const PreviewImage> OfSize(size_t bytes)
{
  return std::make_shared<PreviewImage>(PreviewImage{std::string(bytes, 'x'), "image/png", "tag"});
}
}  // namespace

TEST(WindowPresets, AreNamedOnceWithTheirSource)
{
  std::set<std::string> names;
  for (const WindowPreset& preset : WindowPresets())
  {
    EXPECT_TRUE(names.insert(preset.name).second) << preset.name;
    EXPECT_GT(preset.window.width, 1);
    EXPECT_STRNE("", preset.source);
    EXPECT_EQ(&preset, FindWindowPreset(preset.name));
  }
  for (const char* const needed :
       {"brain", "lung", "bone", "soft-tissue", "mediastinum", "abdomen", "liver", "dental"})
  {
    EXPECT_TRUE(names.contains(needed)) << needed;
  }
  EXPECT_EQ(nullptr, FindWindowPreset("Brain"));
}

TEST(PreviewCache, ForgetsWhatWasNotAskedForLongest)
{
  PreviewCache cache(100'000);
  for (const char* const key : {"a", "b", "c", "d", "e", "f", "g", "h", "i"})
  {
    cache.Put(key, OfSize(11'000));
    cache.Find("a");
  }
  EXPECT_NE(nullptr, cache.Find("a"));
  EXPECT_EQ(nullptr, cache.Find("b"));
  EXPECT_NE(nullptr, cache.Find("i"));
  const auto count = cache.Count();
  EXPECT_EQ(8U, count.images);
  EXPECT_EQ(1U, count.evicted);
  EXPECT_LE(count.bytes, 100'000U);
  EXPECT_NEAR(11.0 / 12, count.HitRate(), 0.001);
}

TEST(PreviewCache, DoesNotKeepWhatWouldPushOutEverythingElse)
{
  PreviewCache cache(100'000);
  cache.Put("small", OfSize(100));
  cache.Put("huge", OfSize(50'000));
  EXPECT_EQ(nullptr, cache.Find("huge"));
  EXPECT_NE(nullptr, cache.Find("small"));
}

TEST(PreviewJpeg, IsProgressive)
{
  for (const Image::Format format : {Image::Format::Gray8, Image::Format::Rgb24})
  {
    Image image{64, 32, format, ""};
    image.pixels.resize(image.Samples() * 64 * 32, '\x40');
    const std::string jpeg = EncodeProgressiveJpeg(image, 90);
    EXPECT_TRUE(jpeg.starts_with("\xff\xd8"));
    EXPECT_NE(std::string::npos, jpeg.find("\xff\xc2")) << "the start of a progressive frame";
  }
}

TEST(PreviewJpeg, RefusesWhatDoesNotFit)
{
  EXPECT_THROW(EncodeProgressiveJpeg({65'535, 1, Image::Format::Gray8, std::string(65'535, 'x')}, 90),
               BadInput);
  EXPECT_THROW(EncodeProgressiveJpeg({1, 1, Image::Format::Gray16, "xx"}, 90), BadInput);
}

TEST(Preview, IsMadeOnceAndKept)
{
  OneImage image;
  Preview preview(image, image, CACHE);
  const auto first = preview.Make("i", {});
  EXPECT_EQ(first, preview.Make("i", {}));
  EXPECT_EQ(1, image.decoded);
  EXPECT_EQ("image/jpeg", first->contentType);
  EXPECT_EQ(1U, preview.Count().cache.hits);
  EXPECT_EQ(1U, preview.Count().rendered);
}

TEST(Preview, HasAValidatorThatChangesWithTheImageAndTheWish)
{
  OneImage image;
  Preview preview(image, image, CACHE);
  std::set<std::string> tags;
  for (const PreviewWish& wish :
       {PreviewWish{}, PreviewWish{.longEdge = 200}, PreviewWish{.format = PreviewWish::Format::Png},
        PreviewWish{.preset = "brain"}, PreviewWish{.window = Window{40, 80}}, PreviewWish{.frame = 1}})
  {
    EXPECT_TRUE(tags.insert(preview.ETag("i", wish)).second);
    EXPECT_EQ(preview.ETag("i", wish), preview.Make("i", wish)->etag);
  }
  image.uuid = "sent again";
  EXPECT_TRUE(tags.insert(preview.ETag("i", {})).second);
  EXPECT_THROW(preview.ETag("other", {}), NotFound);
}

TEST(Preview, ShowsTheWindowThatWasAskedFor)
{
  OneImage image;
  Preview preview(image, image, CACHE);
  const auto shown = [&](PreviewWish wish)
  {
    wish.format = PreviewWish::Format::Png;
    return preview.Make("i", wish)->bytes;
  };
  // -1024, 40, 0 and 80 HU
  EXPECT_EQ(shown({.preset = "brain"}), shown({.window = Window{40, 80}}));
  EXPECT_EQ('\0', shown({.preset = "brain"})[0]);
  EXPECT_EQ('\xff', shown({.preset = "brain"})[3]);
  EXPECT_NE('\xff', shown({.preset = "bone"})[3]);
}

TEST(Preview, ReadsWhatAnEnhancedImageSaysOfItsFrames)
{
  OneImage image;
  PreviewWish wish{.format = PreviewWish::Format::Png, .window = Window{40, 80}};
  const std::string plain = Preview(image, image, CACHE).Make("i", wish)->bytes;
  image.tags.removeMember("0028,1052");
  EXPECT_NE(plain, Preview(image, image, CACHE).Make("i", wish)->bytes);
  image.tags["0028,0008"] = "2";
  image.tags["5200,9229"] = JsonLiteral(R"([{"0028,9132": [{"0028,1050": "40", "0028,1051": "80"}]}])");
  image.tags["5200,9230"] = JsonLiteral(R"([{"0028,9145": [{"0028,1052": "0"}]},
                                            {"0028,9145": [{"0028,1052": "-1024"}]}])");
  wish.frame = 2;
  EXPECT_EQ(plain, Preview(image, image, CACHE).Make("i", wish)->bytes);
  wish.window.reset();
  EXPECT_EQ(plain, Preview(image, image, CACHE).Make("i", wish)->bytes) << "its own window";
}

TEST(Preview, SaysWhyAnImageCannotBeShown)
{
  OneImage image;
  Preview preview(image, image, CACHE);
  EXPECT_EQ("preset: unknown", FieldOf([&] { preview.Make("i", {.preset = "Brain"}); }));
  EXPECT_EQ("frame: expected 1 to 1", FieldOf([&] { preview.Make("i", {.frame = 2}); }));
  image.decodable = false;
  EXPECT_THAT(FieldOf([&] { preview.Make("i", {}); }), HasSubstr("1.2.840.10008.1.2.4.201"));
  image.tags["0008,0060"] = "DX";
  EXPECT_THAT(FieldOf([&] { preview.Make("i", {.preset = "brain"}); }), HasSubstr("no CT"));
  image.tags.removeMember("0028,0010");
  EXPECT_THAT(FieldOf([&] { preview.Make("i", {}); }), HasSubstr("no pixels"));
  EXPECT_EQ(5U, preview.Count().failed);
  EXPECT_EQ(0U, preview.Count().cache.images) << "an error is not kept";
}

TEST(Preview, TakesTheMiddleOfTheLargestSeriesOfImages)
{
  OneImage image;
  image.series = JsonLiteral(R"([
      {"ID": "report", "Instances": ["1", "2", "3", "4", "5"], "MainDicomTags": {"Modality": "SR"}},
      {"ID": "documents", "Instances": ["1", "2", "3", "4"], "MainDicomTags": {"Modality": "OT"}},
      {"ID": "scout", "Instances": ["1"], "MainDicomTags": {"Modality": "CT", "SeriesNumber": "1"}},
      {"ID": "axial", "Instances": ["1", "2", "3"], "MainDicomTags": {"Modality": "CT", "SeriesNumber": "2"}}])");
  image.instances["/series/axial/instances"] = JsonLiteral(R"([
      {"ID": "tenth", "MainDicomTags": {"InstanceNumber": "10"}},
      {"ID": "ninth", "MainDicomTags": {"InstanceNumber": "9"}},
      {"ID": "first", "MainDicomTags": {"InstanceNumber": "1"}}])");
  image.instances["/series/documents/instances"] = JsonLiteral(R"([{"ID": "pdf", "MainDicomTags": {}}])");
  Preview preview(image, image, CACHE);
  Study study;
  study.orthancStudyId = "s";
  EXPECT_EQ("ninth", preview.Representative(study));

  image.series.resize(2);
  study.numberOfInstances = 9;
  EXPECT_EQ("study: it has no image", FieldOf([&] { preview.Representative(study); }));
}
}  // namespace OrthancClinic::Intake
