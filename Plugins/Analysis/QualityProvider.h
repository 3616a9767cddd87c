// SPDX-License-Identifier: GPL-3.0-or-later
//
// Measures the images themselves: see ImageQuality.h. Needs no network.

#pragma once

#include "Provider.h"

namespace OrthancClinic::Analysis
{
class QualityProvider : public IProvider
{
public:
  explicit QualityProvider(Images& images) : images_(images) {}

  ProviderRequest Prepare(const Question& question) override;
  Answer Ask(const Question& question, const ProviderRequest& request,
             const std::function<bool()>& isCancelled) override;

private:
  Images& images_;
};
}  // namespace OrthancClinic::Analysis
