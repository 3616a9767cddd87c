// SPDX-License-Identifier: GPL-3.0-or-later

#include "HttpProvider.h"

#include <fmt/format.h>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Timestamp.h"
#include "Pseudonyms.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr const char* VERSION = "1";  // of the protocol
}  // namespace

std::vector<std::string> HttpProvider::Deidentified(const Question& question)
{
  const Pseudonyms pseudonyms(question.analysisId);
  std::vector<std::string> files;
  std::string last;
  for (const AnalysedImage& image : question.images)
  {
    CheckBurnedIn(options_, image);
    if (image.orthancInstanceId != last)
    {
      files.push_back(pseudonyms.Deidentify(orthanc_, images_, image));
      last = image.orthancInstanceId;
    }
  }
  return files;
}

// multipart/form-data (RFC 7578): "request" and one "image" for each. The boundary comes from the content, so
// that equal requests are equal.
ProviderRequest HttpProvider::Prepare(const Question& question)
{
  Json::Value json;
  json["version"] = VERSION;
  json["language"] = question.language;
  json["xray_type"] = question.xrayType;
  json["images"] = static_cast<Json::UInt64>(question.images.size());
  json["answer_schema"] = WireSchema();
  // DICOM has other identifiers each time: it is the same question if the files are the same before that.
  std::string sources;
  if (options_.sendsDicom)
  {
    // The frames of an instance follow each other.
    int file = 0;
    std::string last;
    for (const AnalysedImage& image : question.images)
    {
      if (image.orthancInstanceId != last)
      {
        file++;
        sources += images_.Fingerprint(image) + "\n";
        last = image.orthancInstanceId;
      }
      Json::Value frame;
      frame["file"] = file;
      frame["frame"] = image.frame;
      json["frames"].append(frame);
    }
  }
  const std::string text = WriteJson(json);
  const auto images = options_.sendsDicom ? Deidentified(question) : RenderAll(question);
  Digest digest(Digest::Algorithm::Sha256);
  digest.Add(text);
  for (const std::string& image : images)
  {
    digest.Add(image);
  }
  const std::string boundary = "clinic-" + digest.Hexadecimal();
  ProviderRequest request;
  request.body = fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"request\"\r\nContent-Type: "
      "application/json\r\n\r\n{}\r\n",
      boundary, text);
  const char* const extension = options_.sendsDicom ? "dcm" : options_.asJpeg ? "jpeg" : "png";
  const char* const type = options_.sendsDicom ? "application/dicom"
                           : options_.asJpeg   ? "image/jpeg"
                                               : "image/png";
  for (size_t i = 0; i < images.size(); i++)
  {
    request.body += fmt::format(
        "--{}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"{}.{}\"\r\nContent-Type: "
        "{}\r\n\r\n",
        boundary, i + 1, extension, type);
    request.body += images[i] + "\r\n";
  }
  request.body += "--" + boundary + "--\r\n";
  request.contentType = "multipart/form-data; boundary=" + boundary;
  request.sha256 = Sha256Of(options_.endpoint + "\n" + (options_.sendsDicom ? text + sources : request.body));
  request.promptVersion = VERSION;
  return request;
}

Answer HttpProvider::Ask(const Question& question, const ProviderRequest& request,
                         const std::function<bool()>& isCancelled)
{
  const std::string at =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(Now().time_since_epoch()).count());
  const std::string proof = ToHexadecimal(HmacSha256(options_.secret, at + "." + request.body));
  const std::string body = Post(options_.endpoint,
                                {{"Content-Type", request.contentType},
                                 {"Accept", "application/json"},
                                 {"X-Clinic-Signature", "t=" + at + ",v1=" + proof}},
                                request.body, isCancelled);
  Answer answer;
  if (options_.sendsDicom)
  {
    answer.sentSha256 = Sha256Of(request.body);
    answer.sentBytes = static_cast<int64_t>(request.body.size());
  }
  try
  {
    const Json::Value json = ParseJson(body);
    if (!json.isObject() || !json["model"].isString() || json["model"].asString().empty())
    {
      throw BadInput("model: expected, the name and version of what analysed");
    }
    answer.model = Abbreviate(json["model"].asString(), 128);
    answer.result = FromWire(json["result"], question);
  }
  catch (const BadInput& error)
  {
    answer.error = error.what();
  }
  return answer;
}
}  // namespace OrthancClinic::Analysis
