// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/Tags.h"

namespace OrthancClinic
{
std::string Tag(const Json::Value& tags, const char* tag)
{
  return tags.isObject() && tags[tag].isString() ? tags[tag].asString() : "";
}
}  // namespace OrthancClinic
