// SPDX-License-Identifier: GPL-3.0-or-later

#include "TagEditor.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcspchrs.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/DicomDate.h"
#include "Core/Errors.h"
#include "Core/Timestamp.h"
#include "DicomBytes.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr const char* UTF8 = "ISO_IR 192";

void Check(const OFCondition& condition, const char* what)
{
  if (condition.bad())
  {
    throw BadInput(std::string(what) + ": " + condition.text());
  }
}

DcmTagKey TagOf(const std::string& keyword)
{
  DcmTag tag;
  if (DcmTag::findTagFromName(keyword.c_str(), tag).bad())
  {
    throw BadInput("There is no DICOM element of this name");
  }
  return tag;
}

// PS3.5 6.2: how many characters an element may hold; 0 for a kind that a user does not write.
size_t LongestOf(DcmEVR vr)
{
  switch (vr)
  {
    case EVR_SH:
    case EVR_CS:
    case EVR_TM:
      return 16;
    case EVR_LO:
    case EVR_PN:  // of each component group
      return 64;
    case EVR_DA:
      return 8;
    case EVR_ST:
      return 1024;
    case EVR_LT:
      return 10240;
    default:
      return 0;
  }
}

// What is wrong with a value for this element; empty if nothing is.
std::string Fault(const std::string& keyword, const std::string& value)
{
  const DcmEVR vr = DcmTag(TagOf(keyword)).getEVR();
  const bool isText = vr == EVR_ST || vr == EVR_LT;
  size_t longest = LongestOf(vr);
  if (std::any_of(value.begin(), value.end(),
                  [&](char c)
                  {
                    const bool isControl = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
                    return isText ? isControl && c != '\n' && c != '\r' && c != '\t' : isControl || c == '\\';
                  }))
  {
    return "expected text without control characters and backslashes";
  }
  const auto length = CountCodePoints(value);
  if (!length)
  {
    return "expected valid UTF-8";
  }
  if (vr == EVR_PN)
  {
    if (std::count(value.begin(), value.end(), '=') > 2 || std::count(value.begin(), value.end(), '^') > 12)
    {
      return "expected a name of at most three groups of five components (Tremblay^Jean)";
    }
    longest *= 3;
  }
  if (vr == EVR_DA)
  {
    const auto date = DicomDate::Parse(value);
    return value.empty() || (value.size() == 8 && date && date->day != 0) ? ""
                                                                          : "expected a date as YYYYMMDD";
  }
  return *length > longest ? fmt::format("expected at most {} characters", longest) : "";
}

class File
{
public:
  explicit File(const std::string& dicom)
  {
    DcmInputBufferStream stream;
    stream.setBuffer(dicom.data(), static_cast<offile_off_t>(dicom.size()));
    stream.setEos();
    file_.transferInit();
    const OFCondition read = file_.read(stream, EXS_Unknown, EGL_noChange, DCM_MaxReadLength);
    file_.transferEnd();
    Check(read, "The DICOM file cannot be read");
    Check(file_.loadAllDataIntoMemory(), "The DICOM file cannot be read");
  }

  DcmDataset& Data() { return *file_.getDataset(); }

  std::string Write()
  {
    const E_TransferSyntax syntax = Data().getOriginalXfer();
    Check(file_.validateMetaInfo(syntax, EWM_updateMeta), "The DICOM file cannot be written");
    std::string bytes;
    Check(WriteDicom(file_, syntax, EET_UndefinedLength, bytes), "The DICOM file cannot be written");
    return bytes;
  }

  // In UTF-8; what cannot be read in the file's character set as its bytes are.
  std::string Text(const DcmTagKey& tag)
  {
    OFString raw;
    if (Data().findAndGetOFStringArray(tag, raw).bad())
    {
      return "";
    }
    DcmSpecificCharacterSet converter;
    OFString text;
    const bool converted = converter.selectCharacterSet(CharacterSet().c_str()).good() &&
                           converter.convertString(raw, text, "^=").good();
    return (converted ? text : raw).c_str();
  }

  OFString CharacterSet()
  {
    OFString set;
    Data().findAndGetOFStringArray(DCM_SpecificCharacterSet, set);
    return set;
  }

  // Bytes of the file's character set for a text; the whole file becomes UTF-8 if that cannot write it.
  OFString Encode(const std::string& text)
  {
    if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    {
      return text.c_str();
    }
    DcmSpecificCharacterSet converter;
    OFString encoded;
    // It fails rather than replace a character: a name is never written as something like it.
    if (CharacterSet() != UTF8 && !CharacterSet().empty() &&
        converter.selectCharacterSet(UTF8, CharacterSet().c_str()).good() &&
        converter.convertString(text.c_str(), encoded, "^=").good())
    {
      return encoded;
    }
    if (CharacterSet() != UTF8)
    {
      Check(Data().convertToUTF8(), "The file's own character set cannot be read");
      Check(Data().putAndInsertString(DCM_SpecificCharacterSet, UTF8), "The DICOM file cannot be changed");
    }
    return text.c_str();
  }

private:
  DcmFileFormat file_;
};

