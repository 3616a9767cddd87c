// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/ImageModality.h"

#include <set>

namespace OrthancClinic
{
bool IsImageModality(const std::string& modality)
{
  static const std::set<std::string> OTHERS = {"SR",       "SEG",    "PR",     "KO",       "DOC", "REG",
                                               "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "AU",  "ECG",
                                               "HD",       "PLAN",   "STAIN",  "RWV",      "FID", "ANN"};
  return !OTHERS.contains(modality);
}
}  // namespace OrthancClinic
