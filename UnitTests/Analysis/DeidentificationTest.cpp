// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/Deidentification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "Analysis/Pseudonyms.h"
#include "Core/Configuration/Json.h"
#include "Core/Dicom/DicomScan.h"
#include "Support/DicomFile.h"
#include "Support/Files.h"
#include "Support/Process.h"

namespace OrthancClinic::Analysis
{
namespace
{
using ::testing::HasSubstr;
using ::testing::Not;

std::string Bytes(const Testing::DicomFile& file)
{
  const Testing::TemporaryDirectory folder;
  return Testing::ReadFile(file.SaveIn(folder.Path()));
}

// With binary elements, by dcmodify.
std::string With(const Testing::DicomFile& file, const std::map<std::string, std::string>& elements)
{
  const Testing::TemporaryDirectory folder;
  const std::string path = file.SaveIn(folder.Path()).string();
  for (const auto& [element, bytes] : elements)
  {
    Testing::WriteFile(folder.Path() / "bytes", bytes);
    EXPECT_EQ(0, Testing::RunProgram({"dcmodify", "-nb", "-if",
                                      "(" + element + ")=" + (folder.Path() / "bytes").string(), path})
                     .exitCode);
  }
  return Testing::ReadFile(path);
}

std::string Cleaned(const std::string& dicom)
{
  return RemoveIdentity(dicom, [](const std::string& uid) { return "2.25.9" + uid.substr(uid.size() - 1); });
}

std::string Dump(const std::string& dicom)
{
  const Testing::TemporaryDirectory folder;
  Testing::WriteFile(folder.Path() / "file.dcm", dicom);
  return Testing::RunProgram({"dcmdump", "-q", "+L", (folder.Path() / "file.dcm").string()}).output;
}

// Wherever somebody may have put it.
TEST(Deidentification, LeavesNoTextOfThePatientAtAnyLevel)
{
  Testing::DicomFile file("IO", 8);
  file.Set("PatientName", "ANALYSIS").Set("PatientID", "a1");
  for (const char* element :
       {"PatientComments", "ImageComments", "StudyDescription", "SeriesDescription", "ProtocolName",
        "InstitutionName", "OperatorsName", "ReferringPhysicianName", "OtherPatientNames",
        "ContentDescription", "WindowCenterWidthExplanation", "DeidentificationMethod", "FilterType",
        "6000,0022", "6000,1500", "6000,4000", "5000,0022",

        "RequestedProcedureDescription"})
  {
    file.Set(element, "TREMBLAY");
  }
  file.Set("PatientBirthDate", "19960528").Set("AcquisitionDateTime", "19960528103000");
  file.Set("Manufacturer", "Maker").Set("BodyPartExamined", "JAW").Set("PixelSpacing", "0.1\\0.1");
  for (const char* sequence : {"AnatomicRegionSequence", "RequestedProcedureCodeSequence",
                               "SourceImageSequence", "ContentSequence", "AcquisitionContextSequence"})
  {
    file.AddItem(sequence, {{"PatientName", "TREMBLAY"},
                            {"PatientID", "TREMBLAY"},
                            {"ImageComments", "TREMBLAY"},
                            {"CodeValue", "T-1"},
                            {"CodeMeaning", "TREMBLAY"},
                            {"ReferencedSOPInstanceUID", "1.2.840.19960528.7"},
                            {"ReferencedSOPClassUID", "1.2.840.10008.5.1.4.1.1.7"}});
  }

  const std::string cleaned = Cleaned(With(file, {{"6000,3000", "TREMBLAY"},
                                                  {"5000,3000", "TREMBLAY"},
                                                  {"0042,0011", "TREMBLAY"},
                                                  {"0028,2000", "TREMBLAY"},
                                                  {"fffc,fffc", "TREMBLAY"}}));

  EXPECT_THAT(cleaned, Not(HasSubstr("TREMBLAY")));
  EXPECT_THAT(cleaned, Not(HasSubstr("19960528")));
  const std::string dump = Dump(cleaned);
  for (const char* kept : {"ANALYSIS", "[a1]", "Maker", "JAW", "0.1\\0.1", "[T-1]", "2.25.97",
                           "SecondaryCaptureImageStorage", "PS3.15"})
  {
    EXPECT_THAT(dump, HasSubstr(kept));
  }
  EXPECT_THAT(dump, HasSubstr(file.InstanceUid())) << "the caller's";
  EXPECT_THAT(dump, Not(HasSubstr("Overlay")));
}

TEST(Deidentification, LeavesNothingBesideThePixels)
{
  Testing::DicomFile file("IO", 2);  // of eight bytes
  file.Set("BitsStored", "12").Set("HighBit", "11");
  const std::map<std::string, std::string> pixels = {
      {"7fe0,0010", std::string("\x34\xf2\x34\x02\xff\xff\x00\x50", 8) + "TREMBLAY"}};

  const std::string cleaned = Cleaned(With(file, pixels));

  EXPECT_THAT(cleaned, Not(HasSubstr("TREMBLAY")));
  EXPECT_THAT(cleaned, ::testing::EndsWith(std::string("\x34\x02\x34\x02\xff\x0f\x00\x00", 8)))
      << "the four bits that are not stored";
  file.Set("PixelRepresentation", "1");
  EXPECT_THAT(Cleaned(With(file, pixels)),
              ::testing::EndsWith(std::string("\x34\x02\x34\x02\xff\xff\x00\x00", 8)))
      << "-1 is still -1";
}

TEST(Pseudonyms, GiveBackThePatientAndTheSpace)
{
  const Pseudonyms pseudonyms("a1");
  AnalysedImage image;
  image.seriesInstanceUid = "1.2.5";
  image.sopInstanceUid = "1.2.6";
  image.tags = JsonLiteral(R"({"0010,0010": "Lévesque^Zoé", "0010,0020": "", "0020,000d": "1.2.4",
                               "0020,0052": "1.2.7"})");
  Testing::DicomFile made("OT");
  made.Set("PatientName", "ANALYSIS").Set("PatientID", "a1").Set("StudyInstanceUID", pseudonyms.Uid("1.2.4"));
  made.Set("FrameOfReferenceUID", pseudonyms.Uid("1.2.7"));

