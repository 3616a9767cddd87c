// SPDX-License-Identifier: GPL-3.0-or-later

#include "DicomProvider.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Tasks/TaskWorkers.h"
#include "Pseudonyms.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr size_t LARGEST_RESULT = 512 << 20;  // a segmentation of a volume
constexpr const char* PROFILE = "PS3.15 Basic Profile 2021b";

std::string ValueOf(const Json::Value& attributes, const char* tag)
{
  const Json::Value& value = attributes[tag]["Value"];
  return value.isArray() && !value.empty() && value[0].isString() ? value[0].asString() : "";
}

bool IsUid(const std::string& text)
{
  return !text.empty() && text.size() <= 64 && text.find_first_not_of("0123456789.") == std::string::npos;
}

// Of a QIDO-RS answer (PS3.18 F.2): SeriesInstanceUID and SOPInstanceUID.
std::vector<std::pair<std::string, std::string>> InstancesOf(const std::string& answer)
{
  Json::Value json;
  try
  {
    json = ParseJson(answer);
  }
  catch (const BadInput&)
  {
    throw Unavailable("The provider's answer to QIDO-RS is no JSON");
  }
  std::vector<std::pair<std::string, std::string>> instances;
  for (const Json::Value& item : json.isArray() ? json : Json::Value(Json::arrayValue))
  {
    if (item.isObject() && IsUid(ValueOf(item, "0020000E")) && IsUid(ValueOf(item, "00080018")))
    {
      instances.emplace_back(ValueOf(item, "0020000E"), ValueOf(item, "00080018"));
    }
  }
  return instances;
}

// The first body part of a multipart/related (RFC 2387), as WADO-RS answers one instance; else the body
// itself.
std::string FirstPart(const std::string& body, const std::string& contentType)
{
  const size_t named = contentType.find("boundary=");
  if (named == std::string::npos)
  {
    return body;
  }
  std::string boundary = contentType.substr(named + 9);
  boundary.erase(std::min(boundary.find(';'), boundary.size()));
  boundary.erase(std::remove(boundary.begin(), boundary.end(), '"'), boundary.end());
  const size_t head = body.find("--" + boundary);
  const size_t begin = head == std::string::npos ? head : body.find("\r\n\r\n", head);
  const size_t end = begin == std::string::npos ? begin : body.find("\r\n--" + boundary, begin);
  if (end == std::string::npos)
  {
    throw Unavailable("The provider's answer to WADO-RS is no multipart");
  }
  return body.substr(begin + 4, end - begin - 4);
}
}  // namespace

DicomProvider::DicomProvider(const ProviderOptions& options, Images& images, IOrthanc& orthanc)
    : options_(options),
      images_(images),
      orthanc_(orthanc),
      http_({.timeout = std::chrono::seconds(options.timeoutSeconds),
             .largestBody = LARGEST_RESULT,
             .connections = options.concurrency,
             .user = options.user,
             .password = options.password,
             .certificateAuthorities = options.certificateAuthorities})
{
}

ProviderRequest DicomProvider::Prepare(const Question& question)
{
  Digest digest(Digest::Algorithm::Sha256);
  digest.Add(options_.endpoint + "\n" + options_.modality + "\n" + PROFILE + "\n");
  std::set<std::string> seen;
  for (const AnalysedImage& image : question.images)
  {
    CheckBurnedIn(options_, image);
    if (seen.insert(image.orthancInstanceId).second)
    {
      digest.Add(images_.Fingerprint(image) + "\n");
    }
  }
  return {.body = "",
          .contentType = "application/dicom",
          .sha256 = digest.Hexadecimal(),
          .promptVersion = PROFILE};
}

