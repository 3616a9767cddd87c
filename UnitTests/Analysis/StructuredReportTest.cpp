// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/StructuredReport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "Core/Configuration/Json.h"
#include "Support/Files.h"
#include "Support/Process.h"

namespace OrthancClinic::Analysis
{
namespace
{
ReportContent Content()
{
  ReportContent content;
  content.analysis.id = "a1";
  content.analysis.studyInstanceUid = "1.2.826.0.1.3680043.8.498.1";
  content.analysis.provider = "openai-montreal";
  content.analysis.language = "fr";
  AnalysedImage image;
  image.sopClassUid = "1.2.840.10008.5.1.4.1.1.1.3";
  image.sopInstanceUid = "1.2.826.0.1.3680043.8.498.3";
  image.seriesInstanceUid = "1.2.826.0.1.3680043.8.498.2";
  image.columns = 200;
  image.rows = 100;
  image.tags = JsonLiteral(R"({"0008,0060": "IO", "0010,0010": "Lévesque^Zoé", "0010,0020": "4711",
    "0010,0030": "19850101", "0010,0040": "F", "0008,0020": "20260208", "0008,0030": "103000", "0008,0050": "A1",
    "0020,0010": "S1", "0020,000d": "1.2.826.0.1.3680043.8.498.1"})");
  content.images = {image};
  content.result = ParseJson(R"({"findings": [
    {"kind": "caries", "severity": "moderate", "text": {"fr": "Carie proximale."}, "image": "1.2.826.0.1.3680043.8.498.3",
     "tooth": "36", "confidence": 0.83, "box": [10, 20, 30, 40], "recommendation": {"fr": "Examen clinique."}},
    {"kind": "quality.measured", "severity": "info", "text": {"fr": "Mesurée."}, "image": "1.2.826.0.1.3680043.8.498.3",
     "measurements": [{"name": "Signal to noise ratio", "value": 31.25, "unit": "dB"}]}],
    "summary": {"fr": "Une carie."}})");
  content.algorithm = "gpt-x";
  content.algorithmVersion = "abc";
  return content;
}

std::string OutputOf(const std::vector<std::string>& arguments)
{
  const auto result = Testing::RunProgram(arguments);
  return result.output;
}

class StructuredReport : public ::testing::Test
{
protected:
  std::string Save(const ReportContent& content)
  {
    const auto path = folder_.Path() / "report.dcm";
    Testing::WriteFile(path, MakeReport(content));
    return path.string();
  }

  Testing::TemporaryDirectory folder_;
};

TEST_F(StructuredReport, SaysWhatWasFoundWhereAndByWhom)
{
  const std::string dump = OutputOf({"dsrdump", "+Pe", "+Pl", Save(Content())});

  for (const char* text :
       {"Imaging Measurement Report", "Carie proximale.", "caries 1 (FDI 36)", "866006002", "Dental caries",
        "83", "POLYLINE,10/20,40/20,40/60,10/60,10/20", "gpt-x", "Examen clinique.", "Une carie.",
        "UNVERIFIED", "31.25", "ce n'est pas un diagnostic", "Lévesque^Zoé"})
  {
    EXPECT_THAT(dump, ::testing::HasSubstr(text));
  }
}

TEST_F(StructuredReport, IsVerifiedByAPerson)
{
  ReportContent content = Content();
  content.verifiedBy = "Gagnon^Lise";
  content.organization = "Clinique";
  content.comment = "D'accord.";
  const std::string dump = OutputOf({"dsrdump", "+Pe", "+Pl", Save(content)});

  EXPECT_THAT(dump, ::testing::HasSubstr("VERIFIED"));
  EXPECT_THAT(dump, ::testing::Not(::testing::HasSubstr("UNVERIFIED")));
  EXPECT_THAT(dump, ::testing::HasSubstr("Gagnon^Lise"));
  EXPECT_THAT(dump, ::testing::HasSubstr("D'accord."));
}

