// SPDX-License-Identifier: GPL-3.0-or-later
//
// A node that speaks DICOM: the images go to it without identity, by C-STORE to one of Orthanc's modalities
// or by STOW-RS; what it finds comes back as DICOM, to Orthanc's C-STORE or STOW-RS, in the study of the same
// pseudonym.

#pragma once

#include "Core/Http/HttpClient.h"
#include "Core/Orthanc.h"
#include "Provider.h"

namespace OrthancClinic::Analysis
{
class DicomProvider : public IProvider
{
public:
  DicomProvider(const ProviderOptions& options, Images& images, IOrthanc& orthanc);

  ProviderRequest Prepare(const Question& question) override;
  Answer Ask(const Question& question, const ProviderRequest& request,
             const std::function<bool()>& isCancelled) override;

private:
  void Store(const std::string& file, const std::function<bool()>& isCancelled);

  const ProviderOptions options_;
  Images& images_;
  IOrthanc& orthanc_;
  HttpClient http_;
};
}  // namespace OrthancClinic::Analysis
