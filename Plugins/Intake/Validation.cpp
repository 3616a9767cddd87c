// SPDX-License-Identifier: GPL-3.0-or-later

#include "Validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/DicomScan.h"
#include "Core/Dicom/Tags.h"
#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
struct Element
{
  const char* keyword;
  const char* tag;
};

// Type 1 of every composite object: PS3.3 C.12.1 (SOP Common), C.7.2.1 (General Study), C.7.3.1 (General
// Series).
constexpr Element REQUIRED[] = {{"SOPClassUID", "0008,0016"},
                                {"SOPInstanceUID", "0008,0018"},
                                {"StudyInstanceUID", "0020,000d"},
                                {"SeriesInstanceUID", "0020,000e"},
                                {"Modality", "0008,0060"}};

// What a person or a system looks for.
constexpr Element SHOWN[] = {{"PatientID", "0010,0020"},
                             {"PatientName", "0010,0010"},
                             {"PatientBirthDate", "0010,0030"},
                             {"PatientSex", "0010,0040"},
                             {"StudyInstanceUID", "0020,000d"},
                             {"StudyID", "0020,0010"},
                             {"StudyDate", "0008,0020"},
                             {"StudyTime", "0008,0030"},
                             {"StudyDescription", "0008,1030"},
                             {"SeriesInstanceUID", "0020,000e"},
                             {"SeriesDescription", "0008,103e"},
                             {"SeriesNumber", "0020,0011"},
                             {"InstanceNumber", "0020,0013"},
                             {"Modality", "0008,0060"},
                             {"SOPInstanceUID", "0008,0018"},
                             {"SOPClassUID", "0008,0016"},
                             {"AccessionNumber", "0008,0050"},
                             {"ReferringPhysicianName", "0008,0090"},
                             {"InstitutionName", "0008,0080"},
                             {"BodyPartExamined", "0018,0015"},
                             {"Manufacturer", "0008,0070"},
                             {"ManufacturerModelName", "0008,1090"},
                             {"SpecificCharacterSet", "0008,0005"},
                             {"Rows", "0028,0010"},
                             {"Columns", "0028,0011"},
                             {"NumberOfFrames", "0028,0008"}};

// PS3.5 9.1.
bool IsUid(const std::string& text)
{
  if (text.empty() || text.size() > 64 || text.front() == '.' || text.back() == '.')
  {
    return false;
  }
  for (size_t i = 0; i < text.size(); i++)
  {
    const bool afterDot = i == 0 || text[i - 1] == '.';
    const bool digit = text[i] >= '0' && text[i] <= '9';
    const bool leadingZero = text[i] == '0' && afterDot && i + 1 < text.size() && text[i + 1] != '.';
    if ((!digit && text[i] != '.') || (text[i] == '.' && afterDot) || leadingZero)
    {
      return false;
    }
  }
  return true;
}

// PS3.3 C.12.1.1.2, Tables C.12-2 to C.12-5.
bool IsCharacterSet(const std::string& term)
{
  static const std::set<std::string> TERMS = {"",
                                              "ISO_IR 6",
                                              "ISO_IR 100",
                                              "ISO_IR 101",
                                              "ISO_IR 109",
                                              "ISO_IR 110",
                                              "ISO_IR 144",
                                              "ISO_IR 127",
                                              "ISO_IR 126",
                                              "ISO_IR 138",
                                              "ISO_IR 148",
                                              "ISO_IR 203",
                                              "ISO_IR 13",
                                              "ISO_IR 166",
                                              "ISO_IR 192",
                                              "GB18030",
                                              "GBK",
                                              "ISO 2022 IR 6",
                                              "ISO 2022 IR 100",
                                              "ISO 2022 IR 101",
                                              "ISO 2022 IR 109",
                                              "ISO 2022 IR 110",
                                              "ISO 2022 IR 144",
                                              "ISO 2022 IR 127",
                                              "ISO 2022 IR 126",
                                              "ISO 2022 IR 138",
                                              "ISO 2022 IR 148",
                                              "ISO 2022 IR 203",
                                              "ISO 2022 IR 13",
                                              "ISO 2022 IR 166",
                                              "ISO 2022 IR 87",
                                              "ISO 2022 IR 159",
                                              "ISO 2022 IR 149",
                                              "ISO 2022 IR 58"};
  return TERMS.contains(term);
}

