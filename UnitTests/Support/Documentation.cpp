// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/Documentation.h"

#include <stdexcept>

#include "Support/Files.h"

namespace OrthancClinic::Testing
{
std::string DocumentedOptions(const std::string& page)
{
  static const std::string BEGIN = "<!-- options:begin -->\n\n";
  static const std::string END = "\n<!-- options:end -->";
  const std::string text = ReadFile(std::string(ORTHANC_CLINIC_SOURCE_DIR) + "/" + page);
  const size_t begin = text.find(BEGIN);
  const size_t end = text.find(END);
  if (begin == std::string::npos || end == std::string::npos)
  {
    throw std::runtime_error(page + " has no table of options between its marks");
  }
  return text.substr(begin + BEGIN.size(), end - begin - BEGIN.size());
}
}  // namespace OrthancClinic::Testing
