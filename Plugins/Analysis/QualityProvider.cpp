// SPDX-License-Identifier: GPL-3.0-or-later

#include "QualityProvider.h"

#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Log.h"
#include "ImageQuality.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr const char* VERSION = "2";  // grows when a formula or a limit changes
}  // namespace

ProviderRequest QualityProvider::Prepare(const Question& question)
{
  Digest digest(Digest::Algorithm::Sha256);
  digest.Add(VERSION);
  for (const AnalysedImage& image : question.images)
  {
    digest.Add(image.sopInstanceUid + "/" + std::to_string(image.frame) + "/");
    digest.Add(images_.Fingerprint(image));
  }
  return {.body = "", .contentType = "", .sha256 = digest.Hexadecimal(), .promptVersion = VERSION};
}

Answer QualityProvider::Ask(const Question& question, const ProviderRequest&, const std::function<bool()>&)
{
  Answer answer;
  answer.model = std::string("quality-") + VERSION;
  answer.result["findings"] = Json::arrayValue;
  for (const AnalysedImage& image : question.images)
  {
    std::optional<QualityMeasures> measures;
    try
    {
      measures =
          Measure(images_.Decode(image), images_.PresentationOf(image), Tag(image.tags, "0008,0060") == "CT");
    }
    catch (const BadInput&)
    {
      // Not decodable: the finding says that it was not measured.
    }
    for (const Json::Value& finding : QualityFindings(image, measures))
    {
      answer.result["findings"].append(finding);
    }
  }
  return answer;
}
}  // namespace OrthancClinic::Analysis
