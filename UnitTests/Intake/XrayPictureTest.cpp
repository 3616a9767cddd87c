// SPDX-License-Identifier: GPL-3.0-or-later

#include "Intake/XrayPicture.h"

#include <gmock/gmock.h>

#include <cstring>

#include "Core/Dicom/DicomScan.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Intake/PreviewJpeg.h"
#include "Intake/XraySecondaryCapture.h"

namespace OrthancClinic::Intake
{
namespace
{
using ::testing::HasSubstr;

// 8 × 8 pixels, by libjpeg: grey, colour, CMYK.
constexpr const char* GREY_JPEG =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/"
    "2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8"
    "ybqmx5moq6T/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABf/EABgQAAIDAAAAAAAAAAAAAAAAAAQRABQh/9oACAEBAAA/"
    "ACAQ"
    "rCxuf//Z";
constexpr const char* COLOUR_JPEG =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/"
    "2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8"
    "ybqmx5moq6T/"
    "2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/"
    "wAARCAAIAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAcEAACAgMBAQAAAAAAAAAAAAABAgADBBEhUfD/"
    "xAAVAQEBAAAA"
    "AAAAAAAAAAAAAAAAA//EABcRAQEBAQAAAAAAAAAAAAAAAAEAAgP/2gAMAwEAAhEDEQA/AIsTDpXHR7Kw7ON9Ogo9P3YiIa3PIl//"
    "2Q==";
constexpr const char* CMYK_JPEG =
    "/9j/7gAOQWRvYmUAZAAAAAAA/"
    "9sAQwAbEhQXFBEbFxYXHhwbIChCKyglJShROj0wQmBVZWRfVV1baniZgWpxkHNbXYW1hpCeo6utq2eAvMm6"
    "pseZqKuk/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABQAAQAAAAAAAAAAAAAAAAAAAAT/"
    "xAAfEAACAgIDAQEBAAAAAAAAAAABAgMRBCEAMUES"
    "cYH/2gAOBEMATQBZAEsAAD8AHh4kCY0ckkaMWX6JfoDzXt0fRVWdcNh4UKwI8sCtaB/"
    "p+u+q9Oj6K74bGw4UiiYwLITRckWBd67FGheyNfvD"
    "4uJjKI1MKySaL/S3qr1seGybof3n/9k=";

// Two pixels, red and blue, of a palette; two of 16 bits; one that is transparent; eight of one bit; and one
// that says that it is of 60000 × 60000.
constexpr const char* PALETTE_PNG =
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAMAAADD/I+4AAAABlBMVEX/"
    "AAAAAP9sof2OAAAAC0lEQVR42mNgYAQAAAQAAizeSK0AAAAASUVO"
    "RK5CYII=";
constexpr const char* DEEP_PNG =
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABEAAAAACB2fwVAAAADUlEQVR42mMQMvn/HwAD5gJF8RyEZQAAAABJRU5ErkJggg==";
constexpr const char* TRANSPARENT_PNG =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNgZGJmAAAAFQAH8/QyXgAAAABJRU5ErkJggg==";
constexpr const char* BINARY_PNG =
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAABAQAAAADLe9LuAAAACklEQVR42mP4AAAA8gDxMXlnawAAAABJRU5ErkJggg==";
constexpr const char* BOMB_PNG =
    "iVBORw0KGgoAAAANSUhEUgAA6mAAAOpgCAAAAACluSqeAAAACUlEQVR42mMAAAABAAGxDbaTAAAAAElFTkSuQmCC";

std::string File(const char* base64)
{
  return FromBase64(base64).value();
}

TEST(XrayPicture, KeepsAJpegAsItCame)
{
  const auto grey = ReadXrayPicture(File(GREY_JPEG));
  ASSERT_TRUE(grey);
  EXPECT_EQ(8U, grey->width);
  EXPECT_EQ(8U, grey->height);
  EXPECT_EQ(1U, grey->samples);
  EXPECT_TRUE(grey->isJpeg);
  EXPECT_FALSE(grey->isExtended);
  EXPECT_EQ(File(GREY_JPEG), grey->bytes);
  const auto colour = ReadXrayPicture(File(COLOUR_JPEG));
  ASSERT_TRUE(colour);
  EXPECT_EQ(3U, colour->samples);
  EXPECT_FALSE(colour->isRgb);
}

TEST(XrayPicture, DecodesAProgressiveJpeg)
{
  Image image{.width = 40, .height = 30, .format = Image::Format::Gray8, .pixels = std::string(1200, '\x60')};
  const auto picture = ReadXrayPicture(EncodeProgressiveJpeg(image, 95));
  ASSERT_TRUE(picture);
  EXPECT_FALSE(picture->isJpeg) << "DICOM's JPEG baseline is not progressive";
  EXPECT_TRUE(picture->wasLossy);
  EXPECT_EQ(image.pixels, picture->bytes);
}

TEST(XrayPicture, ReadsEachKindOfPng)
{
  const auto palette = ReadXrayPicture(File(PALETTE_PNG));
  ASSERT_TRUE(palette);
  EXPECT_EQ(3U, palette->samples);
  EXPECT_EQ(std::string("\xff\0\0\0\0\xff", 6), palette->bytes);

  const auto deep = ReadXrayPicture(File(DEEP_PNG));
  ASSERT_TRUE(deep);
  EXPECT_EQ(16U, deep->bits);
  uint16_t values[2];
  std::memcpy(values, deep->bytes.data(), sizeof(values));
  EXPECT_EQ(0x1234, values[0]);
  EXPECT_EQ(0xffff, values[1]);

  EXPECT_EQ("\1\2\3", ReadXrayPicture(File(TRANSPARENT_PNG))->bytes);
  EXPECT_EQ(std::string("\xff\xff\xff\xff\0\0\0\0", 8), ReadXrayPicture(File(BINARY_PNG))->bytes);
}

TEST(XrayPicture, RefusesWhatIsBrokenCutOffOrABomb)
{
  EXPECT_FALSE(ReadXrayPicture(""));
  EXPECT_FALSE(ReadXrayPicture("GIF89a"));
  EXPECT_THROW(ReadXrayPicture(File(CMYK_JPEG)), BadInput);
  EXPECT_THROW(ReadXrayPicture(File(BOMB_PNG)), BadInput);
  for (const char* whole : {GREY_JPEG, COLOUR_JPEG, PALETTE_PNG, DEEP_PNG})
  {
    const std::string file = File(whole);
    for (size_t size = 10; size + 12 < file.size(); size++)
    {
      EXPECT_THROW(ReadXrayPicture(file.substr(0, size)), BadInput) << size << " of " << file.size();
    }
  }
}

TEST(SecondaryCaptureOfAPicture, IsDicomOfTheLead)
{
  SecondaryCapture about;
  about.patient.id = "cml1";
  about.patient.practiceId = "default";
  about.patient.names = {{.family = "Tremblay", .given = "Jean-François"}};
  about.patient.birthDate = "1985-01-01";
  about.patient.sex = "M";
  about.xrayType = "panoramic";
  about.taken = {"20260208", "103000"};

  const auto grey = ReadXrayPicture(File(GREY_JPEG)).value();
  const std::string file = MakeSecondaryCapture(about, grey);
  const DicomScan scan = ScanDicom(file);
  EXPECT_TRUE(scan.problems.empty()) << scan.problems.front();
  EXPECT_EQ("1.2.840.10008.1.2.4.50", scan.transferSyntax);
  EXPECT_EQ("1.2.840.10008.5.1.4.1.1.7", scan.Text(0x00080016));
  EXPECT_EQ("PX", scan.Text(0x00080060));
  EXPECT_EQ("cml1", scan.Text(0x00100020));
  EXPECT_EQ("Tremblay^Jean-François", scan.Text(0x00100010));
  EXPECT_EQ("19850101", scan.Text(0x00100030));
  EXPECT_EQ("20260208", scan.Text(0x00080020));
  EXPECT_EQ("YES", scan.Text(0x00280301));
  EXPECT_EQ("01", scan.Text(0x00282110));
  EXPECT_EQ(0U, scan.elements.count(0x00200060)) << "nobody said which side it is";
  EXPECT_THAT(file, HasSubstr(grey.bytes)) << "the JPEG itself";

  EXPECT_EQ(scan.Text(0x00080018), ScanDicom(MakeSecondaryCapture(about, grey)).Text(0x00080018))
      << "the same picture of the same lead is the same image";
  about.patient.id = "cml2";
  EXPECT_NE(scan.Text(0x00080018), ScanDicom(MakeSecondaryCapture(about, grey)).Text(0x00080018));
  EXPECT_NE(scan.Text(0x0020000D), ScanDicom(MakeSecondaryCapture(about, grey)).Text(0x0020000D));

  const DicomScan png = ScanDicom(MakeSecondaryCapture(about, ReadXrayPicture(File(DEEP_PNG)).value()));
  EXPECT_TRUE(png.problems.empty());
  EXPECT_EQ("1.2.840.10008.1.2.1", png.transferSyntax);
  EXPECT_EQ("", png.Text(0x00282110)) << "nothing was lost";
}
}  // namespace
}  // namespace OrthancClinic::Intake
