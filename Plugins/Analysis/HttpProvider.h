// SPDX-License-Identifier: GPL-3.0-or-later
//
// A service that speaks our own protocol (README.md): a signed POST of rendered images, findings back.

#pragma once

#include "RemoteProvider.h"

namespace OrthancClinic::Analysis
{
class HttpProvider : public RemoteProvider
{
public:
  HttpProvider(const ProviderOptions& options, Images& images) : RemoteProvider(options, images) {}

  ProviderRequest Prepare(const Question& question) override;
  Answer Ask(const Question& question, const ProviderRequest& request,
             const std::function<bool()>& isCancelled) override;
};
}  // namespace OrthancClinic::Analysis
