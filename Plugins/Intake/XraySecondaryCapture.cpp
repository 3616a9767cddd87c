// SPDX-License-Identifier: GPL-3.0-or-later

#include "XraySecondaryCapture.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <memory>

#include "Core/Dicom/Uid.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Records/PatientModule.h"
#include "DicomBytes.h"

namespace OrthancClinic::Intake
{
namespace
{
struct Kind
{
  const char* xrayType;
  const char* modality;     // PS3.3 C.7.3.1.1.1
  const char* description;  // by which it is known as that kind wherever it goes
};
constexpr Kind KINDS[] = {{"panoramic", "PX", "Panoramic"},
                          {"cephalometric", "PX", "Cephalometric"},
                          {"bitewing", "IO", "Bitewing"},
                          {"periapical", "IO", "Periapical"},
                          {"cbct", "CT", "CBCT"}};

const Kind& KindOf(const std::string& xrayType)
{
  for (const Kind& kind : KINDS)
  {
    if (xrayType == kind.xrayType)
    {
      return kind;
    }
  }
  throw BadInput("This is no kind of X-ray");
}

void Check(const OFCondition& condition)
{
  if (condition.bad())
  {
    throw Unavailable(std::string("A DICOM object cannot be made: ") + condition.text());
  }
}

E_TransferSyntax SyntaxOf(const XrayPicture& picture)
{
  return !picture.isJpeg      ? EXS_LittleEndianExplicit
         : picture.isExtended ? EXS_JPEGProcess2_4
                              : EXS_JPEGProcess1;
}

void SetPixels(DcmDataset& dataset, const XrayPicture& picture)
{
  const auto number = [&](const DcmTagKey& tag, unsigned value)
  { Check(dataset.putAndInsertUint16(tag, static_cast<Uint16>(value))); };
  number(DCM_SamplesPerPixel, picture.samples);
  const char* const photometric = picture.samples == 1               ? "MONOCHROME2"
                                  : picture.isJpeg && !picture.isRgb ? "YBR_FULL_422"
                                                                     : "RGB";
  Check(dataset.putAndInsertString(DCM_PhotometricInterpretation, photometric));
  if (picture.samples > 1)
  {
    number(DCM_PlanarConfiguration, 0);
  }
  number(DCM_Rows, picture.height);
  number(DCM_Columns, picture.width);
  number(DCM_BitsAllocated, picture.bits);
  number(DCM_BitsStored, picture.bits);
  number(DCM_HighBit, picture.bits - 1);
  number(DCM_PixelRepresentation, 0);
  if (picture.wasLossy)
  {
    Check(dataset.putAndInsertString(DCM_LossyImageCompression, "01"));
    Check(dataset.putAndInsertString(DCM_LossyImageCompressionMethod, "ISO_10918_1"));
    Check(dataset.putAndInsertString(DCM_LossyImageCompressionRatio,
                                     fmt::format("{:.2f}", picture.compressionRatio).c_str()));
  }

  if (picture.isJpeg)
  {
    auto sequence = std::make_unique<DcmPixelSequence>(DCM_PixelSequenceTag);
    auto table = std::make_unique<DcmPixelItem>(DCM_PixelItemTag);
    Check(sequence->insert(table.release()));  // owned by the sequence from here on
    DcmOffsetList offsets;
    std::string frame = picture.bytes;
    if (frame.size() % 2 != 0)
    {
      frame += '\0';
    }
    Check(sequence->storeCompressedFrame(offsets, reinterpret_cast<Uint8*>(frame.data()),
                                         static_cast<Uint32>(frame.size()), 0));
    auto pixels = std::make_unique<DcmPixelData>(DCM_PixelData);
    pixels->putOriginalRepresentation(SyntaxOf(picture), nullptr, sequence.release());
    Check(dataset.insert(pixels.release(), OFTrue));
  }
  else if (picture.bits == 8)
  {
    Check(dataset.putAndInsertUint8Array(DCM_PixelData, reinterpret_cast<const Uint8*>(picture.bytes.data()),
                                         picture.bytes.size()));
  }
  else
  {
    Check(dataset.putAndInsertUint16Array(
        DCM_PixelData, reinterpret_cast<const Uint16*>(picture.bytes.data()), picture.bytes.size() / 2));
  }
}
}  // namespace

std::string MakeSecondaryCapture(const SecondaryCapture& about, const XrayPicture& picture)
{
  const Kind& kind = KindOf(about.xrayType);
  const std::string study = fmt::format("xray {}\n{}\n{}{}", about.patient.practiceId, about.patient.id,
                                        about.taken.date, about.taken.time);
  const std::string series = fmt::format("{}\n{}", study, kind.description);

  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  const auto text = [&](const DcmTagKey& tag, const std::string& value)
  { Check(dataset.putAndInsertString(tag, value.data(), static_cast<Uint32>(value.size()))); };

  text(DCM_SOPClassUID, UID_SecondaryCaptureImageStorage);
  text(DCM_SOPInstanceUID, UidOf(series + "\n" + Sha256Of(picture.bytes)));
  text(DCM_SpecificCharacterSet, "ISO_IR 192");
  text(DCM_PatientName, DicomName(about.patient));
  text(DCM_PatientID, DicomPatientId(about.patient));
  if (const std::string issuer = DicomIssuerOfPatientId(about.patient); !issuer.empty())
  {
    text(DCM_IssuerOfPatientID, issuer);
  }
  text(DCM_PatientBirthDate, DicomBirthDate(about.patient));
  text(DCM_PatientSex, about.patient.sex);
  text(DCM_StudyInstanceUID, UidOf(study));
  text(DCM_StudyDate, about.taken.date);
  text(DCM_StudyTime, about.taken.time);
  text(DCM_ContentDate, about.taken.date);
  text(DCM_ContentTime, about.taken.time);
  for (const DcmTagKey& empty : {DCM_AccessionNumber, DCM_ReferringPhysicianName, DCM_StudyID,
                                 DCM_Manufacturer, DCM_PatientOrientation})
  {
    text(empty, "");  // type 2
  }
  text(DCM_Modality, kind.modality);
  text(DCM_SeriesInstanceUID, UidOf(series));
  text(DCM_SeriesDescription, kind.description);
  text(DCM_SeriesNumber, "1");
  text(DCM_InstanceNumber, "1");
  text(DCM_ConversionType, "DI");
  text(DCM_ImageType, "DERIVED\\SECONDARY");
  // What people export from their imaging software often shows the patient's name: nobody has looked.
  text(DCM_BurnedInAnnotation, "YES");
  SetPixels(dataset, picture);

  std::string bytes;
  Check(WriteDicom(file, SyntaxOf(picture), EET_ExplicitLength, bytes));
  return bytes;
}
}  // namespace OrthancClinic::Intake
