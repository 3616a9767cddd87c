// SPDX-License-Identifier: GPL-3.0-or-later
//
// How good an image is as an image, from its pixels and its attributes alone: the same image always gives the
// same findings. Each formula names its source.

#pragma once

#include <json/value.h>

#include <optional>

#include "Core/Dicom/Image.h"
#include "Core/Dicom/Rendering.h"
#include "Finding.h"

namespace OrthancClinic::Analysis
{
struct QualityMeasures
{
  double highClipped = 0;  // share of the pixels with the highest value that can be stored
  double lowClipped = 0;   // with the lowest
  double contrast = 0;  // between the 1st and the 99th percentile, as a share of what can be stored; 0: blank

  // Ratio of that contrast to the standard deviation of the noise, in dB; the noise by J. Immerkær, "Fast
  // Noise Variance Estimation", Computer Vision and Image Understanding 64 (1996) 300-302. Not of a blank
  // image, as the next.
  std::optional<double> signalToNoise;

  // Variance of the Laplacian over the square of the contrast; J. L. Pech-Pacheco et al., "Diatom
  // autofocusing in brightfield microscopy", ICPR 2000.
  std::optional<double> sharpness;

  int textRows = 0;  // rows along the edges that alternate like letters

  // CT alone: where the histogram of Hounsfield units peaks near air (-1000) and, in a phantom, near water
  // (0). What is clipped is no peak (the surroundings of a round field), nor is a slope towards other tissue
  // (lungs).
  std::optional<double> air;
  std::optional<double> water;
};

// Of a grey image; nothing if it has colours or is too small to be measured.
std::optional<QualityMeasures> Measure(const Image& stored, const Presentation& presentation, bool isCt);

// The findings of one image: `quality.measured`, and one for each thing that is wrong.
Json::Value QualityFindings(const AnalysedImage& image, const std::optional<QualityMeasures>& measures);
}  // namespace OrthancClinic::Analysis
