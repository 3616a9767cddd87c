// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who analyses. A request is made first, so that it is known what will leave, and then sent.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "AnalysisOptions.h"
#include "Core/Database/Database.h"
#include "Finding.h"
#include "Images.h"

namespace OrthancClinic::Analysis
{
struct Question
{
  std::string analysisId;  // what is pseudonymous goes by it
  std::string language;
  std::string xrayType;
  std::vector<AnalysedImage> images;
};

struct ProviderRequest
{
  std::string body;  // what is sent; empty where nothing is
  std::string contentType;
  std::string sha256;         // of everything that decides the answer
  std::string promptVersion;  // hash of the instructions; or the version of the method
};

struct Answer
{
  Json::Value result;         // {findings, summary?}, not yet checked against the images
  std::string error;          // what is wrong with it, if it cannot be used; it cost what it cost
  std::string model;          // as the provider names it
  bool comesAsDicom = false;  // later, into Orthanc: there is no result yet
  std::string sentSha256;     // of what was sent, where Prepare could not tell; else empty
  int64_t sentBytes = 0;      // likewise
  int64_t tokensIn = 0;
  int64_t tokensOut = 0;
};

class IProvider
{
public:
  virtual ~IProvider() = default;

  // Throws PermanentFailure if these images must not be sent.
  virtual ProviderRequest Prepare(const Question& question) = 0;

  // Throws Unavailable where another try can help (with Retry-After where it was told), PermanentFailure
  // where the provider refuses.
  virtual Answer Ask(const Question& question, const ProviderRequest& request,
                     const std::function<bool()>& isCancelled) = 0;

  // What a node that was asked for its results has of them beyond `known` (SOPInstanceUIDs): DICOM files by
  // SOPInstanceUID. Throws Unavailable. Only for those of which IsPolled.
  virtual std::map<std::string, std::string> Fetch(const Question&, const std::set<std::string>& /*known*/,
                                                   const std::function<bool()>& /*isCancelled*/)
  {
    return {};
  }
  virtual bool IsPolled() const { return false; }
};

std::unique_ptr<IProvider> MakeProvider(const ProviderOptions& options, Images& images, IOrthanc& orthanc);

// Throws MustNotLeave if the image may carry text in its pixels, unless the provider may be sent such
// ones.
void CheckBurnedIn(const ProviderOptions& options, const AnalysedImage& image);

// What the providers outside answer, "openai" and "http" alike: {findings: [{kind, severity, text,
// recommendation, confidence, image, frame, tooth, box}], summary}, with the image's number from 1, the box
// as shares of its width and height (left, top, width, height), texts in the language that was asked for, and
// null for what is not known.
const Json::Value& WireSchema();

// As a result; throws BadInput if it does not conform.
Json::Value FromWire(const Json::Value& answer, const Question& question);

// Files "<X-ray type>.<language>.txt" that were compiled in.
std::vector<std::pair<std::string_view, std::string_view>> Prompts();
}  // namespace OrthancClinic::Analysis