Answer DicomProvider::Ask(const Question& question, const ProviderRequest&,
                          const std::function<bool()>& isCancelled)
{
  const Pseudonyms pseudonyms(question.analysisId);
  std::set<std::string> sent;
  Digest digest(Digest::Algorithm::Sha256);
  Answer answer;
  for (const AnalysedImage& image : question.images)
  {
    if (isCancelled())
    {
      throw Unavailable("The sending was given up");
    }
    if (sent.insert(image.orthancInstanceId).second)
    {
      const std::string file = pseudonyms.Deidentify(orthanc_, images_, image);
      Store(file, isCancelled);
      digest.Add(file);
      answer.sentBytes += static_cast<int64_t>(file.size());
    }
  }
  answer.sentSha256 = digest.Hexadecimal();
  answer.comesAsDicom = true;
  answer.model = options_.type == "dicom" ? options_.modality : options_.endpoint;
  return answer;
}

HttpReply DicomProvider::GetFrom(const std::string& path, const std::string& accept,
                                 const std::function<bool()>& isCancelled)
{
  HttpReply reply = http_.Send({.method = "GET",
                                .url = options_.endpoint + path,
                                .headers = {{"Accept", accept}},
                                .isCancelled = isCancelled});
  // QIDO-RS: 204 when nothing matches (PS3.18 10.6.3.1); some nodes say that the study is not there.
  if (reply.status != 200 && reply.status != 204 && reply.status != 404)
  {
    throw Unavailable(fmt::format("The provider answered {}", reply.status), RetryAfter(reply));
  }
  return reply;
}

std::map<std::string, std::string> DicomProvider::Fetch(const Question& question,
                                                        const std::set<std::string>& known,
                                                        const std::function<bool()>& isCancelled)
{
  const Pseudonyms pseudonyms(question.analysisId);
  std::set<std::string> ours;
  for (const AnalysedImage& image : question.images)
  {
    ours.insert(pseudonyms.Uid(image.sopInstanceUid));
  }
  const std::string study = "/studies/" + pseudonyms.Uid(Tag(question.images.front().tags, "0020,000d"));
  const HttpReply list = GetFrom(study + "/instances", "application/dicom+json", isCancelled);
  std::map<std::string, std::string> files;
  if (list.status != 200)
  {
    return files;
  }
  for (const auto& [series, instance] : InstancesOf(list.body))
  {
    if (ours.contains(instance) || known.contains(instance))
    {
      continue;
    }
    const HttpReply file =
        GetFrom(study + "/series/" + series + "/instances/" + instance,
                "multipart/related; type=\"application/dicom\"; transfer-syntax=*", isCancelled);
    const auto type = file.headers.find("content-type");
    if (file.status == 200 && type != file.headers.end())
    {
      files[instance] = FirstPart(file.body, type->second);
    }
  }
  return files;
}

void DicomProvider::Store(const std::string& file, const std::function<bool()>& isCancelled)
{
  if (options_.type == "dicom")
  {
    try
    {
      orthanc_.PostBytes("/modalities/" + options_.modality + "/store-straight", file);
    }
    catch (const NotFound&)
    {
      throw Unavailable("Orthanc knows no modality " + options_.modality);
    }
    catch (const BadInput&)
    {
      throw Unavailable("The modality " + options_.modality + " does not take the images");
    }
    return;
  }
  // PS3.18 10.5: multipart/related.
  const std::string boundary = "clinic-" + Sha256Of(file);
  const std::string body = fmt::format("--{}\r\nContent-Type: application/dicom\r\n\r\n", boundary) + file +
                           "\r\n--" + boundary + "--\r\n";
  const HttpReply reply = http_.Send(
      {.method = "POST",
       .url = options_.endpoint + "/studies",
       .headers = {{"Content-Type", "multipart/related; type=\"application/dicom\"; boundary=" + boundary},
                   {"Accept", "application/dicom+json"}},
       .body = body,
       .isCancelled = isCancelled});
  if (reply.status != 200)
  {
    throw Unavailable(fmt::format("The provider answered {}", reply.status), RetryAfter(reply));
  }
}
}  // namespace OrthancClinic::Analysis
