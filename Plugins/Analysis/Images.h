// SPDX-License-Identifier: GPL-3.0-or-later
//
// The images of a study: which of them are analysed, and what is shown of them. What leaves is made here, of
// pixels alone.

#pragma once

#include <set>
#include <string>
#include <vector>

#include "Core/Dicom/Image.h"
#include "Core/Dicom/Rendering.h"
#include "Core/Orthanc.h"
#include "Finding.h"

namespace OrthancClinic::Analysis
{
class Images
{
public:
  Images(IOrthanc& orthanc, IImageCodec& codec) : orthanc_(orthanc), codec_(codec) {}

  // At most `most` frames, evenly chosen from all that the study has, or that its one X-ray `xrayId` has
  // (see Xray), in the order of series and instance numbers. Reports,
  // segmentations and other objects without an image of the patient are none, nor are the series `ours`
  // (SeriesInstanceUIDs). Throws NotFound if the study is gone.
  std::vector<AnalysedImage> Choose(const std::string& orthancStudyId, int most,
                                    const std::string& xrayId = "", const std::set<std::string>& ours = {});

  // Those that an analysis remembers (Describe), as Orthanc has them now.
  std::vector<AnalysedImage> Load(const Json::Value& described);

  // Tells a file from every other one, without reading it where Orthanc keeps its checksum.
  std::string Fingerprint(const AnalysedImage& image);

  std::string File(const AnalysedImage& image);
  Image Decode(const AnalysedImage& image);
  Presentation PresentationOf(const AnalysedImage& image);

  // As a person would see it, encoded, without any text.
  std::string Rendered(const AnalysedImage& image, unsigned longEdge, bool asJpeg);
  Image Rendered(const AnalysedImage& image, unsigned longEdge);

private:
  AnalysedImage Read(const std::string& orthancInstanceId);

  IOrthanc& orthanc_;
  IImageCodec& codec_;
};

// [{orthanc_instance_id, orthanc_series_id, series_instance_uid, sop_instance_uid, frame}]
Json::Value Describe(const std::vector<AnalysedImage>& images);

// Why an image may carry text in its pixels; empty if nothing speaks for it (PS3.3 C.7.6.1.1.7; PS3.15
// E.3.1).
std::string BurnedInRisk(const AnalysedImage& image);
}  // namespace OrthancClinic::Analysis
