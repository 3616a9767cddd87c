// SPDX-License-Identifier: GPL-3.0-or-later
//
// Walks through a DICOM file (PS3.10, PS3.5 7) without decoding it: whether it is one, how it is encoded, and
// whether it is whole. DCMTK, which Orthanc reads files with, crashes on sequences that are nested too
// deeply: what comes from outside is looked at here first.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
struct ORTHANC_CLINIC_API DicomScan
{
  bool isDicom = false;
  bool hasPreamble = false;    // and the prefix "DICM"
  std::string transferSyntax;  // UID; of a file without meta header, what its elements look like

  // Why it cannot be taken, in sentences: it is no DICOM, it is cut off, it is nested too deeply. Empty for a
  // file that is whole; nothing after the first one is known.
  std::vector<std::string> problems;

  // What readers put up with.
  std::vector<std::string> warnings;

  // The elements of the first level that are text of at most 1 KiB, as they stand in the file: neither
  // decoded nor without their padding. By tag (0xggggeeee).
  std::map<uint32_t, std::string> elements;

  bool hasPixelData = false;
  std::optional<uint64_t> nativePixelBytes;  // of PixelData that are not compressed

  // An element's text without padding; empty without it.
  std::string Text(uint32_t tag) const;
};

// In a time that is proportional to the number of elements; never throws, whatever the bytes are.
ORTHANC_CLINIC_API DicomScan ScanDicom(std::string_view file);
}  // namespace OrthancClinic
