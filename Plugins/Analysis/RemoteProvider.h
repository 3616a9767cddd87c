// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the providers on the network have in common: the residency guard, the images without identity, and
// what an HTTP status means.

#pragma once

#include "Core/Http/HttpClient.h"
#include "Provider.h"

namespace OrthancClinic::Analysis
{
class RemoteProvider : public IProvider
{
protected:
  RemoteProvider(const ProviderOptions& options, Images& images);

  // Of each image what may leave: its pixels, encoded. Throws PermanentFailure if one may carry text in them.
  std::vector<std::string> RenderAll(const Question& question);

  // The body of a 200. Throws as IProvider::Ask.
  std::string Post(const std::string& url, const HttpHeaders& headers, const std::string& body,
                   const std::function<bool()>& isCancelled);

  const ProviderOptions options_;
  Images& images_;

private:
  HttpClient http_;
};
}  // namespace OrthancClinic::Analysis
