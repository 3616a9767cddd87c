// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/Tags.h"

#include "Core/Configuration/Json.h"

namespace OrthancClinic
{
std::string Tag(const Json::Value& tags, const char* tag)
{
  return TextOf(tags, tag);
}
}  // namespace OrthancClinic
