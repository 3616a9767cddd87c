// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/OrthancId.h"

#include "Core/Digest.h"

namespace OrthancClinic
{
std::string OrthancStudyId(const std::string& patientId, const std::string& studyInstanceUid)
{
  constexpr size_t GROUP = 8;
  Digest digest(Digest::Algorithm::Sha1);
  digest.Add(patientId + "|" + studyInstanceUid);
  std::string id = digest.Hexadecimal();
  for (size_t at = GROUP; at < id.size(); at += GROUP + 1)
  {
    id.insert(at, "-");
  }
  return id;
}
}  // namespace OrthancClinic
