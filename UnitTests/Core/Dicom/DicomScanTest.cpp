// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/DicomScan.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "Support/DicomFile.h"
#include "Support/Files.h"

namespace OrthancClinic
{
namespace
{
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Bytes(const Testing::DicomFile& file)
{
  const Testing::TemporaryDirectory folder;
  return Testing::ReadFile(file.SaveIn(folder.Path()));
}

std::string Short(unsigned value)
{
  return {static_cast<char>(value & 0xFF), static_cast<char>(value >> 8)};
}

std::string Long(uint32_t value)
{
  return Short(value & 0xFFFF) + Short(value >> 16);
}

std::string Implicit(unsigned group, unsigned element, uint32_t length)
{
  return Short(group) + Short(element) + Long(length);
}

TEST(DicomScan, ReadsWhatAFileSays)
{
  const Testing::DicomFile image = []
  {
    Testing::DicomFile file("PX");
    file.Set("PatientID", "4711").AddItem("OtherPatientIDsSequence", {{"PatientID", "X"}});
    return file;
  }();
  const DicomScan scan = ScanDicom(Bytes(image));
  EXPECT_TRUE(scan.isDicom);
  EXPECT_TRUE(scan.hasPreamble);
  EXPECT_TRUE(scan.hasPixelData);
  EXPECT_EQ("1.2.840.10008.1.2.1", scan.transferSyntax);
  EXPECT_EQ("4711", scan.Text(0x00100020));
  EXPECT_EQ(image.StudyUid(), scan.Text(0x0020000D));
  EXPECT_THAT(scan.problems, IsEmpty());
  EXPECT_THAT(scan.warnings, IsEmpty());
}

TEST(DicomScan, SaysOfEveryCutFileThatItIsCut)
{
  const std::string whole = Bytes(Testing::DicomFile("PX", 4));
  int whole_ = 0;
  for (size_t size = 0; size < whole.size(); size++)
  {
    whole_ += ScanDicom(whole.substr(0, size)).problems.empty() ? 1 : 0;
  }
  // Cut between two elements, the rest is a shorter data set.
  EXPECT_LT(whole_, 60);
  EXPECT_THAT(ScanDicom(whole.substr(0, whole.size() - 1)).problems,
              ElementsAre("The pixel data are cut off"));
}

TEST(DicomScan, KnowsFilesWithoutPreamble)
{
  const std::string whole = Bytes(Testing::DicomFile("PX"));
  const DicomScan scan = ScanDicom(whole.substr(132));
  EXPECT_TRUE(scan.isDicom);
  EXPECT_FALSE(scan.hasPreamble);
  EXPECT_THAT(scan.problems, IsEmpty());
  EXPECT_FALSE(ScanDicom("").isDicom);
  EXPECT_FALSE(ScanDicom("%PDF-1.4 " + std::string(500, 'x')).isDicom);
  EXPECT_FALSE(ScanDicom(std::string(1000, '\0')).isDicom);
}

TEST(DicomScan, RefusesWhatIsNestedTooDeeply)
{
  const std::string head = std::string(128, '\0') + "DICM" + Short(2) + Short(0x10) + "UI" + Short(18) +
                           "1.2.840.10008.1.2" + std::string(1, '\0');
  std::string undefined = head;
  std::string defined;
  for (int i = 0; i < 1000; i++)
  {
    undefined += Implicit(0x0040, 0x0275, 0xFFFFFFFF) + Implicit(0xFFFE, 0xE000, 0xFFFFFFFF);
    defined = Implicit(0x0040, 0x0275, static_cast<uint32_t>(defined.size()) + 8) +
              Implicit(0xFFFE, 0xE000, static_cast<uint32_t>(defined.size())) + defined;
  }
  EXPECT_THAT(ScanDicom(undefined).problems, ElementsAre(HasSubstr("nested")));
  EXPECT_THAT(ScanDicom(head + defined).problems, ElementsAre(HasSubstr("nested")));
}

TEST(DicomScan, StandsAnything)
{
  Testing::DicomFile file("PX", 2);
  file.AddItem("OtherPatientIDsSequence", {{"PatientID", "X"}});
  const std::string whole = Bytes(file);
  for (size_t at = 0; at < whole.size(); at++)
  {
    for (const char change : {'\0', '\xFF', 'S', '\x10'})
    {
      std::string changed = whole;
      changed[at] = change;
      ScanDicom(changed);
      ScanDicom(std::string_view(changed).substr(132));
    }
  }
}

TEST(DicomScan, FindsNothingWrongInRealFiles)
{
  const char* const named = std::getenv("CLINIC_DICOM_FOLDER");
  const std::filesystem::path folder =
      named != nullptr ? named : std::filesystem::path(ORTHANC_CLINIC_SOURCE_DIR) / "../shared/dicom";
  if (!std::filesystem::exists(folder))
  {
    GTEST_SKIP() << "there are no real files at " << folder << " (CLINIC_DICOM_FOLDER)";
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
  {
    // (but for those that were broken on purpose)
    if (entry.is_regular_file() && entry.path().extension() == ".dcm" &&
        entry.path().string().find("hostile") == std::string::npos)
    {
      const DicomScan scan = ScanDicom(Testing::ReadFile(entry.path()));
      EXPECT_TRUE(scan.problems.empty()) << entry.path() << ": " << scan.problems.front();
    }
  }
}
}  // namespace
}  // namespace OrthancClinic
