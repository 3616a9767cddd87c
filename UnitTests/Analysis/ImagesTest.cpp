// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/Images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"

namespace OrthancClinic::Analysis
{
namespace
{
using ::testing::ElementsAre;

// Answers what it was given, and 404 for the rest, as Orthanc does.
class Archive : public IOrthanc
{
public:
  std::map<std::string, std::string> answers;
  std::vector<std::string> asked;

  Json::Value Get(const std::string& path) override { return ParseJson(GetBytes(path)); }
  std::string GetBytes(const std::string& path) override
  {
    asked.push_back(path);
    const auto found = answers.find(path);
    if (found == answers.end())
    {
      throw NotFound("There is no " + path);
    }
    return found->second;
  }
  Json::Value Post(const std::string&, const std::string&) override { throw Unavailable("only read"); }
  std::string PostBytes(const std::string&, const std::string&) override { throw Unavailable("only read"); }
  void Put(const std::string&, const std::string&) override { throw Unavailable("only read"); }
  void Delete(const std::string&) override { throw Unavailable("only read"); }
  Answer Fetch(const std::string&, const std::map<std::string, std::string>&) override { return {}; }
  Json::Value ReadDicom(const std::string&) override { throw BadInput("no DICOM"); }

  // A series of the study "s" with so many instances of so many frames; "<number>-<instance>" are their ids.
  void AddSeries(int number, const std::string& modality, int instances, int frames = 1)
  {
    const std::string id = std::to_string(number);
    Json::Value entry;
    entry["ID"] = id;
    entry["MainDicomTags"]["Modality"] = modality;
    entry["MainDicomTags"]["SeriesNumber"] = id;
    entry["MainDicomTags"]["SeriesInstanceUID"] = "1." + id;
    series_.append(entry);
    answers["/studies/s/series"] = WriteJson(series_);
    Json::Value list(Json::arrayValue);
    for (int i = 1; i <= instances; i++)
    {
      const std::string instance = id + "-" + std::to_string(i);
      Json::Value item;
      item["ID"] = instance;
      item["MainDicomTags"]["InstanceNumber"] = std::to_string(i);
      item["MainDicomTags"]["SOPInstanceUID"] = "1." + id + "." + std::to_string(i);
      list.append(item);
      answers["/instances/" + instance + "/tags?short"] = WriteJson(ParseJson(
          R"({"0028,0010": "10", "0028,0011": "10", "0028,0008": ")" + std::to_string(frames) + "\"}"));
    }
    answers["/series/" + id + "/instances"] = WriteJson(list);
  }

private:
  Json::Value series_;
};

class NoCodec : public IImageCodec
{
public:
  Image DecodeFrame(const std::string&, unsigned) override { throw BadInput("not decodable"); }
  std::string Transcode(const std::string&, const std::string&) override { return ""; }
  std::string EncodePng(const Image&) override { return ""; }
  std::string EncodeJpeg(const Image&, int) override { return ""; }
};

class ImagesOfAStudy : public ::testing::Test
{
protected:
  std::vector<std::string> Chosen(int most, const std::string& xray = "",
                                  const std::set<std::string>& ours = {})
  {
    std::vector<std::string> chosen;
    for (const AnalysedImage& image : images_.Choose("s", most, xray, ours))
    {
      chosen.push_back(image.orthancInstanceId +
                       (image.numberOfFrames > 1 ? "/" + std::to_string(image.frame) : ""));
    }
    return chosen;
  }

