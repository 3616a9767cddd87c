// SPDX-License-Identifier: GPL-3.0-or-later

#include "DicomDataset.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>

#include "Core/Dicom/Text.h"
#include "Core/Errors.h"
#include "Finding.h"

namespace OrthancClinic::Analysis
{
void CheckDicom(const OFCondition& condition)
{
  if (condition.bad())
  {
    throw Unavailable(std::string("A DICOM object cannot be made: ") + condition.text());
  }
}

void CopyStudyAttributes(DcmItem& dataset, const Json::Value& tags)
{
  for (const auto& [name, tag] :
       {std::pair("0010,0010", DCM_PatientName), std::pair("0010,0020", DCM_PatientID),
        std::pair("0010,0021", DCM_IssuerOfPatientID), std::pair("0010,0030", DCM_PatientBirthDate),
        std::pair("0010,0040", DCM_PatientSex), std::pair("0008,0020", DCM_StudyDate),
        std::pair("0008,0030", DCM_StudyTime), std::pair("0008,0050", DCM_AccessionNumber),
        std::pair("0020,0010", DCM_StudyID), std::pair("0008,0090", DCM_ReferringPhysicianName),
        std::pair("0008,1030", DCM_StudyDescription), std::pair("0020,000d", DCM_StudyInstanceUID)})
  {
    const std::string value = Tag(tags, name);
    if (!value.empty())
    {
      CheckDicom(dataset.putAndInsertString(tag, value.c_str()));
    }
    else if (dataset.tagExists(tag))
    {
      CheckDicom(dataset.insertEmptyElement(tag));
    }
  }
}

std::string ShortText(const std::string& text)
{
  constexpr size_t LONGEST = 64;
  return CleanText(CutValue(text, LONGEST), LONGEST);
}

void ReadDicom(const std::string& bytes, DcmFileFormat& file)
{
  DcmInputBufferStream stream;
  stream.setBuffer(bytes.data(), static_cast<offile_off_t>(bytes.size()));
  stream.setEos();
  file.transferInit();
  CheckDicom(file.read(stream));
  file.transferEnd();
  CheckDicom(file.loadAllDataIntoMemory());
}

std::string ReplaceUids(const std::string& text, const std::function<std::string(const std::string&)>& by)
{
  std::string replaced;
  for (size_t begin = 0; begin <= text.size();)
  {
    const size_t end = std::min(text.find('\\', begin), text.size());
    replaced += (begin == 0 ? "" : "\\") + by(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return replaced;
}

std::string WriteDicom(DcmFileFormat& file)
{
  // Compressed pixels stay as they are.
  const E_TransferSyntax original = file.getDataset()->getOriginalXfer();
  const E_TransferSyntax syntax = DcmXfer(original).isEncapsulated() ? original : EXS_LittleEndianExplicit;
  CheckDicom(file.validateMetaInfo(syntax));
  std::string buffer(file.calcElementLength(syntax, EET_ExplicitLength) + (64 << 10), '\0');
  DcmOutputBufferStream stream(buffer.data(), static_cast<offile_off_t>(buffer.size()));
  file.transferInit();
  CheckDicom(file.write(stream, syntax, EET_ExplicitLength, nullptr));
  file.transferEnd();
  void* written = nullptr;
  offile_off_t size = 0;
  stream.flushBuffer(written, size);
  buffer.resize(static_cast<size_t>(size));
  return buffer;
}
}  // namespace OrthancClinic::Analysis