// DICOM's DT of now, in UTC.
std::string NowAsDicom()
{
  std::string text = ToString(Now());  // 2026-02-08T10:30:00.000Z
  std::erase_if(text, [](char c) { return c == '-' || c == ':' || c == 'T' || c == 'Z'; });
  return text + "+0000";
}
}  // namespace

void CheckModifiable(const std::string& keyword)
{
  static const std::set<std::string> NEVER = {"StudyInstanceUID",    "SeriesInstanceUID", "SOPInstanceUID",
                                              "SOPClassUID",         "Modality",          "InstitutionName",
                                              "SpecificCharacterSet"};
  const DcmTagKey tag = TagOf(keyword);
  if (NEVER.contains(keyword) || tag.getGroup() == 2 || tag.getGroup() >= 0x0028 ||
      LongestOf(DcmTag(tag).getEVR()) == 0)
  {
    throw BadInput(keyword + " is not for a user to change");
  }
}

Json::Value ToJson(const TagChanges& changes)
{
  Json::Value json(Json::objectValue);
  for (const auto& [keyword, value] : changes)
  {
    json[keyword] = value;
  }
  return json;
}

TagChanges TagChangesFromJson(const Json::Value& json)
{
  TagChanges changes;
  for (const std::string& keyword : json.getMemberNames())
  {
    changes[keyword] = json[keyword].asString();
  }
  return changes;
}

TagChanges ReadTagChanges(const Json::Value& json, const std::vector<std::string>& modifiable)
{
  if (!json.isObject())
  {
    throw BadInput("The changes of tags are not as this call expects them",
                   {{"tag_modifications", "expected an object of keywords and values"}});
  }
  std::string known;
  for (const std::string& keyword : modifiable)
  {
    known += (known.empty() ? "" : ", ") + keyword;
  }
  TagChanges changes;
  std::vector<FieldError> errors;
  for (const std::string& keyword : json.getMemberNames())
  {
    const std::string field = "tag_modifications." + Abbreviate(keyword);
    if (std::find(modifiable.begin(), modifiable.end(), keyword) == modifiable.end())
    {
      errors.push_back({field, "this tag cannot be changed; those that can: " + known});
    }
    else if (!json[keyword].isString())
    {
      errors.push_back({field, "expected a string"});
    }
    else if (const std::string fault = Fault(keyword, json[keyword].asString()); !fault.empty())
    {
      errors.push_back({field, fault});
    }
    else
    {
      changes[keyword] = json[keyword].asString();
    }
  }
  if (!errors.empty())
  {
    throw BadInput("The changes of tags are not as this call expects them", errors);
  }
  return changes;
}

EditedDicom EditDicom(const std::string& dicom, const TagChanges& changes)
{
  EditedDicom edited{dicom, {}};
  File file(dicom);
  DcmDataset& data = file.Data();
  for (const auto& [keyword, value] : changes)
  {
    const std::string before = file.Text(TagOf(keyword));
    if (before != value)
    {
      edited.original[keyword] = before;
    }
  }
  if (edited.original.empty())
  {
    return edited;
  }

  // PS3.3 C.12.1.1.9: an item for each time that something is changed.
  DcmItem* item = nullptr;
  DcmItem* attributes = nullptr;
  Check(data.findOrCreateSequenceItem(DCM_OriginalAttributesSequence, item, -2),
        "The DICOM file cannot be changed");
  Check(item->putAndInsertString(DCM_SourceOfPreviousValues, ""), "The DICOM file cannot be changed");
  Check(item->putAndInsertString(DCM_AttributeModificationDateTime, NowAsDicom().c_str()),
        "The DICOM file cannot be changed");
  Check(item->putAndInsertString(DCM_ModifyingSystem, "Orthanc Clinic"), "The DICOM file cannot be changed");
  Check(item->putAndInsertString(DCM_ReasonForTheAttributeModification, "CORRECT"),
        "The DICOM file cannot be changed");
  Check(item->findOrCreateSequenceItem(DCM_ModifiedAttributesSequence, attributes, 0),
        "The DICOM file cannot be changed");
  for (const auto& [keyword, before] : edited.original)
  {
    const DcmTagKey tag = TagOf(keyword);
    DcmElement* element = nullptr;
    if (data.findAndGetElement(tag, element, OFFalse, OFTrue).good())
    {
      Check(attributes->insert(element, OFTrue), "The DICOM file cannot be changed");
    }
    else
    {
      Check(attributes->insertEmptyElement(tag), "The DICOM file cannot be changed");
    }
  }
  for (const auto& [keyword, before] : edited.original)
  {
    const OFString encoded = file.Encode(changes.at(keyword));
    Check(data.putAndInsertOFStringArray(TagOf(keyword), encoded), "The DICOM file cannot be changed");
  }
  edited.dicom = file.Write();
  return edited;
}

std::string CompleteMetaHeader(const std::string& dicom)
{
  return File(dicom).Write();
}
}  // namespace OrthancClinic::Intake
