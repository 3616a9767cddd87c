// SPDX-License-Identifier: GPL-3.0-or-later

#include "Deidentification.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <set>

#include "DicomDataset.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr const char* METHOD = "PS3.15 Basic Profile, no text, no overlays";
constexpr const char* STANDARD = "1.2.840.10008.";  // the root of DICOM's own identifiers

using PseudonymOf = std::function<std::string(const std::string&)>;

bool IsGiven(const DcmTagKey& tag)
{
  return tag == DCM_PatientName || tag == DCM_PatientID || tag == DCM_StudyInstanceUID ||
         tag == DCM_SeriesInstanceUID || tag == DCM_SOPInstanceUID || tag == DCM_FrameOfReferenceUID;
}

// Codes, and what says how pixels are meant.
bool IsText(const DcmTagKey& tag)
{
  static const std::set<DcmTagKey> NEEDED = {DCM_Manufacturer,
                                             DCM_ManufacturerModelName,
                                             DCM_ConvolutionKernel,
                                             DCM_CodeValue,
                                             DCM_CodingSchemeDesignator,
                                             DCM_CodingSchemeVersion,
                                             DCM_CodeMeaning,
                                             DCM_RescaleType,
                                             DCM_ModalityLUTType,
                                             DCM_StackID};
  return NEEDED.contains(tag);
}

// The pixels, and the tables through which they are shown.
bool IsPicture(const DcmTagKey& tag)
{
  return tag == DCM_PixelData || tag == DCM_FloatPixelData || tag == DCM_DoubleFloatPixelData ||
         tag == DCM_LUTData || (tag.getGroup() == 0x0028 && (tag.getElement() & 0xff00) == 0x1200);
}

enum class Fate
{
  Stays,
  IsEmptied,  // that it is there tells nothing, and may be required
  Goes
};

Fate FateOf(DcmElement& element, bool isRoot)
{
  const DcmTagKey tag = element.getTag().getXTag();
  const unsigned group = tag.getGroup();
  if (isRoot && IsGiven(tag))
  {
    return Fate::Stays;
  }
  if (group % 2 == 1 || (group & 0xff00) == 0x5000 || (group & 0xff00) == 0x6000 || group == 0x0032 ||
      group == 0x0038 || group == 0x4008)
  {
    return Fate::Goes;
  }
  if (element.getLength() == 0)
  {
    return Fate::Stays;
  }
  if (group == 0x0010)
  {
    return Fate::Goes;
  }
  switch (element.ident())
  {
    case EVR_SQ:
    case EVR_CS:
    case EVR_DS:
    case EVR_IS:
    case EVR_US:
    case EVR_SS:
    case EVR_UL:
    case EVR_SL:
    case EVR_UV:
    case EVR_SV:
    case EVR_FL:
    case EVR_FD:
    case EVR_AT:
    case EVR_UI:
      return Fate::Stays;
    case EVR_LO:
    case EVR_SH:
      return IsText(tag) ? Fate::Stays : Fate::IsEmptied;
    case EVR_LT:
    case EVR_ST:
    case EVR_UC:
    case EVR_UT:
    case EVR_PN:
    case EVR_AE:
    case EVR_AS:
    case EVR_DA:
    case EVR_DT:
    case EVR_TM:
      return Fate::IsEmptied;
    default:
      return IsPicture(tag) ? Fate::Stays : Fate::Goes;
  }
}

void Clean(DcmItem& item, bool isRoot, const PseudonymOf& pseudonymOf)
{
  // Backwards: what follows is not moved by a removal.
  for (unsigned long i = item.card(); i > 0; i--)
  {
    DcmElement& element = *item.getElement(i - 1);
    const DcmTagKey tag = element.getTag().getXTag();
    const Fate fate = FateOf(element, isRoot);
    if (fate == Fate::Goes)
    {
      delete item.remove(i - 1);
    }
    else if (fate == Fate::IsEmptied)
    {
      CheckDicom(item.insertEmptyElement(tag));
    }
    else if (auto* const sequence = dynamic_cast<DcmSequenceOfItems*>(&element);
             sequence != nullptr && tag != DCM_PixelData)
    {
      for (unsigned long number = 0; number < sequence->card(); number++)
      {
        Clean(*sequence->getItem(number), false, pseudonymOf);
      }
    }
    else if (element.ident() == EVR_UI && !(isRoot && IsGiven(tag)))
    {
      OFString text;
      CheckDicom(element.getOFStringArray(text));
      CheckDicom(element.putString(
          ReplaceUids(text.c_str(), [&](const std::string& uid)
                      { return uid.empty() || uid.starts_with(STANDARD) ? uid : pseudonymOf(uid); })
              .c_str()));
    }
  }
  // A meaning is a text, which must be there with its code (PS3.3 8.8).
  if (item.tagExists(DCM_CodeMeaning))
  {
    OFString value;
    item.findAndGetOFString(DCM_CodeValue, value);
    CheckDicom(item.putAndInsertString(DCM_CodeMeaning, value.empty() ? "code" : value.c_str()));
  }
}

