// SPDX-License-Identifier: GPL-3.0-or-later

#include "Pseudonyms.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <map>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/Uid.h"
#include "Deidentification.h"
#include "DicomDataset.h"

namespace OrthancClinic::Analysis
{
std::string Pseudonyms::Uid(const std::string& original) const
{
  return UidOf("analysis/" + analysisId_ + "/" + original);
}

std::string Pseudonyms::Deidentify(IOrthanc& orthanc, Images& images, const AnalysedImage& image) const
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
  // Orthanc makes a new one for each instance: the slices of a volume would lie in different spaces.
  if (const std::string space = Tag(image.tags, "0020,0052"); !space.empty())
  {
    replace["FrameOfReferenceUID"] = Uid(space);
  }
  const std::string anonymised =
      orthanc.PostBytes("/instances/" + image.orthancInstanceId + "/anonymize", WriteJson(body));
  return RemoveIdentity(images.Uncompressed(anonymised), [this](const std::string& uid) { return Uid(uid); });
}

std::string Pseudonyms::Reidentify(const std::string& bytes, const std::vector<AnalysedImage>& images) const
{
  std::map<std::string, std::string> originals;
  for (const AnalysedImage& image : images)
  {
    for (const std::string& uid : {Tag(image.tags, "0020,000d"), image.seriesInstanceUid,
                                   image.sopInstanceUid, Tag(image.tags, "0020,0052")})
    {
      originals[Uid(uid)] = uid;
    }
  }
  // Orthanc has parsed this file with the same library when it took it.
  DcmFileFormat file;
  ReadDicom(bytes, file);
  DcmDataset& dataset = *file.getDataset();
  if (dataset.convertToUTF8().bad())
  {
    // It names a character set that there is not, or does not keep to it. Latin 1 reads every byte.
    CheckDicom(dataset.putAndInsertString(DCM_SpecificCharacterSet, "ISO_IR 100"));
    CheckDicom(dataset.convertToUTF8());
  }
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
      const std::string replaced = ReplaceUids(text.c_str(),
                                               [&](const std::string& uid)
                                               {
                                                 const auto original = originals.find(uid);
                                                 return original == originals.end() ? uid : original->second;
                                               });
      if (replaced != text.c_str())
      {
        CheckDicom(element->putString(replaced.c_str()));
      }
    }
  }
  CopyStudyAttributes(dataset, images.front().tags);
  return WriteDicom(file);
}
}  // namespace OrthancClinic::Analysis
