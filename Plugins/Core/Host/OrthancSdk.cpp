// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Host/OrthancSdk.h"

#include <json/reader.h>

#include <memory>

namespace OrthancClinic
{
std::optional<Json::Value> ParseOrthancJson(std::string_view text)
{
  Json::CharReaderBuilder builder;
  const std::unique_ptr<Json::CharReader> reader(builder.newCharReader());
  Json::Value json;
  if (!reader->parse(text.data(), text.data() + text.size(), &json, nullptr))
  {
    return std::nullopt;
  }
  return json;
}

Json::Value InProcessOrthanc::Get(const std::string& path)
{
  OrthancBuffer buffer(context_);
  switch (OrthancPluginRestApiGet(context_, buffer.Out(), path.c_str()))
  {
    case OrthancPluginErrorCode_Success:
      break;
    case OrthancPluginErrorCode_UnknownResource:
    case OrthancPluginErrorCode_InexistentItem:
    case OrthancPluginErrorCode_InexistentFile:
      throw NotFound("Orthanc does not have " + path);
    default:
      throw Unavailable("Orthanc cannot serve " + path + " now");
  }

  auto json = ParseOrthancJson(buffer.View());
  if (!json)
  {
    throw Unavailable("Orthanc's answer to " + path + " is no JSON");
  }
  return *std::move(json);
}
}  // namespace OrthancClinic
