// SPDX-License-Identifier: GPL-3.0-or-later

#include "Overlay.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <cmath>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/Text.h"
#include "DicomDataset.h"
#include "Images.h"
#include "Language.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr Colour LINE = {255, 220, 0};
constexpr Colour LABEL = {255, 255, 255};
constexpr int LINE_HEIGHT = 16;            // of text, in widths of a line
constexpr unsigned EDGE_OF_A_PIXEL = 700;  // of the image's long edge: the lines' width

bool IsOf(const Json::Value& finding, const AnalysedImage& image)
{
  return finding["image"] == image.sopInstanceUid &&
         finding.get("frame", image.frame).asInt() == image.frame &&
         (finding.isMember("polygon") || finding.isMember("box"));
}

struct Point
{
  double x = 0;
  double y = 0;
};

// The corners, in pixels of the drawing.
std::vector<Point> Outline(const Json::Value& finding, double scaleX, double scaleY)
{
  std::vector<Point> points;
  if (finding.isMember("polygon"))
  {
    for (const Json::Value& point : finding["polygon"])
    {
      points.push_back({point[0].asDouble() * scaleX, point[1].asDouble() * scaleY});
    }
    return points;
  }
  const Json::Value& box = finding["box"];
  const double left = box[0].asDouble() * scaleX;
  const double top = box[1].asDouble() * scaleY;
  const double right = left + box[2].asDouble() * scaleX;
  const double bottom = top + box[3].asDouble() * scaleY;
  return {{left, top}, {right, top}, {right, bottom}, {left, bottom}};
}

void DrawLine(Image& image, Point from, Point to, int width)
{
  const double length = std::max({std::abs(to.x - from.x), std::abs(to.y - from.y), 1.0});
  for (int step = 0; step <= static_cast<int>(length); step++)
  {
    const double share = step / length;
    const int x = static_cast<int>(std::lround(from.x + share * (to.x - from.x)));
    const int y = static_cast<int>(std::lround(from.y + share * (to.y - from.y)));
    for (int i = 0; i < width * width; i++)
    {
      DrawPixel(image, x + i % width - width / 2, y + i / width - width / 2, LINE);
    }
  }
}

Image ToRgb(const Image& grey)
{
  Image rgb = grey;
  if (grey.format == Image::Format::Rgb24)
  {
    return rgb;
  }
  rgb.format = Image::Format::Rgb24;
  rgb.pixels.clear();
  rgb.pixels.reserve(3 * grey.pixels.size());
  for (const char pixel : grey.pixels)
  {
    rgb.pixels.append(3, pixel);
  }
  return rgb;
}

void Put(DcmItem& dataset, const DcmTagKey& tag, const std::string& value)
{
  CheckDicom(dataset.putAndInsertString(tag, value.c_str()));
}

// As the source says it, where it does.
void Copy(DcmItem& dataset, const DcmTagKey& tag, const AnalysedImage& image, const char* name)
{
  if (const std::string value = Tag(image.tags, name); !value.empty())
  {
    Put(dataset, tag, value);
  }
}

// PS3.3 C.7.6.1.1.4.
void AddSource(DcmItem& dataset, const AnalysedImage& image)
{
  DcmItem* source = nullptr;
  CheckDicom(dataset.findOrCreateSequenceItem(DCM_SourceImageSequence, source));
  Put(*source, DCM_ReferencedSOPClassUID, image.sopClassUid);
  Put(*source, DCM_ReferencedSOPInstanceUID, image.sopInstanceUid);
  if (image.numberOfFrames > 1)
  {
    Put(*source, DCM_ReferencedFrameNumber, std::to_string(image.frame));
  }
  DcmItem* purpose = nullptr;
  CheckDicom(source->findOrCreateSequenceItem(DCM_PurposeOfReferenceCodeSequence, purpose));
  Put(*purpose, DCM_CodeValue, "121322");
  Put(*purpose, DCM_CodingSchemeDesignator, "DCM");
  Put(*purpose, DCM_CodeMeaning, "Source image for image processing operation");
}
}  // namespace

bool HasRegions(const AnalysedImage& image, const Json::Value& findings)
{
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Json::Value& finding) { return IsOf(finding, image); });
}

std::string LabelIn(const std::string& language, const Lettering& lettering)
{
  const std::string label = LanguageOf(language).notVerified;
  return lettering.Has(label) ? label : LanguageOf("en").notVerified;
}

