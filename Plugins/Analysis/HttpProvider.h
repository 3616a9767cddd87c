// SPDX-License-Identifier: GPL-3.0-or-later
//
// A service that speaks our own protocol (README.md): a signed POST of rendered images or of
// de-identified DICOM, findings back.

#pragma once

#include "Core/Orthanc.h"
#include "RemoteProvider.h"

namespace OrthancClinic::Analysis
{
class HttpProvider : public RemoteProvider
{
public:
  HttpProvider(const ProviderOptions& options, Images& images, IOrthanc& orthanc)
      : RemoteProvider(options, images), orthanc_(orthanc)
  {
  }

  ProviderRequest Prepare(const Question& question) override;
  Answer Ask(const Question& question, const ProviderRequest& request,
             const std::function<bool()>& isCancelled) override;

private:
  // The files that are sent.
  std::vector<std::string> Deidentified(const Question& question);

  IOrthanc& orthanc_;
};
}  // namespace OrthancClinic::Analysis
