// SPDX-License-Identifier: GPL-3.0-or-later
//
// A node that speaks DICOM: the images go to it without identity, by C-STORE to one of Orthanc's modalities
// or by STOW-RS; what it finds comes back as DICOM, in the study of the same pseudonym: to Orthanc's C-STORE
// or STOW-RS, or found on the node by QIDO-RS.

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

  // By QIDO-RS and WADO-RS, of "dicomweb".
  std::map<std::string, std::string> Fetch(const Question& question, const std::set<std::string>& known,
                                           const std::function<bool()>& isCancelled) override;
  bool IsPolled() const override { return options_.type == "dicomweb"; }

private:
  HttpReply GetFrom(const std::string& path, const std::string& accept,
                    const std::function<bool()>& isCancelled);
  void Store(const std::string& file, const std::function<bool()>& isCancelled);

  const ProviderOptions options_;
  Images& images_;
  IOrthanc& orthanc_;
  HttpClient http_;
};
}  // namespace OrthancClinic::Analysis
