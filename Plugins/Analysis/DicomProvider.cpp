// SPDX-License-Identifier: GPL-3.0-or-later

#include "DicomProvider.h"

#include <fmt/format.h>

#include <set>

#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Tasks/TaskWorkers.h"
#include "Pseudonyms.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr const char* PROFILE = "PS3.15 Basic Profile 2021b";
}  // namespace

DicomProvider::DicomProvider(const ProviderOptions& options, Images& images, IOrthanc& orthanc)
    : options_(options),
      images_(images),
      orthanc_(orthanc),
      http_({.timeout = std::chrono::seconds(options.timeoutSeconds),
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
    const std::string risk = BurnedInRisk(image);
    if (!options_.burnedIn && !risk.empty())
    {
      throw PermanentFailure("The images are not sent, they may name the patient: " + risk);
    }
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
      const std::string file = pseudonyms.Deidentify(orthanc_, image);
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
