// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pixels of one frame in memory, and who decodes and encodes them. Host implements that.

#pragma once

#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
struct Image
{
  enum class Format
  {
    Gray8,
    Gray16,  // of this machine's byte order, as the next
    SignedGray16,
    Rgb24
  };

  unsigned width = 0;
  unsigned height = 0;
  Format format = Format::Gray8;
  std::string pixels;  // row by row, without padding

  size_t Samples() const { return format == Format::Rgb24 ? 3 : 1; }
};
// What Orthanc, with its plugins, can decode and encode.
class ORTHANC_CLINIC_API IImageCodec
{
public:
  virtual ~IImageCodec() = default;

  // A frame (from 0) of a DICOM file, its pixels as they are stored. Throws BadInput if it cannot be decoded.
  virtual Image DecodeFrame(const std::string& dicom, unsigned frame) = 0;

  // The DICOM file in another transfer syntax. Throws BadInput if that cannot be.
  virtual std::string Transcode(const std::string& dicom, const std::string& transferSyntax) = 0;

  // Of 8 bits, grey or RGB.
  virtual std::string EncodePng(const Image& image) = 0;
  virtual std::string EncodeJpeg(const Image& image, int quality) = 0;
};
}  // namespace OrthancClinic
