// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Host/OrthancSdk.h"

#include <json/reader.h>

#include <limits>
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

namespace
{
void Check(OrthancPluginErrorCode code, const std::string& path)
{
  switch (code)
  {
    case OrthancPluginErrorCode_Success:
      break;
    case OrthancPluginErrorCode_UnknownResource:
    case OrthancPluginErrorCode_InexistentItem:
    case OrthancPluginErrorCode_InexistentFile:
      throw NotFound("Orthanc does not have " + path);
    case OrthancPluginErrorCode_BadRequest:
    case OrthancPluginErrorCode_BadParameterType:
    case OrthancPluginErrorCode_ParameterOutOfRange:
    case OrthancPluginErrorCode_BadFileFormat:
    case OrthancPluginErrorCode_BadJson:
      throw BadInput("Orthanc refuses what " + path + " was given");
    default:
      throw Unavailable("Orthanc cannot serve " + path + " now");
  }
}

Json::Value ParseAnswer(std::string_view text, const std::string& path)
{
  if (text.empty())
  {
    return {};
  }
  auto json = ParseOrthancJson(text);
  if (!json)
  {
    throw Unavailable("Orthanc's answer to " + path + " is no JSON");
  }
  return *std::move(json);
}

// The SDK counts a body's bytes in 32 bits.
uint32_t SizeOf(const std::string& body)
{
  if (body.size() > std::numeric_limits<uint32_t>::max())
  {
    throw BadInput("Orthanc takes no more than 4 GiB at once");
  }
  return static_cast<uint32_t>(body.size());
}
}  // namespace

Json::Value InProcessOrthanc::Get(const std::string& path)
{
  OrthancBuffer buffer(context_);
  Check(OrthancPluginRestApiGet(context_, buffer.Out(), path.c_str()), path);
  return ParseAnswer(buffer.View(), path);
}

std::string InProcessOrthanc::GetBytes(const std::string& path)
{
  OrthancBuffer buffer(context_);
  Check(OrthancPluginRestApiGet(context_, buffer.Out(), path.c_str()), path);
  return std::string(buffer.View());
}

Json::Value InProcessOrthanc::Post(const std::string& path, const std::string& body)
{
  OrthancBuffer buffer(context_);
  Check(OrthancPluginRestApiPost(context_, buffer.Out(), path.c_str(), body.data(), SizeOf(body)), path);
  return ParseAnswer(buffer.View(), path);
}

void InProcessOrthanc::Put(const std::string& path, const std::string& body)
{
  OrthancBuffer buffer(context_);
  Check(OrthancPluginRestApiPut(context_, buffer.Out(), path.c_str(), body.data(), SizeOf(body)), path);
}

void InProcessOrthanc::Delete(const std::string& path)
{
  Check(OrthancPluginRestApiDelete(context_, path.c_str()), path);
}
}  // namespace OrthancClinic
