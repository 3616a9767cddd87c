// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/DicomFile.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcitem.h>
#include <dcmtk/dcmdata/dcuid.h>

#include <ctime>
#include <stdexcept>
#include <vector>

namespace OrthancClinic::Testing
{
namespace
{
const std::map<std::string, const char*>& StorageClasses()
{
  static const std::map<std::string, const char*> classes = {
      {"CT", UID_CTImageStorage},
      {"DX", UID_DigitalXRayImageStorageForPresentation},
      {"IO", UID_DigitalIntraOralXRayImageStorageForPresentation},
      {"MR", UID_MRImageStorage},
      {"OT", UID_SecondaryCaptureImageStorage},
      {"PX", UID_DigitalXRayImageStorageForPresentation},
      {"US", UID_UltrasoundImageStorage},
  };
  return classes;
}

void Check(const OFCondition& condition, const std::string& what)
{
  if (condition.bad())
  {
    throw std::runtime_error(what + ": " + condition.text());
  }
}

DcmTag Tag(const std::string& element)
{
  DcmTag tag;
  Check(DcmTag::findTagFromName(element.c_str(), tag), element);
  return tag;
}
}  // namespace

std::string NewUid()
{
  char uid[100];
  return dcmGenerateUniqueIdentifier(uid);
}

DicomFile::DicomFile(const std::string& modality, unsigned size) : file_(std::make_unique<DcmFileFormat>())
{
  char today[9];
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  std::strftime(today, sizeof(today), "%Y%m%d", localtime_r(&now, &local));

  const auto found = StorageClasses().find(modality);
  Set("SOPClassUID", found == StorageClasses().end() ? UID_SecondaryCaptureImageStorage : found->second);
  Set("SOPInstanceUID", NewUid());
  Set("StudyInstanceUID", NewUid());
  Set("SeriesInstanceUID", NewUid());
  Set("SpecificCharacterSet", "ISO_IR 192");
  Set("Modality", modality);
  Set("StudyDate", today);
  Set("StudyTime", "103000");
  for (const char* empty : {"AccessionNumber", "ReferringPhysicianName", "PatientName", "PatientID",
                            "PatientBirthDate", "PatientSex", "StudyID"})
  {
    Set(empty, "");
  }
  Set("SeriesNumber", "1");
  Set("InstanceNumber", "1");
  Set("PhotometricInterpretation", "MONOCHROME2");

  DcmDataset& dataset = *file_->getDataset();
  const std::map<DcmTagKey, Uint16> numbers = {{DCM_SamplesPerPixel, 1},
                                               {DCM_Rows, static_cast<Uint16>(size)},
                                               {DCM_Columns, static_cast<Uint16>(size)},
                                               {DCM_BitsAllocated, 16},
                                               {DCM_BitsStored, 12},
                                               {DCM_HighBit, 11},
                                               {DCM_PixelRepresentation, 0}};
  for (const auto& [tag, value] : numbers)
  {
    Check(dataset.putAndInsertUint16(tag, value), "pixel description");
  }
  std::vector<Uint16> pixels(static_cast<size_t>(size) * size);
  for (size_t i = 0; i < pixels.size(); i++)
  {
    pixels[i] = static_cast<Uint16>((i % size) * 4095 / size);
  }
  Check(dataset.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size()), "pixels");
}

DicomFile::~DicomFile() = default;
DicomFile::DicomFile(DicomFile&&) noexcept = default;
DicomFile& DicomFile::operator=(DicomFile&&) noexcept = default;

DicomFile& DicomFile::Set(const std::string& element, const std::string& bytes)
{
  Check(
      file_->getDataset()->putAndInsertString(Tag(element), bytes.data(), static_cast<Uint32>(bytes.size())),
      element);
  return *this;
}

DicomFile& DicomFile::AddItem(const std::string& sequence, const std::map<std::string, std::string>& elements)
{
  DcmItem* item = nullptr;
  Check(file_->getDataset()->findOrCreateSequenceItem(Tag(sequence), item, -2), sequence);
  for (const auto& [element, bytes] : elements)
  {
    Check(item->putAndInsertString(Tag(element), bytes.data(), static_cast<Uint32>(bytes.size())), element);
  }
  return *this;
}

DicomFile& DicomFile::Remove(const std::string& element)
{
  file_->getDataset()->findAndDeleteElement(Tag(element));
  return *this;
}

std::string DicomFile::Get(const std::string& element) const
{
  OFString value;
  file_->getDataset()->findAndGetOFStringArray(Tag(element), value);
  return {value.c_str(), value.size()};
}

DicomFile& DicomFile::NextInstance()
{
  Set("SOPInstanceUID", NewUid());
  return Set("InstanceNumber", std::to_string(++instanceNumber_));
}

std::filesystem::path DicomFile::SaveIn(const std::filesystem::path& folder) const
{
  std::filesystem::path path = folder / (InstanceUid() + ".dcm");
  Check(file_->saveFile(path.c_str(), EXS_LittleEndianExplicit), path.string());
  return path;
}
}  // namespace OrthancClinic::Testing
