// SPDX-License-Identifier: GPL-3.0-or-later
//
// A JPEG or PNG that somebody uploads as an X-ray: checked to its last row, and as far as possible kept as it
// is.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace OrthancClinic::Intake
{
struct XrayPicture
{
  unsigned width = 0;
  unsigned height = 0;
  unsigned samples = 1;  // 1: grey, 3: colour
  unsigned bits = 8;     // of a sample: 8, or 16 in this machine's byte order

  // Encoded as it came (a JPEG of 8 bits that is not progressive); else the pixels, row by row.
  bool isJpeg = false;
  bool isExtended = false;      // of a JPEG: sequential, but not baseline
  bool isRgb = false;           // of a colour JPEG: stored as RGB instead of YCbCr
  double compressionRatio = 1;  // of what came as JPEG, also where it was decoded
  bool wasLossy = false;
  std::string bytes;
};

// Nothing if it is neither. Throws BadInput if it is broken, cut off, too large, or of a kind that an X-ray
// never is (CMYK).
std::optional<XrayPicture> ReadXrayPicture(const std::string& file);
}  // namespace OrthancClinic::Intake