unsigned Number(DcmItem& dataset, const DcmTagKey& tag, unsigned otherwise)
{
  Uint16 number = 0;
  return dataset.findAndGetUint16(tag, number).good() ? number : otherwise;
}

// The bits that a pixel uses (PS3.5 8.1.1), in words or bytes alike; a signed one is written as processors
// know it, with its sign in the upper bits.
template <typename Word>
void ClearUnused(Word* pixels, size_t count, unsigned stored, unsigned highBit, bool isSigned)
{
  const unsigned allocated = 8 * sizeof(Word);
  if (stored == 0 || stored > allocated || highBit >= allocated || highBit + 1 < stored)
  {
    return;  // it says nothing that could be relied on
  }
  const unsigned shift = highBit + 1 - stored;
  const unsigned mask = ((1U << stored) - 1) << shift;
  const unsigned sign = 1U << highBit;
  for (size_t i = 0; i < count; i++)
  {
    const unsigned used = pixels[i] & mask;
    pixels[i] = static_cast<Word>(isSigned && shift == 0 && (used & sign) != 0 ? used | ~mask : used);
  }
}

void ClearBesidePixels(DcmItem& dataset)
{
  DcmElement* element = nullptr;
  if (dataset.findAndGetElement(DCM_PixelData, element).bad())
  {
    return;
  }
  const unsigned allocated = Number(dataset, DCM_BitsAllocated, 8);
  const unsigned stored = Number(dataset, DCM_BitsStored, allocated);
  const unsigned highBit = Number(dataset, DCM_HighBit, stored - 1);
  const bool isSigned = Number(dataset, DCM_PixelRepresentation, 0) == 1;
  Sint32 frames = 1;
  dataset.findAndGetSint32(DCM_NumberOfFrames, frames);
  OFString photometric;
  dataset.findAndGetOFString(DCM_PhotometricInterpretation, photometric);
  // Of YBR_FULL_422, two pixels share their colours (PS3.3 C.7.6.3.1.2).
  const size_t samples = photometric == "YBR_FULL_422" ? 2 : Number(dataset, DCM_SamplesPerPixel, 1);
  const size_t values = samples * Number(dataset, DCM_Rows, 0) * Number(dataset, DCM_Columns, 0) *
                        static_cast<size_t>(std::max<Sint32>(1, frames));
  const size_t needed = (values * allocated + 7) / 8;

  Uint8* bytes = nullptr;
  Uint16* words = nullptr;
  const bool inWords = element->getUint16Array(words).good() && words != nullptr;
  if (!inWords && (element->getUint8Array(bytes).bad() || bytes == nullptr))
  {
    return;
  }
  const auto* const all =
      inWords ? reinterpret_cast<const char*>(words) : reinterpret_cast<const char*>(bytes);
  std::string kept(all, std::min<size_t>(element->getLength(), needed + needed % 2));
  if (kept.size() > needed)
  {
    kept.back() = '\0';
  }
  // Pixels of a byte may be stored in words.
  if (allocated == 16 && inWords)
  {
    ClearUnused(reinterpret_cast<Uint16*>(kept.data()), std::min(values, kept.size() / 2), stored, highBit,
                isSigned);
  }
  else if (allocated == 8)
  {
    ClearUnused(reinterpret_cast<Uint8*>(kept.data()), std::min(values, kept.size()), stored, highBit,
                isSigned);
  }
  CheckDicom(
      inWords ? dataset.putAndInsertUint16Array(DCM_PixelData, reinterpret_cast<const Uint16*>(kept.data()),
                                                static_cast<unsigned long>(kept.size() / 2))
              : dataset.putAndInsertUint8Array(DCM_PixelData, reinterpret_cast<const Uint8*>(kept.data()),
                                               static_cast<unsigned long>(kept.size())));
}
}  // namespace

std::string RemoveIdentity(const std::string& dicom, const PseudonymOf& pseudonymOf)
{
  DcmFileFormat file;
  ReadDicom(dicom, file);
  DcmDataset& dataset = *file.getDataset();
  CheckDicom(dataset.chooseRepresentation(EXS_LittleEndianExplicit, nullptr));
  Clean(dataset, true, pseudonymOf);
  ClearBesidePixels(dataset);
  CheckDicom(dataset.putAndInsertString(DCM_PatientIdentityRemoved, "YES"));
  CheckDicom(dataset.putAndInsertString(DCM_DeidentificationMethod, METHOD));
  CheckDicom(file.validateMetaInfo(EXS_LittleEndianExplicit, EWM_createNewMeta));
  return WriteDicom(file);
}
}  // namespace OrthancClinic::Analysis
