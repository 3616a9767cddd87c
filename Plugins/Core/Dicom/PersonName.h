// SPDX-License-Identifier: GPL-3.0-or-later
//
// DICOM's PN (PS3.5 6.2.1.1): up to three component groups separated by '=' (alphabetic, ideographic,
// phonetic), each of up to five components separated by '^'.

#pragma once

#include <string>
#include <string_view>

#include "Core/Api.h"

namespace OrthancClinic
{
struct ORTHANC_CLINIC_API PersonName
{
  struct ORTHANC_CLINIC_API Group
  {
    std::string family;
    std::string given;
    std::string middle;
    std::string prefix;
    std::string suffix;

    bool IsEmpty() const;
    std::string ToString() const;  // without trailing separators

    bool operator==(const Group&) const = default;
  };

  Group alphabetic;
  Group ideographic;
  Group phonetic;

  // Tolerant: of several values (separated by '\') the first, of too many components or groups the first
  // ones; spaces around components are removed. `text` is UTF-8.
  static PersonName Parse(std::string_view text);

  // A name as people write it: "Tremblay, Jean-François" or "Jean-François Tremblay".
  static Group ParseFreeText(const std::string& text);

  std::string ToString() const;

  bool operator==(const PersonName&) const = default;
};
}  // namespace OrthancClinic