Image DrawFindings(const Lettering& lettering, const Image& rendered, const AnalysedImage& image,
                   const Json::Value& findings, const std::string& language)
{
  Image drawn = ToRgb(rendered);
  const unsigned scale = std::max(1U, std::max(drawn.width, drawn.height) / EDGE_OF_A_PIXEL);
  const double scaleX = static_cast<double>(drawn.width) / std::max(1, image.columns);
  const double scaleY = static_cast<double>(drawn.height) / std::max(1, image.rows);
  const int lineHeight = LINE_HEIGHT * static_cast<int>(scale);
  for (const Json::Value& finding : findings)
  {
    if (!IsOf(finding, image))
    {
      continue;
    }
    const std::vector<Point> points = Outline(finding, scaleX, scaleY);
    Point corner = points.front();
    for (size_t i = 0; i < points.size(); i++)
    {
      DrawLine(drawn, points[i], points[(i + 1) % points.size()], static_cast<int>(scale));
      corner = {std::min(corner.x, points[i].x), std::min(corner.y, points[i].y)};
    }
    const std::string text =
        (finding.isMember("tooth") ? finding["tooth"].asString() + " " : "") + finding["kind"].asString();
    const int right = static_cast<int>(drawn.width) - lettering.Width(text, lineHeight);
    // Above the region, where there is room.
    lettering.Draw(drawn, std::clamp(static_cast<int>(corner.x), 0, std::max(0, right)),
                   std::max(lineHeight, static_cast<int>(corner.y) - lineHeight), text, lineHeight, LINE);
  }
  lettering.Draw(drawn, 0, 0, LabelIn(language, lettering), lineHeight, LABEL);
  return drawn;
}

std::string MakeOverlay(const OverlayContent& content)
{
  const AnalysedImage& image = content.image;
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  Put(dataset, DCM_SpecificCharacterSet, "ISO_IR 192");
  for (const DcmTagKey& tag :
       {DCM_PatientName, DCM_PatientID, DCM_PatientBirthDate, DCM_PatientSex, DCM_StudyDate, DCM_StudyTime,
        DCM_AccessionNumber, DCM_StudyID, DCM_ReferringPhysicianName})
  {
    CheckDicom(dataset.insertEmptyElement(tag));
  }
  CopyStudyAttributes(dataset, image.tags);
  Put(dataset, DCM_StudyInstanceUID, content.analysis.studyInstanceUid);
  Put(dataset, DCM_SOPClassUID, UID_SecondaryCaptureImageStorage);
  Put(dataset, DCM_SOPInstanceUID, content.analysis.OverlayUid(image.sopInstanceUid, image.frame));
  Put(dataset, DCM_SeriesInstanceUID, content.analysis.OverlaySeriesUid());
  Put(dataset, DCM_SeriesNumber, "992");
  Put(dataset, DCM_SeriesDescription, "AI overlay, not verified: " + content.analysis.provider);
  Put(dataset, DCM_Modality, "OT");
  Put(dataset, DCM_ConversionType, "WSD");
  Put(dataset, DCM_Manufacturer, "Orthanc Clinic");
  Put(dataset, DCM_ManufacturerModelName, ShortText(content.algorithm));
  Put(dataset, DCM_SoftwareVersions, content.algorithmVersion);
  CheckDicom(dataset.insertEmptyElement(DCM_Laterality));
  Copy(dataset, DCM_Laterality, image, "0020,0060");
  Put(dataset, DCM_InstanceNumber, std::to_string(content.number));
  CheckDicom(dataset.insertEmptyElement(DCM_PatientOrientation));
  Copy(dataset, DCM_PatientOrientation, image, "0020,0020");
  Put(dataset, DCM_ImageType, "DERIVED\\SECONDARY");
  Put(dataset, DCM_DerivationDescription,
      "Findings of software, not verified, drawn into the rendered image: " +
          CutValue(content.algorithm, 128));
  // No text of the patient is added; what the source shows is still there.
  Put(dataset, DCM_BurnedInAnnotation, BurnedInRisk(image).empty() ? "NO" : "YES");
  Copy(dataset, DCM_LossyImageCompression, image, "0028,2110");
  Copy(dataset, DCM_LossyImageCompressionRatio, image, "0028,2112");
  Copy(dataset, DCM_LossyImageCompressionMethod, image, "0028,2114");
  AddSource(dataset, image);
  CheckDicom(dataset.putAndInsertUint16(DCM_SamplesPerPixel, 3));
  Put(dataset, DCM_PhotometricInterpretation, "RGB");
  CheckDicom(dataset.putAndInsertUint16(DCM_PlanarConfiguration, 0));
  CheckDicom(dataset.putAndInsertUint16(DCM_Rows, static_cast<Uint16>(content.drawn.height)));
  CheckDicom(dataset.putAndInsertUint16(DCM_Columns, static_cast<Uint16>(content.drawn.width)));
  CheckDicom(dataset.putAndInsertUint16(DCM_BitsAllocated, 8));
  CheckDicom(dataset.putAndInsertUint16(DCM_BitsStored, 8));
  CheckDicom(dataset.putAndInsertUint16(DCM_HighBit, 7));
  CheckDicom(dataset.putAndInsertUint16(DCM_PixelRepresentation, 0));
  std::string pixels = content.drawn.pixels;
  pixels.resize(pixels.size() + pixels.size() % 2);
  CheckDicom(dataset.putAndInsertUint8Array(DCM_PixelData, reinterpret_cast<const Uint8*>(pixels.data()),
                                            static_cast<unsigned long>(pixels.size())));
  return WriteDicom(file);
}
}  // namespace OrthancClinic::Analysis