// How many bytes pixels take that are not compressed (PS3.5 8.1.1; PS3.3 C.7.6.3.1.2 for 4:2:2).
uint64_t NativePixelBytes(const Json::Value& tags)
{
  const auto number = [&](const char* tag, uint64_t otherwise)
  {
    const std::string text = Tag(tags, tag);
    return text.empty() ? otherwise : std::strtoull(text.c_str(), nullptr, 10);
  };
  // Each factor is a US but the frames, which are no more than 2^31 (an IS): the product fits.
  const uint64_t samples = Tag(tags, "0028,0004") == "YBR_FULL_422" ? 2 : number("0028,0002", 1);
  const uint64_t pixels =
      std::min<uint64_t>(number("0028,0010", 0), 0xFFFF) * std::min<uint64_t>(number("0028,0011", 0), 0xFFFF);
  const uint64_t bits = std::min<uint64_t>(samples, 4) * std::min<uint64_t>(number("0028,0100", 0), 64);
  const uint64_t frames = std::clamp<uint64_t>(number("0028,0008", 1), 1, 1 << 20);
  return pixels * bits * frames / 8;
}

void CheckElements(const DicomScan& scan, Validation& result)
{
  for (const Element& element : REQUIRED)
  {
    const std::string value = Tag(result.tags, element.tag);
    if (value.empty())
    {
      result.problems.push_back(fmt::format("{} ({}) is missing or empty", element.keyword, element.tag));
    }
    else if (std::string_view(element.keyword).ends_with("UID") && !IsUid(value))
    {
      result.warnings.push_back(fmt::format("{} ({}) is no valid UID", element.keyword, element.tag));
    }
  }
  std::string sets = Tag(result.tags, "0008,0005");
  for (size_t at = 0; at <= sets.size();)
  {
    const size_t end = std::min(sets.find('\\', at), sets.size());
    if (!IsCharacterSet(sets.substr(at, end - at)))
    {
      result.warnings.emplace_back("SpecificCharacterSet (0008,0005) is none that DICOM knows");
    }
    at = end + 1;
  }
  const std::string name = scan.Text(0x00100010);
  if ((sets.empty() || sets == "ISO_IR 6") &&
      std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
  {
    result.warnings.emplace_back(
        "PatientName (0010,0010) has letters for which SpecificCharacterSet is missing");
  }
  if (!scan.transferSyntax.starts_with("1.2.840.10008.1.2"))
  {
    result.warnings.emplace_back("The transfer syntax is none of DICOM's: viewers may not show the image");
  }
  if (Tag(result.tags, "0010,0020").empty())
  {
    result.warnings.emplace_back("PatientID (0010,0020) is empty");
  }
  for (const Element& date : {Element{"StudyDate", "0008,0020"}, Element{"PatientBirthDate", "0010,0030"}})
  {
    const std::string value = Tag(result.tags, date.tag);
    if (!value.empty() && !DicomDate::Parse(value))
    {
      result.warnings.push_back(fmt::format("{} ({}) is no date", date.keyword, date.tag));
    }
  }
  if (!scan.hasPixelData)
  {
    if (!Tag(result.tags, "0028,0010").empty())
    {
      result.warnings.emplace_back("The file says how large its image is, but has no pixel data");
    }
    return;
  }
  // PS3.3 C.7.6.3.1: what the pixels need to be read.
  for (const Element& element :
       {Element{"Rows", "0028,0010"}, Element{"Columns", "0028,0011"}, Element{"BitsAllocated", "0028,0100"},
        Element{"PhotometricInterpretation", "0028,0004"}})
  {
    const std::string value = Tag(result.tags, element.tag);
    if (value.empty() || value == "0")
    {
      result.problems.push_back(fmt::format("{} ({}) is missing or empty", element.keyword, element.tag));
    }
  }
  if (scan.nativePixelBytes && *scan.nativePixelBytes < NativePixelBytes(result.tags))
  {
    result.problems.emplace_back("The pixel data are shorter than the image");
  }
}
}  // namespace

Validation Validate(IOrthanc& orthanc, const std::string& file)
{
  Validation result;
  const DicomScan scan = ScanDicom(file);
  result.transferSyntax = scan.transferSyntax;
  result.problems = scan.problems;
  result.warnings = scan.warnings;
  if (!result.problems.empty())
  {
    return result;
  }
  if (!scan.hasPreamble)
  {
    result.warnings.emplace_back("The file has no preamble (PS3.10 7.1); it gets one when it is stored");
  }
  try
  {
    result.tags = orthanc.ReadDicom(file);
  }
  catch (const BadInput&)
  {
    result.problems.emplace_back("Orthanc cannot read this file");
    return result;
  }
  CheckElements(scan, result);
  return result;
}

Json::Value TagsByKeyword(const Validation& file)
{
  Json::Value tags(Json::objectValue);
  for (const Element& element : SHOWN)
  {
    tags[element.keyword] = Tag(file.tags, element.tag);
  }
  tags["TransferSyntaxUID"] = file.transferSyntax;
  return tags;
}
}  // namespace OrthancClinic::Intake
