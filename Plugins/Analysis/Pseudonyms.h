// SPDX-License-Identifier: GPL-3.0-or-later
//
// DICOM that leaves without identity, and comes back. An instance is de-identified by Orthanc with PS3.15's
// Basic Application Level Confidentiality Profile and then by RemoveIdentity; its study, series, instance and
// frame of reference get identifiers that are made for this analysis alone, by which what comes back is
// recognised.

#pragma once

#include <string>
#include <vector>

#include "Core/Orthanc.h"
#include "Finding.h"
#include "Images.h"

namespace OrthancClinic::Analysis
{
class Pseudonyms
{
public:
  explicit Pseudonyms(std::string analysisId) : analysisId_(std::move(analysisId)) {}

  std::string Uid(const std::string& original) const;

  // The DICOM file that may leave, its pixels uncompressed. Throws MustNotLeave if they cannot be decoded:
  // what compressed data carry besides (JPEG's comments, Exif) is then not known.
  std::string Deidentify(IOrthanc& orthanc, Images& images, const AnalysedImage& image) const;

  // A DICOM file that came back, as part of the study of these images: its patient and study are the real
  // ones, and so are its references. Throws Unavailable if it cannot be read.
  std::string Reidentify(const std::string& file, const std::vector<AnalysedImage>& images) const;

private:
  const std::string analysisId_;
};
}  // namespace OrthancClinic::Analysis
