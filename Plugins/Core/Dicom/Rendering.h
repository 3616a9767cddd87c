// SPDX-License-Identifier: GPL-3.0-or-later
//
// From the stored pixels of an image to the ones that a person looks at: modality LUT or rescale, VOI LUT or
// window, MONOCHROME1 (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2), and a smaller size.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Dicom/Image.h"
#include "Core/Orthanc.h"

namespace OrthancClinic
{
// PS3.3 C.11.1.1 and C.11.2.1.1: the first value mapped, and what the values from there on become.
struct LookupTable
{
  int first = 0;
  int bits = 16;  // of an entry
  std::vector<uint16_t> entries;

  // Of a value outside, the nearest entry.
  uint16_t Of(double value) const;
};

struct ORTHANC_CLINIC_API Presentation
{
  enum class Function
  {
    Linear,
    LinearExact,
    Sigmoid
  };

  int bitsStored = 16;
  bool isSigned = false;
  bool inverted = false;  // MONOCHROME1
  double slope = 1;
  double intercept = 0;
  std::optional<LookupTable> modalityLut;  // instead of slope and intercept
  std::optional<LookupTable> voiLut;       // instead of the window
  std::optional<double> center;
  std::optional<double> width;
  Function function = Function::Linear;
  std::optional<std::pair<int, int>> padding;  // stored values from, to: no part of the image

  bool IsPadding(int stored) const
  {
    return padding && stored >= padding->first && stored <= padding->second;
  }

  // What a stored value measures (Hounsfield units, density, …).
  double Measured(int stored) const;
};

// `tags` is Orthanc's answer to "/instances/{id}/tags?short"; `raw` gives an element's bytes by the rest of
// its path under "/instances/{id}/content/" (little endian), for the tables.
ORTHANC_CLINIC_API Presentation ReadPresentation(const Json::Value& tags,
                                                 const std::function<std::string(const std::string&)>& raw);

// Of an instance that Orthanc has.
ORTHANC_CLINIC_API Presentation ReadPresentation(IOrthanc& orthanc, const std::string& orthancInstanceId,
                                                 const Json::Value& tags);

// An image of 8 bits; where neither a window nor a table is given, from the least to the greatest value. Its
// longer edge has at most `longEdge` pixels (0: as many as it has).
ORTHANC_CLINIC_API Image Render(const Image& stored, const Presentation& presentation, unsigned longEdge = 0);
}  // namespace OrthancClinic
