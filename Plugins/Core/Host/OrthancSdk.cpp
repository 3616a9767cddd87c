// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Host/OrthancSdk.h"

#include <json/reader.h>

#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "Core/Dicom/DicomScan.h"
#include "Core/LetterCase.h"

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
  return ParseAnswer(PostBytes(path, body), path);
}

std::string InProcessOrthanc::PostBytes(const std::string& path, const std::string& body)
{
  OrthancBuffer buffer(context_);
  Check(OrthancPluginRestApiPost(context_, buffer.Out(), path.c_str(), body.data(), SizeOf(body)), path);
  return std::string(buffer.View());
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

IOrthanc::Answer InProcessOrthanc::Fetch(const std::string& path,
                                         const std::map<std::string, std::string>& headers)
{
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : headers)
  {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  OrthancBuffer body(context_);
  OrthancBuffer answered(context_);
  uint16_t status = 0;
  Check(OrthancPluginCallRestApi(context_, body.Out(), answered.Out(), &status, OrthancPluginHttpMethod_Get,
                                 path.c_str(), static_cast<uint32_t>(keys.size()), keys.data(), values.data(),
                                 nullptr, 0, 1),
        path);
  Answer answer{status, {}, std::string(body.View())};
  const Json::Value json = ParseAnswer(answered.View(), path);
  for (const std::string& name : json.getMemberNames())
  {
    answer.headers[ToLower(name)] = json[name].asString();
  }
  return answer;
}

Json::Value InProcessOrthanc::ReadDicom(const std::string& dicom)
{
  constexpr uint32_t LONGEST_STRING = 1024;
  // DCMTK ends the process over what is nested too deeply.
  if (const DicomScan scan = ScanDicom(dicom); !scan.problems.empty())
  {
    throw BadInput(scan.problems.front());
  }
  const std::string json =
      TakeString(context_, OrthancPluginDicomBufferToJson(
                               context_, dicom.data(), SizeOf(dicom), OrthancPluginDicomToJsonFormat_Short,
                               OrthancPluginDicomToJsonFlags_IncludeUnknownTags, LONGEST_STRING));
  const auto read = ParseOrthancJson(json);
  if (!read)
  {
    throw BadInput("This is no DICOM file");
  }
  return *read;
}

std::string OrthancImageCodec::Transcode(const std::string& dicom, const std::string& transferSyntax)
{
  const std::unique_ptr<OrthancPluginDicomInstance, std::function<void(OrthancPluginDicomInstance*)>>
      instance(
          OrthancPluginTranscodeDicomInstance(context_, dicom.data(), SizeOf(dicom), transferSyntax.c_str()),
          [this](OrthancPluginDicomInstance* one) { OrthancPluginFreeDicomInstance(context_, one); });
  OrthancBuffer buffer(context_);
  if (instance == nullptr || OrthancPluginSerializeDicomInstance(context_, buffer.Out(), instance.get()) !=
                                 OrthancPluginErrorCode_Success)
  {
    throw BadInput("Orthanc cannot transcode this image");
  }
  return std::string(buffer.View());
}

Image OrthancImageCodec::DecodeFrame(const std::string& dicom, unsigned frame)
{
  const std::unique_ptr<OrthancPluginImage, std::function<void(OrthancPluginImage*)>> decoded(
      OrthancPluginDecodeDicomImage(context_, dicom.data(), SizeOf(dicom), frame),
      [this](OrthancPluginImage* image) { OrthancPluginFreeImage(context_, image); });
  if (decoded == nullptr)
  {
    throw BadInput("Orthanc cannot decode this image");
  }
  Image image;
  image.width = OrthancPluginGetImageWidth(context_, decoded.get());
  image.height = OrthancPluginGetImageHeight(context_, decoded.get());
  size_t bytes = 0;  // of a pixel
  switch (OrthancPluginGetImagePixelFormat(context_, decoded.get()))
  {
    case OrthancPluginPixelFormat_Grayscale8:
      image.format = Image::Format::Gray8;
      bytes = 1;
      break;
    case OrthancPluginPixelFormat_Grayscale16:
      image.format = Image::Format::Gray16;
      bytes = 2;
      break;
    case OrthancPluginPixelFormat_SignedGrayscale16:
      image.format = Image::Format::SignedGray16;
      bytes = 2;
      break;
    case OrthancPluginPixelFormat_RGB24:
      image.format = Image::Format::Rgb24;
      bytes = 3;
      break;
    default:
      throw BadInput("This format of pixels is not supported");
  }
  const auto* const buffer = static_cast<const char*>(OrthancPluginGetImageBuffer(context_, decoded.get()));
  const size_t pitch = OrthancPluginGetImagePitch(context_, decoded.get());
  image.pixels.reserve(bytes * image.width * image.height);
  for (unsigned y = 0; y < image.height; y++)
  {
    image.pixels.append(buffer + y * pitch, bytes * image.width);
  }
  return image;
}

namespace
{
OrthancPluginPixelFormat FormatOf(const Image& image)
{
  switch (image.format)
  {
    case Image::Format::Gray8:
      return OrthancPluginPixelFormat_Grayscale8;
    case Image::Format::Rgb24:
      return OrthancPluginPixelFormat_RGB24;
    default:
      throw BadInput("Only images of 8 bits can be encoded");
  }
}
}  // namespace

std::string OrthancImageCodec::EncodePng(const Image& image)
{
  OrthancBuffer encoded(context_);
  Check(OrthancPluginCompressPngImage(context_, encoded.Out(), FormatOf(image), image.width, image.height,
                                      static_cast<uint32_t>(image.width * image.Samples()),
                                      image.pixels.data()),
        "a PNG");
  return std::string(encoded.View());
}

std::string OrthancImageCodec::EncodeJpeg(const Image& image, int quality)
{
  OrthancBuffer encoded(context_);
  Check(OrthancPluginCompressJpegImage(context_, encoded.Out(), FormatOf(image), image.width, image.height,
                                       static_cast<uint32_t>(image.width * image.Samples()),
                                       image.pixels.data(), static_cast<uint8_t>(quality)),
        "a JPEG");
  return std::string(encoded.View());
}
}  // namespace OrthancClinic