  const DicomScan scan = ScanDicom(pseudonyms.Reidentify(Bytes(made), {image}));

  EXPECT_EQ("Lévesque^Zoé", scan.Text(0x00100010));
  EXPECT_EQ("", scan.Text(0x00100020)) << "of a patient without an id, nor is the pseudonym one";
  EXPECT_EQ("1.2.4", scan.Text(0x0020000d));
  EXPECT_EQ("1.2.7", scan.Text(0x00200052)) << "a segmentation is shown in the space of its images";
}

TEST(Pseudonyms, TakeCompressedPixelsAsTheyAre)
{
  const Pseudonyms pseudonyms("a1");
  AnalysedImage image;
  image.tags = JsonLiteral(R"({"0010,0020": "4711", "0020,000d": "1.2.4"})");
  const Testing::TemporaryDirectory folder;
  const auto compressed = folder.Path() / "compressed.dcm";
  const auto made = Testing::DicomFile("OT").SaveIn(folder.Path());
  ASSERT_EQ(0, Testing::RunProgram({"dcmcjpeg", made.string(), compressed.string()}).exitCode);

  const std::string home = pseudonyms.Reidentify(Testing::ReadFile(compressed), {image});

  EXPECT_EQ("1.2.840.10008.1.2.4.70", ScanDicom(home).transferSyntax);
  EXPECT_EQ("4711", ScanDicom(home).Text(0x00100020));
}

TEST(Pseudonyms, TakeTextsThatDoNotKeepToTheirCharacterSet)
{
  const Pseudonyms pseudonyms("a1");
  AnalysedImage image;
  image.tags = JsonLiteral(R"({"0010,0010": "Lévesque^Zoé", "0020,000d": "1.2.4"})");
  for (const char* set : {"ISO-IR 100", "ISO_IR 192"})
  {
    Testing::DicomFile made("OT");
    made.Set("SpecificCharacterSet", set).Set("SeriesDescription", "R\xe9sultat");
    const DicomScan scan = ScanDicom(pseudonyms.Reidentify(Bytes(made), {image}));
    EXPECT_EQ("ISO_IR 192", scan.Text(0x00080005)) << set;
    EXPECT_EQ("Lévesque^Zoé", scan.Text(0x00100010)) << set;
    EXPECT_EQ("Résultat", scan.Text(0x0008103e)) << set;
  }
}
}  // namespace
}  // namespace OrthancClinic::Analysis
