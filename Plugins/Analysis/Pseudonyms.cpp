// SPDX-License-Identifier: GPL-3.0-or-later

#include "Pseudonyms.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dctk.h>

#include <map>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/Uid.h"
#include "DicomDataset.h"

namespace OrthancClinic::Analysis
{
namespace
{
// Each identifier of a multi-valued text that the table knows is replaced; nothing if none is.
std::string Replaced(const std::string& text, const std::map<std::string, std::string>& originals)
{
  std::string replaced;
  for (size_t begin = 0; begin <= text.size();)
  {
    const size_t end = std::min(text.find('\\', begin), text.size());
    const std::string one = text.substr(begin, end - begin);
    const auto original = originals.find(one);
    replaced += (begin == 0 ? "" : "\\") + (original == originals.end() ? one : original->second);
    begin = end + 1;
  }
  return replaced;
}
}  // namespace

std::string Pseudonyms::Uid(const std::string& original) const
{
  return UidOf("analysis/" + analysisId_ + "/" + original);
}

std::string Pseudonyms::Deidentify(IOrthanc& orthanc, const AnalysedImage& image) const
{
  Json::Value body;
  body["DicomVersion"] = "2021b";
  body["KeepPrivateTags"] = false;
  body["Force"] = true;  // to give the identifiers
  Json::Value& replace = body["Replace"];
  replace["PatientID"] = analysisId_;
  replace["PatientName"] = "ANALYSIS";
  replace["StudyInstanceUID"] = Uid(Tag(image.tags, "0020,000d"));
  replace["SeriesInstanceUID"] = Uid(image.seriesInstanceUid);
  replace["SOPInstanceUID"] = Uid(image.sopInstanceUid);
  return orthanc.PostBytes("/instances/" + image.orthancInstanceId + "/anonymize", WriteJson(body));
}

std::string Pseudonyms::Reidentify(const std::string& bytes, const std::vector<AnalysedImage>& images) const
{
  std::map<std::string, std::string> originals;
  for (const AnalysedImage& image : images)
  {
    for (const std::string& uid :
         {Tag(image.tags, "0020,000d"), image.seriesInstanceUid, image.sopInstanceUid})
    {
      originals[Uid(uid)] = uid;
    }
  }
  // Orthanc has parsed this file with the same library when it took it.
  DcmInputBufferStream stream;
  stream.setBuffer(bytes.data(), static_cast<offile_off_t>(bytes.size()));
  stream.setEos();
  DcmFileFormat file;
  file.transferInit();
  CheckDicom(file.read(stream));
  file.transferEnd();
  DcmDataset& dataset = *file.getDataset();
  CheckDicom(dataset.convertToUTF8());
  DcmStack stack;
  while (dataset.nextObject(stack, OFTrue).good())
  {
    if (stack.top()->getVR() != EVR_UI)
    {
      continue;
    }
    auto* const element = dynamic_cast<DcmElement*>(stack.top());
    OFString text;
    if (element != nullptr && element->getOFStringArray(text).good())
    {
      const std::string replaced = Replaced(text.c_str(), originals);
      if (replaced != text.c_str())
      {
        CheckDicom(element->putString(replaced.c_str()));
      }
    }
  }
  CopyStudyAttributes(dataset, images.front().tags);
  CheckDicom(dataset.chooseRepresentation(EXS_LittleEndianExplicit, nullptr));
  return WriteDicom(file);
}
}  // namespace OrthancClinic::Analysis