  Archive archive_;
  NoCodec codec_;
  Images images_{archive_, codec_};
};

TEST_F(ImagesOfAStudy, AreEvenlyChosenOfAVolume)
{
  archive_.AddSeries(1, "CT", 100);
  archive_.AddSeries(2, "SR", 3);
  EXPECT_THAT(Chosen(4), ElementsAre("1-13", "1-38", "1-63", "1-88"));
  EXPECT_THAT(Chosen(1), ElementsAre("1-51"));
}

TEST_F(ImagesOfAStudy, AreKeyFramesOfWhatHasMany)
{
  archive_.AddSeries(1, "CT", 1, 100);
  EXPECT_THAT(Chosen(4), ElementsAre("1-1/13", "1-1/38", "1-1/63", "1-1/88"));
}

TEST_F(ImagesOfAStudy, AreThoseOfOneXrayAlone)
{
  archive_.AddSeries(1, "IO", 3);
  archive_.AddSeries(2, "CT", 2);
  EXPECT_THAT(Chosen(9, "1.1.2"), ElementsAre("1-2"));
  EXPECT_THAT(Chosen(9, "1.2"), ElementsAre("2-1", "2-2")) << "a volume";
  EXPECT_THAT(Chosen(9, "2"), ElementsAre("2-1", "2-2")) << "by Orthanc's id";
  EXPECT_THAT(Chosen(9, "1-3"), ElementsAre("1-3"));
  EXPECT_THAT(Chosen(9, "1.9"), ElementsAre());
  EXPECT_THAT(Chosen(9, "", {"1.2"}), ElementsAre("1-1", "1-2", "1-3")) << "what we have drawn is none";
}

TEST_F(ImagesOfAStudy, AreFoundAgainUnderAnotherPatientId)
{
  archive_.AddSeries(1, "IO", 2);
  archive_.answers["/studies/s/instances"] = archive_.answers["/series/1/instances"];
  const Json::Value described = JsonLiteral(R"([{"orthanc_instance_id": "old", "sop_instance_uid": "1.1.2",
    "orthanc_series_id": "old", "frame": 1}])");
  EXPECT_EQ("1-2", images_.Load(described, "s").at(0).orthancInstanceId);
  EXPECT_THROW(images_.Load(JsonLiteral(R"([{"orthanc_instance_id": "old", "sop_instance_uid": "1.1.9",
    "orthanc_series_id": "old", "frame": 1}])"),
                            "s"),
               NotFound);
}

TEST(Images, MayShowWhoseTheyAre)
{
  struct Case
  {
    const char* sopClass;
    const char* tags;
    bool isRisk;
  };
  constexpr const char* CT = "1.2.840.10008.5.1.4.1.1.2";
  constexpr const char* CAPTURE = "1.2.840.10008.5.1.4.1.1.7";
  for (const Case& item :
       {Case{CT, "{}", false}, Case{CT, R"({"0028,0301": "NO"})", false},
        Case{CT, R"({"0028,0301": "YES"})", true}, Case{CT, R"({"0028,0301": "MAYBE"})", true},
        Case{CT, R"({"0028,0302": "YES"})", true},
        Case{CT, R"({"0008,0008": "DERIVED\\SECONDARY\\SCREEN SAVE"})", true},
        Case{CT, R"({"0008,0060": "US"})", true}, Case{CAPTURE, "{}", true},
        Case{CAPTURE, R"({"0028,0301": "NO"})", false}, Case{"1.2.840.10008.5.1.4.1.1.7.4", "{}", true},
        Case{"1.2.840.10008.5.1.4.1.1.6.1", "{}", true}, Case{"1.2.840.10008.5.1.4.1.1.3", "{}", true}})
  {
    AnalysedImage image;
    image.sopClassUid = item.sopClass;
    image.tags = JsonLiteral(item.tags);
    EXPECT_EQ(item.isRisk, !BurnedInRisk(image).empty()) << item.sopClass << item.tags;
  }
}

TEST_F(ImagesOfAStudy, AreToldApartWithoutBeingRead)
{
  AnalysedImage image;
  image.orthancInstanceId = "i";
  archive_.answers["/instances/i/file"] = "DICM";
  EXPECT_EQ(Sha256Of("DICM"), images_.Fingerprint(image)) << "Orthanc keeps no checksums";
  archive_.answers["/instances/i/attachments/dicom/md5"] = "abc";
  archive_.asked.clear();
  EXPECT_EQ("abc", images_.Fingerprint(image));
  EXPECT_THAT(archive_.asked, ElementsAre("/instances/i/attachments/dicom/md5"));
}
}  // namespace
}  // namespace OrthancClinic::Analysis