TEST_F(StructuredReport, IsValid)
{
  ReportContent verified = Content();
  verified.verifiedBy = "Gagnon^Lise";
  verified.organization = "Clinique";
  ReportContent empty = Content();
  empty.result = ParseJson(R"({"findings": []})");
  for (const ReportContent& content : {Content(), verified, empty})
  {
    const std::string report = OutputOf({"dciodvfy", Save(content)});
    EXPECT_THAT(report, ::testing::HasSubstr("ComprehensiveSR"));
    EXPECT_THAT(report, ::testing::Not(::testing::HasSubstr("Error")));
  }
}

// What a model, or a person, may write.
TEST_F(StructuredReport, IsValidWhateverTheTexts)
{
  ReportContent odd = Content();
  Json::Value& finding = odd.result["findings"][0];
  finding["text"]["fr"] = "Première ligne\nseconde\tligne \x1b$B\x01 a\\b^c=d";
  finding["recommendation"]["fr"] = " \n";
  finding["region"] = ParseJson(R"({"code": "1", "scheme": "SCT", "meaning": "a\\\\b"})");
  finding.removeMember("tooth");
  odd.result["findings"][1]["measurements"][0]["name"] = "Profondeur \\ sur plus de seize caractères";
  odd.result["summary"]["fr"] = " \x0c\x1b ";
  odd.algorithm = "vendor\\model " + std::string(100, 'm');
  odd.verifiedBy = "O'Brien\\Zoé=Ng";
  odd.organization = std::string(100, 'c') + "\\";
  odd.comment = "  ";
  ReportContent chinese = Content();
  chinese.algorithm = "视觉模型视觉模型视觉模型视觉模型视觉模型视觉模型";
  chinese.result["findings"][0]["text"]["fr"] = std::string(2000, 'x');
  for (const ReportContent& content : {odd, chinese})
  {
    const std::string file = Save(content);
    EXPECT_THAT(OutputOf({"dciodvfy", file}), ::testing::Not(::testing::HasSubstr("Error")));
    const std::string dump = OutputOf({"dsrdump", "+Pl", file});
    EXPECT_THAT(dump, ::testing::HasSubstr("Comprehensive SR"));
    EXPECT_THAT(dump, ::testing::Not(::testing::HasSubstr("E: "))) << "it can be read";
  }
}

TEST_F(StructuredReport, IsRejectedByANoteThatNamesWhatWasMade)
{
  ReportContent content = Content();
  content.analysis.reviewedBy = "Gagnon^Lise";
  content.analysis.review["comment"] = "Artefact, pas une carie.";
  const auto note = folder_.Path() / "note.dcm";
  Testing::WriteFile(note, MakeRejectionNote(content.analysis, content.images[0].tags,
                                             {{false, "1.2.3.1", "1.2.3.2"}, {true, "1.2.3.3", "1.2.3.4"}}));

  const std::string report = OutputOf({"dciodvfy", note.string()});
  EXPECT_THAT(report, ::testing::HasSubstr("KeyObjectSelectionDocument"));
  EXPECT_THAT(report, ::testing::Not(::testing::HasSubstr("Error")));
  const std::string dump = OutputOf({"dsrdump", "+Pe", "+Pl", "+Pu", note.string()});
  for (const char* text : {"Rejected for Quality Reasons", "Gagnon^Lise", "Artefact, pas une carie.",
                           "Lévesque^Zoé", "1.2.3.2", "1.2.3.4"})
  {
    EXPECT_THAT(dump, ::testing::HasSubstr(text));
  }
}

TEST_F(StructuredReport, IsTheSameInstanceHoweverOftenItIsMade)
{
  const std::string first =
      OutputOf({"dcmdump", "+P", "SOPInstanceUID", "+P", "SeriesInstanceUID", "-s", Save(Content())});
  const std::string second =
      OutputOf({"dcmdump", "+P", "SOPInstanceUID", "+P", "SeriesInstanceUID", "-s", Save(Content())});
  EXPECT_EQ(first, second);
  EXPECT_THAT(first, ::testing::HasSubstr(Content().analysis.ReportUid()));
}
}  // namespace
}  // namespace OrthancClinic::Analysis
