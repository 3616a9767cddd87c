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
#include "Core/Tasks/TaskWorkers.h"
#include "Finding.h"

namespace OrthancClinic::Analysis
{
// An image that is not sent, and why.
class MustNotLeave : public PermanentFailure
{
public:
  using PermanentFailure::PermanentFailure;
};

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

  // Those that an analysis remembers (Describe), as Orthanc has them now: in this study, in which they have
  // other ids than they had if it got another PatientID since. Throws NotFound if one is gone.
  std::vector<AnalysedImage> Load(const Json::Value& described, const std::string& orthancStudyId);

  // Tells a file from every other one, without reading it where Orthanc keeps its checksum.
  std::string Fingerprint(const AnalysedImage& image);

  std::string File(const AnalysedImage& image);
  // A DICOM file with its pixels uncompressed. Throws MustNotLeave if they cannot be decoded.
  std::string Uncompressed(std::string dicom);

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

// Which images these are, whatever Orthanc's ids for them: the same under another PatientID.
std::string Identity(const Json::Value& described);

// Why an image may carry text in its pixels; empty if nothing speaks for it (PS3.3 C.7.6.1.1.7; PS3.15
// E.3.1).
std::string BurnedInRisk(const AnalysedImage& image);
}  // namespace OrthancClinic::Analysis
